"""``studio-portrait batch`` with everything real: processes, network, files; killed, resumed, filled up."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Settings
from server.batch.item import Item, Order
from server.batch.local import Local
from tests.sample import CHECKOUT, SELFIE, alike
from tests.server.running import PATIENCE

Run = subprocess.CompletedProcess[str]


def _command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "server", "batch", *(str(word) for word in words)]


def batch(*words: str | Path, jobs: int = 1) -> Run:
    """Run it to its end. jobs: workers, each of which takes seconds to start."""
    words = (*words, "--jobs", str(jobs))
    result = subprocess.run(_command(*words), cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr, result.stderr
    return result


def lines(out: Path) -> list[dict[str, Any]]:
    """The manifest's lines about pictures."""
    told = [json.loads(line) for line in (out / "studio-portrait.jsonl").read_text().splitlines()]
    return [line for line in told if "name" in line]


def write(path: Path, number: int = 0) -> None:
    """The selfie at a quarter of its size, a little brighter each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.asarray(Image.open(SELFIE).reduce(4)).astype(int) + number
    Image.fromarray(np.clip(small, 0, 255).astype(np.uint8)).save(path, quality=90)


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    """Six pictures, two of them in a folder."""
    for number in range(6):
        write(tmp_path / "shoot" / ("day 2" if number > 3 else ".") / f"{number}.jpg", number)
    return tmp_path / "shoot"


def test_same_pixels_as_retouch(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert batch(shoot, "-o", out, "--recursive", "--shine", "50", jobs=2).returncode == 0
    environment = {**os.environ, runtime.HOME_VARIABLE: str(tmp_path / "home")}
    words = [sys.executable, "-m", "server"]
    retouch = [*words, "retouch", str(shoot / "3.jpg"), "-o", str(tmp_path / "one.jpg"), "--shine", "50"]
    subprocess.run(retouch, cwd=CHECKOUT, env=environment, check=True)
    subprocess.run([*words, "stop"], cwd=CHECKOUT, env=environment, check=True, capture_output=True)
    ours, theirs = (
        np.asarray(Image.open(path)).astype(int) for path in (out / "3.jpg", tmp_path / "one.jpg")
    )
    before = np.asarray(Image.open(shoot / "3.jpg")).astype(int)
    assert np.abs(ours - before).max() > 10
    assert alike(ours, theirs)
    assert (out / "day 2" / "5.jpg").exists()
    line = next(line for line in lines(out) if line["name"] == "day 2/5.jpg")
    assert line["status"] == "done" and len(line["faces"]) == 1 and line["settings"]["shine"] == 0.5
    assert line["weights"] and set(line["ms"]) >= {"read", "faces", "predict", "reconstruct", "write"}


def test_a_run_that_could_not_begin_leaves_no_manifest(tmp_path: Path) -> None:
    empty, out, mine = tmp_path / "empty", tmp_path / "out", tmp_path / "mine.txt"
    empty.mkdir()
    mine.write_text("a line of my own\n")
    for words, status in (
        ((), 2),
        (("--manifest", mine), 2),
        (("--network", "nobody's"), 2),
        (("--server", "nobody's"), 2),
        (("--device", "x"), 2),
    ):
        assert batch(empty, "-o", out, *words).returncode == status
        assert not (out / "studio-portrait.jsonl").exists()
    assert mine.read_text() == "a line of my own\n"


def test_exit_status_2_whenever_nothing_was_tried(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "text.jpg").write_text("no picture")
    long = tmp_path / f"{'x' * 300}.jpg"
    headshot = ("--network", "headshot", "--reference")
    for words, said in (
        ((*headshot, tmp_path / "text.jpg"), "not a JPEG"),
        ((*headshot, long), "is not there"),
        (("--ray-installed",), "--ray"),
        (("--server", "127.0.0.1:1"), "--jobs"),
        (("--match-series", "--network", "nobodys"), "no network"),
    ):
        result = batch(shoot, "-o", out, *words)
        assert result.returncode == 2 and said in result.stderr, (words, result.stderr)
    result = subprocess.run(
        _command(shoot, "-o", out, "--server", "127.0.0.1:1"), cwd=CHECKOUT, capture_output=True, text=True
    )
    assert result.returncode == 2 and "Traceback" not in result.stderr, result.stderr
    assert not (out / "studio-portrait.jsonl").exists()


def test_a_reader_that_goes_away_is_no_failure_to_tell(shoot: Path, tmp_path: Path) -> None:
    words = _command(shoot, "-o", tmp_path / "out", "--dry-run")
    outlet, inlet = os.pipe()
    os.close(outlet)
    pipes: Any = {"stdout": inlet, "stderr": subprocess.PIPE, "text": True}
    at_once = {**os.environ, "PYTHONUNBUFFERED": "1"}
    result = subprocess.run(words, cwd=CHECKOUT, env=at_once, check=False, **pipes)
    os.close(inlet)
    assert "roken pipe" not in result.stderr and "Traceback" not in result.stderr, result.stderr


def test_how_to_go_on_names_no_picture_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from server.cli import batch as command

    monkeypatch.setattr(sys, "argv", ["x", "batch", "-o", "out", "--", "-.jpg"])
    assert command._how_to_go_on().endswith("studio-portrait batch -o out --resume -- -.jpg")


def test_a_second_ctrl_c_stops_a_run_that_ends_for_another_reason() -> None:
    from server.batch.run import Stop
    from server.cli import batch as command

    stop = Stop()
    stop.ask("the disk is full")
    with command._signals(stop), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(2 * command.SAME_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    assert stop.why == "the disk is full"


def test_standard_error_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with ``2>&-``: nothing was done, and nobody could be told."""
    from server.batch.run import Tally
    from server.cli.batch_progress import shown

    monkeypatch.setattr(sys, "stderr", None)
    with shown() as show:
        show(Tally(), None)


def test_how_to_go_on_is_what_was_given_and_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    from server.cli import batch as command

    for words, said in (
        ("batch a -o b", "batch a -o b --resume"),
        ("batch --resume -o b -- -a", "batch -o b --resume -- -a"),
    ):
        monkeypatch.setattr(sys, "argv", ["studio-portrait", *words.split()])
        assert command._how_to_go_on() == f"To go on: studio-portrait {said}"


def test_a_dry_run_says_what_it_cannot_list(shoot: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (shoot / "link.jpg").symlink_to(tmp_path / "out" / "0.jpg")
    result = batch(shoot, "-o", tmp_path / "out", "--dry-run")
    assert result.returncode == 1 and result.stdout.count(" -> ") == 4
    assert "1 x unreadable: It is a link" in result.stderr and str(shoot / "link.jpg") in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are others there")
def test_ctrl_c_is_heard_while_a_reader_of_the_log_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with ``2>&1 | less``: what hears the signal must not print into the print that waits."""
    from server.batch.run import Stop
    from server.cli import batch as command
    from server.cli.terminal import tell

    outlet, inlet = os.pipe()
    read = list[bytes]()

    def later() -> None:
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        while data := os.read(outlet, 1 << 16):
            read.append(data)

    stop = Stop()
    with open(inlet, "w") as log, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", log)
        reader = threading.Thread(target=later)
        reader.start()
        with command._signals(stop):
            tell("x" * (1 << 20))  # more than a pipe holds
    reader.join()
    os.close(outlet)
    assert stop.why == command._CTRL_C and b"".join(read).count(b"x") == 1 << 20


def test_bad_files_are_counted_and_named(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (shoot / "text.jpg").write_text("no picture")
    (shoot / "empty.png").touch()
    whole = (shoot / "0.jpg").read_bytes()
    (shoot / "short.jpg").write_bytes(whole[: len(whole) // 2])
    (shoot / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(shoot / "pipe.jpg")
    Image.new("RGB", (200, 200), "grey").save(shoot / "wall.jpg")
    result = batch(shoot, "-o", out)
    assert result.returncode == 1
    status = Counter(line["status"] for line in lines(out))
    assert status == {"done": 4, "failed": 5, "no-face": 1}
    for name in ("text.jpg", "empty.png", "short.jpg", "gone.jpg", "pipe.jpg"):
        assert f"{shoot / name}: " in result.stderr and name in result.stderr.split("pictures a second")[1]
    assert "4 done, 1 without a face, 5 failed" in result.stderr
    again = batch(shoot, "-o", out, "--resume")
    assert "0 done, 5 done before, 5 failed" in again.stderr and again.returncode == 1


def test_only_what_is_asked_for_decides_who_has_no_face(tmp_path: Path) -> None:
    """A frame that is made brighter needs no face; one that has fewer faces than asked for is left out."""
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    write(shoot / "0.jpg")
    Image.new("RGB", (64, 64), "grey").save(shoot / "wall.png")
    words = ("--faces", "2", "--shine", "0", "--light", "0", "--colour", "0", "--brightness", "30")
    assert batch(shoot, "-o", out, *words).returncode == 0
    assert [line["status"] for line in lines(out)] == ["no-face", "no-face"]
    assert [path.name for path in out.iterdir()] == ["studio-portrait.jsonl"]
    result = batch(shoot, "-o", out, *words, "--reach", "frame", "--resume")
    assert "2 done, 0 failed" in result.stderr and result.returncode == 0, result.stderr
    assert np.asarray(Image.open(out / "wall.png")).mean() > 135


def test_stops_at_the_first_failure_when_told_to(shoot: Path, tmp_path: Path) -> None:
    (shoot / "-.jpg").write_text("no picture")
    result = batch(shoot, "-o", tmp_path / "out", "--on-error", "stop")
    assert result.returncode == 1 and "a picture failed" in result.stderr and "--resume" in result.stderr
    assert len(lines(tmp_path / "out")) < 4


def test_resume_does_what_is_missing_changed_or_failed(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (shoot / "bad.jpg").write_text("no picture")
    assert batch(shoot, "-o", out).returncode == 1
    refused = batch(shoot, "-o", out)
    assert refused.returncode == 2 and "--resume" in refused.stderr
    write(shoot / "bad.jpg", 9)  # repaired
    write(shoot / "1.jpg", 40)  # changed
    (out / "2.jpg").unlink()  # missing
    (out / "3.jpg").write_bytes((out / "3.jpg").read_bytes()[:-1])  # damaged
    dry = batch(shoot, "-o", out, "--resume", "--dry-run")
    assert dry.stdout.count(" -> ") == 4 and "1 are done already" in dry.stderr and dry.returncode == 0
    result = batch(shoot, "-o", out, "--resume")
    assert result.returncode == 0 and "4 done, 1 done before, 0 failed" in result.stderr
    assert batch(shoot, "-o", out, "--resume", "--strength", "50").stderr.count("5 done, 0 failed") == 1


def test_killed_at_any_moment_and_resumed(shoot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in range(6, 12):
        write(shoot / f"{number}.jpg", number)
    kills = 0
    for seconds in (0.0, 0.3, 0.1):
        words = _command(shoot, "-o", out, "--recursive", *(["--resume"] if kills else []))
        before = len(lines(out)) if kills else 0
        process = subprocess.Popen(words, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
        while not (out / "studio-portrait.jsonl").exists() or len(lines_whole(out)) <= before:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(seconds)
        process.kill()
        process.wait()
        kills += 1
    assert batch(shoot, "-o", out, "--recursive", "--resume", jobs=2).returncode == 0
    told = lines(out)
    assert {line["name"] for line in told} == {line["name"] for line in told if line["status"] == "done"}
    assert len({line["name"] for line in told}) == 12
    assert len(told) <= 12 + 2 * kills  # at most one picture per worker is done again
    left = [path for path in out.rglob("*") if path.is_file() and path.suffix not in (".jpg", ".jsonl")]
    assert not left, "nothing half-written stays"
    for path in out.rglob("*.jpg"):
        Image.open(path).load()


def lines_whole(out: Path) -> list[bytes]:
    """As `lines`, while somebody writes."""
    return [
        line for line in (out / "studio-portrait.jsonl").read_bytes().split(b"\n")[:-1] if b'"name"' in line
    ]


def test_ctrl_c_once_finishes_and_twice_stops(shoot: Path, tmp_path: Path) -> None:
    for number in range(6, 20):
        write(shoot / f"{number}.jpg", number)
    for times in (1, 2):
        out = tmp_path / f"out{times}"
        process = subprocess.Popen(
            _command(shoot, "-o", out), cwd=CHECKOUT, stderr=subprocess.PIPE, text=True
        )
        while not (out / "studio-portrait.jsonl").exists() or not lines_whole(out):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        if times == 2:
            time.sleep(0.4)
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 130 and "Finishing" in said and "--resume" in said, said
        assert "Traceback" not in said
        done = [line["name"] for line in lines(out)]
        assert 1 <= len(done) < 18
        if times == 1:
            assert sorted(done) == sorted(path.name for path in out.glob("*.jpg"))


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A folder that soon is full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("NO SMALL FILE SYSTEM CAN BE MADE HERE: batch on a full disk was not tried")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_ends_the_run_and_is_named(shoot: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 64) as out:
        result = batch(shoot, "-o", out, "--manifest", tmp_path / "run.jsonl")
        assert result.returncode == 1 and "disk-full" in result.stderr and "the disk is full" in result.stderr
        assert all(path.stat().st_size > 0 for path in out.glob("*.jpg"))
        assert not list(out.glob(".studio*"))


def test_a_manifest_that_cannot_go_on_ends_the_run_and_says_so(shoot: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 4) as small:
        result = batch(shoot, "-o", tmp_path / "out", "--manifest", small / "run.jsonl")
        assert result.returncode == 1 and "cannot be written (No space left" in result.stderr, result.stderr
        assert " done, 0 failed" in result.stderr and "To go on: " in result.stderr
        assert all(json.loads(line) for line in (small / "run.jsonl").read_text().splitlines())


def test_an_end_is_told_while_the_next_is_looked_for(shoot: Path, tmp_path: Path) -> None:
    """As when a hundred thousand pictures are proven and the one that failed has just been done."""
    told = []

    def items() -> Iterator[Item | None]:
        yield Item(str(shoot / "0.jpg"), str(tmp_path / "out" / "0.jpg"), "0.jpg")
        deadline = time.monotonic() + PATIENCE
        while not told:
            assert time.monotonic() < deadline
            yield None
        yield Item(str(shoot / "1.jpg"), str(tmp_path / "out" / "1.jpg"), "1.jpg")

    engine = Local(Order(Settings().as_dict()), 1)
    for outcome in engine.map(items()):
        told.append(outcome["name"])
    engine.close()
    assert told == ["0.jpg", "1.jpg"]


def test_masks(shoot: Path, tmp_path: Path) -> None:
    assert batch(shoot / "0.jpg", "-o", tmp_path / "out", "--mask", "--format", "png").returncode == 0
    mask = Image.open(tmp_path / "out" / "0-mask.png")
    assert mask.mode == "L" and mask.size == Image.open(shoot / "0.jpg").size
    assert np.asarray(mask).max() == 255 and np.asarray(mask)[0, 0] < 30


def test_a_worker_that_dies_as_it_starts(
    shoot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again, as one that is killed for memory; and there are no more than pictures."""
    monkeypatch.setenv("DIES_AT_FIRST", str(tmp_path / "first"))
    item = Item(str(shoot / "0.jpg"), str(tmp_path / "out" / "0.jpg"), "0.jpg")
    engine = Local(Order(Settings().as_dict()), 3, [sys.executable, "-m", "tests.batch.killing_worker"])
    assert [outcome["status"] for outcome in engine.map([item])] == ["done"]
    assert len(engine._workers) == 1
    engine.close()


def test_a_picture_that_kills_its_worker(shoot: Path, tmp_path: Path) -> None:
    """Its worker is replaced, its neighbours are done, and it is given up after a second time."""
    items = []
    for name in ("a.jpg", "b kills.jpg", "c once.jpg", "d.jpg", "e.jpg"):
        shutil.copy(shoot / "0.jpg", shoot / name)
        items.append(Item(str(shoot / name), str(tmp_path / "out" / name), name))
    engine = Local(Order(Settings().as_dict()), 2, [sys.executable, "-m", "tests.batch.killing_worker"])
    outcomes = {outcome["name"]: outcome for outcome in engine.map(items)}
    engine.close()
    assert {name for name, outcome in outcomes.items() if outcome["status"] == "done"} == {
        item.name for item in items if "kills" not in item.name
    }
    assert outcomes["b kills.jpg"]["code"] == "worker-died"
