"""The colour of the person: what it is told by, how far it reaches, and how it is fitted."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.inference import predictor
from model.networks.studio import WIDTHS, PersonColour, Studio, of_the_skin, relit, shrunk
from model.training import colour

from . import made


def test_means_are_those_of_the_skin_at_every_level() -> None:
    skin = torch.zeros(1, 1, 64, 64)
    skin[..., :24] = 1
    levels = []
    for width, side in zip(WIDTHS[::-1], (8, 16, 32, 64, 128), strict=True):
        level = torch.full((1, width, side, side), 9.0)
        level[..., : side * 24 // 64] = float(width)
        levels.append(level)
    wanted = torch.cat([torch.full((1, width), float(width)) for width in WIDTHS[::-1]], dim=1)
    torch.testing.assert_close(of_the_skin(levels, skin), wanted)
    nobody = of_the_skin(levels, 0 * skin)
    assert bool((nobody == 0).all())


@torch.no_grad()
def test_gains_reach_the_person_and_nothing_else() -> None:
    network = made.network("studio")
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    last = network.mattes[-1]
    torch.nn.init.zeros_(last.weight)
    last.bias.copy_(torch.tensor([30.0, 0.0]))  # a person everywhere
    gains = torch.tensor([0.2, 0.0, -0.2])
    torch.nn.init.zeros_(network.colour.last.weight)
    image = torch.full((2, 3, 128, 128), 0.5)
    torch.testing.assert_close(network.predict(image).y, image)
    network.colour.last.bias.copy_(gains)
    light = torch.cat([gains, torch.zeros(3)]).view(1, 6, 1, 1).expand(2, 6, 128, 128)
    wanted = relit(image, light) - image
    torch.testing.assert_close(1 - 2 * network.predict(image).y, wanted)
    torch.testing.assert_close(1 - 2 * network(image), shrunk(wanted))
    last.bias.copy_(torch.tensor([-30.0, 0.0]))  # nobody
    torch.testing.assert_close(network.predict(image).y, torch.full_like(image, 0.5))
    torch.testing.assert_close(network(image), torch.full_like(image, 0.5))


def test_a_fit_finds_what_the_features_tell_and_takes_them_as_they_are() -> None:
    generator = torch.Generator().manual_seed(1)
    means = 5 + 3 * torch.rand(800, sum(WIDTHS), generator=generator)
    means[:, 100:200] = 0.7  # says nothing
    gains = 0.1 * (means[:, [3, 250, 400]] - 6.5)
    fresh, told = PersonColour(), PersonColour()
    left = colour.fit(means[:600], gains[:600], told, 1)
    with torch.no_grad():
        torch.testing.assert_close(fresh(means), torch.zeros_like(gains))
        missed = float((told(means[600:]) - gains[600:]).norm(dim=1).mean())
    nothing = float(gains[600:].norm(dim=1).mean())
    assert max(missed, left) < 0.75 * nothing
    again = PersonColour()
    colour.fit(means[:600], gains[:600], again, 1)
    assert torch.equal(again.first.weight, told.first.weight), "the same for the same seed"


def test_the_command_fits_the_colour_and_leaves_all_else(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = weights / "fresh.safetensors"
    call = [str(file), "--cache", str(folder), "--out", str(tmp_path), "--pictures", "40", "--workers", "0"]
    assert colour.main(call) == 0
    before, after = re.findall(r"by (\d\.\d+)", capsys.readouterr().out)
    assert float(after) < 0.9 * float(before)
    old, new = load_file(file), load_file(tmp_path / "fresh.safetensors")
    changed = {name for name, value in new.items() if name not in old or not torch.equal(value, old[name])}
    assert changed == {name for name in new if name.startswith("colour.")}
    facts = json.loads((tmp_path / "fresh.json").read_text())
    assert facts["trained"]["colour"]["samples"] == 40 and facts["trained"]["samples"] == 2
    assert facts["default"] and facts["parameters"] == sum(
        value.numel() for _, value in Studio().named_parameters()
    )
    predictor.load("fresh", folder=tmp_path)


def test_what_cannot_be_fitted_is_told_in_a_sentence(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(file: Path, cache: Path) -> str:
        assert colour.main([str(file), "--cache", str(cache), "--out", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    file = weights / "fresh.safetensors"
    assert "not a cache of portraits" in told(file, tmp_path)
    lone = tmp_path / "lone.safetensors"
    shutil.copy(file, lone)
    facts = json.loads((weights / "fresh.json").read_text()) | {"name": "lone", "file": lone.name}

    def described(**other: Any) -> Path:
        sha256 = hashlib.sha256(lone.read_bytes()).hexdigest()
        lone.with_suffix(".json").write_text(json.dumps(facts | {"sha256": sha256} | other))
        return lone

    assert "No network is installed whose description can be read." in told(lone, folder)
    assert "There is no network 'lone'; there is: fresh." in told(described(name="fresh"), folder)
    assert "is of lone.safetensors, not of lone.txt" in told(described().with_suffix(".txt"), folder)
    other = {**facts["constants"], "uncertainty": 0.015}
    assert "The weights of lone were trained with other constants" in told(described(constants=other), folder)
    assert "The weights of lone are not those" in told(described(sha256="0" * 64), folder)
    theirs = json.loads((predictor.WEIGHTS / "deepflash.json").read_text())
    kept = {name: theirs[name] for name in ("architecture", "constants")}
    assert "The weights of lone are of another network" in told(described(**kept), folder)
    shutil.copy(predictor.WEIGHTS / "deepflash.safetensors", lone)
    assert "lone is of deepflash; only studio has" in told(described(**kept), folder)
    save_file({n: v for n, v in load_file(file).items() if not n.startswith("mattes.")}, lone)
    assert "does not see the skin" in told(described(), folder)
    lone.write_bytes(b"none")
    assert "The weights of lone are not those" in told(lone, folder)
    few = [
        str(file),
        "--cache",
        str(folder),
        "--out",
        str(tmp_path / "out"),
        "--pictures",
        "4",
        "--workers",
        "0",
    ]
    assert colour.main(few) == 2
    assert "skin is seen in 4 pictures only" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
