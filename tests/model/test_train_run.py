"""Real runs of ``python -m model train``: killed, resumed, on real pairs, told what is wrong."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from model.data.prepare import pairs as prepared
from model.data.synthesize.cache import INDEX, Entry
from model.data.synthesize.maps import COUNT, PLANES
from model.data.synthesize.portraits import Portrait
from model.training import checkpoint, train
from model.training.config import Config
from model.training.samples import Steps, held_out, sources, trainable

CONFIG = """
architecture = "studio"
seed = 3
size = 32
shrink = 2
batch = 2
steps = {steps}
rate = 1e-3
warm_up = 2
offset_weight = 1.0
freeze_norm = 0.5
average = 0.9
validate_every = 1000
checkpoint_every = 2
held_out = 1
real = {real}
"""
PEOPLE = [f"person {i}" for i in range(12)]
KEPT = [name for name in PEOPLE if Portrait("", "", name).held_out]
TRAINED = [name for name in PEOPLE if name not in KEPT]


def ball() -> np.ndarray:
    """The maps of a grey ball before a wall."""
    y, x = (np.mgrid[:512, :512] - 255.5) / 200
    inside = (x * x + y * y < 1).astype(np.float32)
    z = np.sqrt((1 - x * x - y * y).clip(0, 1))
    planes = np.full((512, 512, COUNT), 255, np.uint8)
    planes[..., PLANES["studio"]] = planes[..., PLANES["scene"]] = (
        120 + 60 * x[..., None] * [1, 0.5, -1]
    ).clip(0, 255)
    planes[..., PLANES["normal"]] = 127.5 * (np.dstack([x, y, z]).clip(-1, 1) + 1)
    planes[..., PLANES["depth"]] = (160 - 60 * (1 - z))[..., None]
    for name in ("person", "skin", "tone", "shine"):
        planes[..., PLANES[name]] = 255 * inside[..., None]
    return planes


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people to train on and one who is held out."""
    folder, rows = tmp_path_factory.mktemp("cache"), []
    for i, person in enumerate([*TRAINED[:2], KEPT[0]]):
        np.save(folder / f"p{i}.npy", ball())
        rows.append(asdict(Entry(f"p{i}", "test", person, person in KEPT, 22.0, 0.5)))
    (folder / INDEX).write_text(json.dumps(rows), "utf-8")
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three prepared pairs: a gradient, and the same darker; the last of a person who is held out."""
    folder, rows = tmp_path_factory.mktemp("pairs"), []
    for i, person in enumerate([*TRAINED[:2], KEPT[0]]):
        files = folder / f"{i}_flash.png", folder / f"{i}_studio.png"
        picture = np.full((512, 512, 3), (np.arange(512) / 4 + 100)[:, None, None] + [0, 5 * i, 9], np.uint8)
        cv2.imwrite(str(files[0]), picture)
        cv2.imwrite(str(files[1]), picture - 50)
        split = prepared.HELD_OUT if person in KEPT else prepared.TRAIN
        rows.append(prepared.Pair(person, *files, 0.1, (1, 0, 0, 0, 1, 0), split))
    prepared.write(folder, rows)
    return folder


def config(folder: Path, steps: int = 4, share: float = 0.0) -> Path:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(steps=steps, real=share), "utf-8")
    return path


def killed_after_a_checkpoint(arguments: list[str], last: Path) -> int:
    """Start a run, kill it when its first checkpoint is there; returns how it ended."""
    command = [sys.executable, "-W", "ignore", "-m", "model", "train", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    while not last.exists() and run.poll() is None:
        time.sleep(0.005)
    run.kill()
    return run.wait()


def test_a_killed_run_ends_where_the_unbroken_one_does(cache: Path, tmp_path: Path) -> None:
    path, folder = config(tmp_path, 8), copy(cache, tmp_path, [0, 1])
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = [str(path), "--cache", str(folder), "--workers", "0", "--run"]
    assert killed_after_a_checkpoint([*arguments, str(killed)], killed / "last.pt") == -signal.SIGKILL
    assert 0 < torch.load(killed / "last.pt", weights_only=True)["step"] < 8
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as above: sums in another order have other last bits
    try:
        assert train.main([*arguments, str(killed), "--resume"]) == 0
        assert train.main([*arguments, str(whole)]) == 0
    finally:
        torch.set_num_threads(threads)
    one, two = (torch.load(run / "last.pt", weights_only=True) for run in (killed, whole))
    assert one["step"] == two["step"] == 8
    for part in ("network", "average"):
        for name, value in one[part].items():
            assert torch.equal(value, two[part][name]), name
    assert (killed / "curve.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="process groups are POSIX")
def test_a_signal_to_the_whole_group_ends_a_run_in_order(cache: Path, tmp_path: Path) -> None:
    path, folder = config(tmp_path, 4000), copy(cache, tmp_path, [0, 1])
    arguments = [str(path), "--cache", str(folder), "--workers", "1", "--run", str(tmp_path / "run")]
    command = [sys.executable, "-W", "ignore", "-m", "model", "train", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    while not (tmp_path / "run" / "last.pt").exists() and run.poll() is None:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGTERM)
    _, told = run.communicate(timeout=120)
    assert run.returncode == 0 and "Traceback" not in told
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["step"] < 4000


def copy(cache: Path, beside: Path, kept: list[int], **change: bool) -> Path:
    """Some portraits of a cache, their index changed."""
    folder = beside / "copy"
    folder.mkdir()
    rows = json.loads((cache / INDEX).read_text("utf-8"))
    for i in kept:
        (folder / f"p{i}.npy").symlink_to(cache / f"p{i}.npy")
    (folder / INDEX).write_text(json.dumps([rows[i] | change for i in kept]), "utf-8")
    return folder


def test_nobody_who_is_held_out_is_trained_on(cache: Path, real: Path, tmp_path: Path) -> None:
    lied = copy(cache, tmp_path, [0, 1, 2], held_out=False)
    for folder in (cache, lied):
        known = sources(folder, real, 0.5)
        assert {entry.person for entry in known.portraits} == set(TRAINED[:2])
        assert not any(held_out(entry) for entry in known.portraits)
        assert {pair.person for pair in known.real} == set(TRAINED[:2])


def test_samples_follow_from_the_step_and_mix_as_told(cache: Path, real: Path, tmp_path: Path) -> None:
    steps = {}
    for share in (0.0, 0.5):
        told = Config.read(config(tmp_path, 12, share))
        steps[share] = Steps(sources(cache, real if share else None, share), told, 0)
    assert all(float(steps[0.0][i].known.min()) == 1 for i in range(2))
    batches = [steps[0.5][i] for i in range(4)]
    kinds = torch.cat([batch.known for batch in batches])
    assert 0 < int(kinds.sum()) < 8
    for batch in batches:
        assert batch.x.shape == batch.bl_o.shape == (2, 3, 32, 32)
        for x, o, known in zip(batch.x, batch.o, batch.known, strict=True):
            if not known:  # the same cut of both, at half the scale
                torch.testing.assert_close(x - o, torch.full_like(x, 50 / 255), atol=0.01, rtol=0)
    again = Steps(steps[0.5].known, steps[0.5].config, 3)[0]
    for name, part in vars(batches[3]).items():
        assert torch.equal(part, vars(again)[name])


def test_several_mixes_are_drawn_by_their_shares(cache: Path, tmp_path: Path) -> None:
    """Pictures without a flash have no shine; the rest are flashes."""
    told = Config.read(config(tmp_path, 12))
    told = replace(told, batch=4, mixes=(("still", 0.5),))
    steps = Steps(sources(cache, None, 0.0), told, 0)
    flashed = [float(specular.max()) > 0 for i in range(4) for specular in steps[i].specular]
    assert len(flashed) == 16 and 3 <= sum(flashed) <= 13
    assert torch.equal(steps[2].x, Steps(steps.known, told, 2)[0].x)


def test_no_two_random_streams_of_a_step_are_the_same(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, new = [], np.random.default_rng

    def noted(seed: Any) -> np.random.Generator:
        begun.append(new(seed).bytes(16))
        return new(seed)

    monkeypatch.setattr(np.random, "default_rng", noted)
    told = replace(Config.read(config(tmp_path, 12)), batch=12, mixes=(("still", 0.3), ("hard", 0.3)))
    _ = Steps(sources(cache, None, 0.0), told, 0)[0]
    assert len(begun) == len(set(begun)) == 4, "the step's own, and one for each mix"


def on_pairs(settings: Path, pairs: Path, run: Path) -> list[str]:
    """The command's arguments for real pairs alone, all in this process."""
    return [str(settings), "--pairs", str(pairs), "--run", str(run), "--workers", "0"]


def test_real_pairs_alone_train_too(real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (real / "extra.txt").write_text("not a pair")
    arguments = on_pairs(config(tmp_path), real, tmp_path / "run")
    assert train.main(arguments) == 0
    assert "held_out_real" in capsys.readouterr().err
    state = torch.load(tmp_path / "run/last.pt", weights_only=True)
    assert state["step"] == 4
    assert train.main(arguments) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train.main([*arguments, "--resume", "--minutes", "0"]) == 0  # nothing is left to do


def test_a_peer_trains_by_the_same_command(cache: Path, real: Path, tmp_path: Path) -> None:
    path = config(tmp_path, share=0.5)
    path.write_text(path.read_text("utf-8").replace('"studio"', '"hdrnet"'), "utf-8")
    arguments = [str(path), "--cache", str(cache), "--pairs", str(real), "--workers", "0"]
    assert train.main([*arguments, "--run", str(tmp_path / "run")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text("utf-8").splitlines()]
    assert {"do_nothing", "held_out", "do_nothing_real", "held_out_real"} <= {
        key for row in rows for key in row
    }
    assert checkpoint.architecture(checkpoint.load(tmp_path / "run/last.pt")) == "hdrnet"
    assert (tmp_path / "run/curve.png").exists() and (tmp_path / "run/samples_000004.png").exists()


def test_a_spent_budget_ends_with_a_checkpoint_and_numbers(real: Path, tmp_path: Path) -> None:
    arguments = on_pairs(config(tmp_path, 999), real, tmp_path / "run")
    assert train.main([*arguments, "--minutes", "0"]) == 0
    assert torch.load(tmp_path / "run/last.pt", weights_only=True)["step"] == 1
    assert (tmp_path / "run/samples_real_000001.png").exists()


def test_a_run_that_diverges_ends_and_keeps_its_last_checkpoint(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, 2)
    arguments = [str(path), "--pairs", str(real), "--run", str(tmp_path / "run"), "--workers", "0"]
    assert train.main(arguments) == 0
    path.write_text(path.read_text().replace("steps = 2", "steps = 8"))
    last = tmp_path / "run/last.pt"
    state = torch.load(last, weights_only=True)
    state["network"]["stem.0.weight"][0] = math.nan
    checkpoint.save(last, state)
    assert train.main([*arguments, "--resume"]) == 2
    assert "not finite; lower the rate, then --resume" in capsys.readouterr().err.splitlines()[-1]
    assert torch.load(last, weights_only=True)["step"] == 2


def test_what_cannot_be_trained_on_is_told(
    cache: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, empty = str(config(tmp_path)), tmp_path / "empty"
    empty.mkdir()
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / INDEX).write_bytes((cache / INDEX).read_bytes())
    other = tmp_path / "other.pt"
    torch.save({"weights": torch.zeros(2)}, other)
    run = ["--run", str(tmp_path / "run")]
    for arguments, told in (
        ([str(tmp_path / "none.toml")], "No such file"),
        ([path], "nothing to train on"),
        ([path, "--cache", str(empty)], "not a cache of portraits"),
        ([path, "--cache", str(lacking)], "missing or damaged"),
        ([path, "--pairs", str(empty)], "has no manifest.csv"),
        ([path, "--cache", str(cache), "--pairs", str(real)], "real = 0.5"),
        ([path, "--cache", str(cache), "--resume"], "last.pt"),
        ([path, "--cache", str(cache), "--init", str(other)], "another network"),
        ([path, "--cache", str(cache), "--init", "imagenet"], "--encoder"),
    ):
        assert train.main([*arguments, *run]) == 2, told
        error = capsys.readouterr().err
        assert told in error
        assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_an_index_without_anybody_is_told(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("[]", "utf-8")
    with pytest.raises(ValueError, match="no portraits"):
        trainable(tmp_path)
    (tmp_path / INDEX).write_text('[{"name": 3}]', "utf-8")
    with pytest.raises(ValueError, match="damaged"):
        trainable(tmp_path)
