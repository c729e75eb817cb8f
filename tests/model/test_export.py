"""From a checkpoint to the files that are served, and what is refused."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import BadWeights
from model.inference import predictor
from model.paper.preprocessing import CURRENT
from model.training import export

from . import made


@pytest.fixture(scope="module")
def studio() -> dict[str, object]:
    return made.checkpoint_of(made.network("studio"))


def defaults(folder: Path) -> list[str]:
    return [info.name for info in predictor.available(folder) if info.default]


def test_what_is_written_can_be_trained_on_and_is_fp16(studio: dict, tmp_path: Path) -> None:
    file = export.export(studio, tmp_path)
    tensors = load_file(file)
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    missing, unexpected = made.create("studio").load_state_dict(tensors, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)
    facts = json.loads((tmp_path / "studio.json").read_text())
    assert (facts["architecture"], facts["bytes"]) == ("studio", file.stat().st_size)
    assert facts["trained"]["samples"] == 3 * studio["config"]["batch"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["studio.json", "studio.safetensors"]


def test_there_is_always_one_default(studio: dict, tmp_path: Path) -> None:
    export.export(studio, tmp_path, "first")
    assert defaults(tmp_path) == ["first"]
    export.export(studio, tmp_path, "second")
    assert defaults(tmp_path) == ["first"]
    export.export(studio, tmp_path, "second", default=True)
    assert defaults(tmp_path) == ["second"]
    export.export(studio, tmp_path, "second")
    assert defaults(tmp_path) == ["second"]
    assert [info.name for info in predictor.available(tmp_path)] == ["second", "first"]


def test_a_checkpoint_of_the_first_training_says_less_and_is_deepflashs() -> None:
    first = {"seed": 1, "size": 256, "batch": 4, "steps": 1300, "rate": 7e-4, "warm_up": 100}
    first |= {"offset_weight": 1.0, "freeze_norm": 0.4, "average": 0.995, "validate_every": 9, "held_out": 12}
    config = export._config(first)
    assert (config.architecture, config.samples(10)) == ("deepflash", 40)


def test_the_command(studio: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(studio, tmp_path / "last.pt")
    out = tmp_path / "out"
    arguments = [str(tmp_path / "last.pt"), "--folder", str(out), "--name", "ours", "--hardware", "an abacus"]
    assert export.main([*arguments, "--before", "an earlier run"]) == 0
    assert "ours.safetensors" in capsys.readouterr().out
    (info,) = predictor.available(out)
    assert (info.name, info.trained["hardware"]) == ("ours", "an abacus")
    assert info.trained["before"] == "an earlier run"
    assert info.trained["resolution"] == "256 px crops of 256 px framings"


def test_weights_say_which_preprocessing_they_were_trained_with(studio: dict, tmp_path: Path) -> None:
    other = {**asdict(CURRENT), "diameter": 9}
    export.export({**studio, "preprocessing": other}, tmp_path)
    (info,) = predictor.available(tmp_path)
    with pytest.raises(BadWeights, match="diameter 9 instead of"):
        info.check()


def test_the_mean_of_two_weights(studio: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(studio, tmp_path / "last.pt")
    one = export.export(studio, tmp_path, "one")
    tensors = load_file(one)
    save_file({name: value * 3 for name, value in tensors.items()}, tmp_path / "three.safetensors")
    arguments = [str(tmp_path / "last.pt"), "--folder", str(tmp_path), "--name", "two", "--mean"]
    assert export.main([*arguments, str(tmp_path / "three.safetensors")]) == 0
    for name, value in load_file(tmp_path / "two.safetensors").items():
        torch.testing.assert_close(value.float(), 2 * tensors[name].float(), rtol=2e-3, atol=1e-5)
    save_file({"other": torch.ones(3)}, tmp_path / "other.safetensors")
    for wrong, told in (("other.safetensors", "another network"), ("last.pt", "no weights")):
        assert export.main([*arguments, str(tmp_path / wrong)]) != 0
        assert told in capsys.readouterr().err


def spoilt(state: dict, what: str) -> object:
    average = dict(state["average"])
    if what == "another network":
        return {**state, "config": {**state["config"], "architecture": "deepflash"}}
    if what == "no checkpoint":
        return average
    if what == "not finite":
        average["module.head.bias"] = torch.full_like(average["module.head.bias"], 1e6)
    if what == "another version":
        return {**state, "config": {"batch": 2}}
    return {**state, "average": average}


@pytest.mark.parametrize("what", ["another network", "no checkpoint", "not finite", "another version"])
def test_what_does_not_fit_is_one_sentence(
    what: str, studio: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(spoilt(studio, what), tmp_path / "last.pt")
    assert export.main([str(tmp_path / "last.pt"), "--folder", str(tmp_path / "out")]) == 2
    assert what.split()[-1] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_name_that_could_not_be_asked_for_is_refused(studio: dict, tmp_path: Path) -> None:
    with pytest.raises(export.Unusable, match="letters"):
        export.export(studio, tmp_path, "../ours")


def test_a_description_that_is_damaged_is_told(studio: dict, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{")
    with pytest.raises(export.Unusable, match="other.json"):
        export.export(studio, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "folder"])
def test_a_file_that_is_no_checkpoint_is_one_sentence(
    damage: str, studio: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "last.pt"
    if damage == "cut":
        torch.save(studio, path)
        path.write_bytes(path.read_bytes()[:100_000])
    elif damage == "text":
        path.write_text("not a checkpoint")
    elif damage == "folder":
        path.mkdir()
    assert export.main([str(path), "--folder", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "last.pt" in told and "Traceback" not in told and told.count("\n") == 1
