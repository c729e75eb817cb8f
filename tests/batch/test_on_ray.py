"""Batch on Ray, started on this machine: 60 pictures, an actor killed, the driver killed and resumed."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.sample import CHECKOUT, alike
from tests.server.running import wait_for

from .test_batch import _command, batch, lines, lines_whole, write

pytest.importorskip("ray", reason="RAY IS NOT INSTALLED: batch on Ray was not tried")

LATE = "timed out during startup"


def actors(of: psutil.Process) -> list[psutil.Process]:
    """The processes of Ray's under `of` that hold a network."""
    found = []
    for process in of.children(recursive=True):
        try:
            if "MapWorker" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def begun(driver: subprocess.Popen[str], out: Path, count: int) -> None:
    """Waits until so many pictures are done."""
    wait_for(
        lambda: (
            driver.poll() is not None
            or ((out / "studio-portrait.jsonl").exists() and len(lines_whole(out)) >= count)
        ),
        600,
    )
    if driver.poll() is not None:
        said = driver.communicate()[1]
        if LATE in said:
            pytest.skip("RAY DID NOT START HERE WITHIN ITS OWN 30 SECONDS: batch on Ray was not tried")
        raise AssertionError(said)


def test_sixty_pictures_an_actor_killed_the_driver_killed_and_resumed(tmp_path: Path) -> None:
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    for number in range(60):
        write(shoot / f"{number:02d}.jpg", number)
    (shoot / "bad.jpg").write_text("no picture")
    words = _command(shoot, "-o", out, "--ray", "local", "--jobs", "2", "--shine", "50")
    driver = subprocess.Popen(words, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    begun(driver, out, 4)
    pool = actors(psutil.Process(driver.pid))
    assert len(pool) == 2
    pool[0].kill()
    reached = len(lines_whole(out))
    wait_for(lambda: len(lines_whole(out)) >= reached + 12 or driver.poll() is not None, 600)
    assert driver.poll() is None
    driver.kill()
    driver.communicate()
    before = len(lines(out)) if lines_whole(out) else 0
    result = batch(shoot, "-o", out, "--ray", "local", "--shine", "50", "--resume", jobs=2)
    if LATE in result.stderr:
        pytest.skip("RAY DID NOT START AGAIN WITHIN ITS OWN 30 SECONDS: resuming on Ray was not tried")
    assert result.returncode == 1 and "1 failed" in result.stderr and "done before" in result.stderr
    told = lines(out)
    assert {line["name"] for line in told if line["status"] == "done"} == {f"{n:02d}.jpg" for n in range(60)}
    assert len(told) <= 61 + 1 + 2 * 4, (
        before,
        len(told),
    )  # what two actors had in their batches, and bad.jpg
    local = tmp_path / "local"
    batch(shoot / "41.jpg", "-o", local, "--shine", "50")
    ours, theirs = (np.asarray(Image.open(folder / "41.jpg")).astype(int) for folder in (out, local))
    assert alike(ours, theirs)


def test_ctrl_c_finishes_what_is_begun(tmp_path: Path) -> None:
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    for number in range(40):
        write(shoot / f"{number:02d}.jpg", number)
    words = _command(shoot, "-o", out, "--ray", "local", "--jobs", "2")
    driver = subprocess.Popen(words, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    begun(driver, out, 1)
    driver.send_signal(signal.SIGINT)
    said = driver.communicate(timeout=600)[1]
    assert driver.returncode == 130 and "--resume" in said and "Traceback" not in said, said
    done = [line["name"] for line in lines(out)]
    assert 1 <= len(done) < 40 and sorted(done) == sorted(path.name for path in out.glob("*.jpg"))
