"""The server gone, before and during a job, and GIMP gone while the server works."""

from __future__ import annotations

import itertools
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gimp.harness import Gimp
from tests.gimp.server import Server

SIDE = (1500, 2000)
NUMBER = itertools.count()


@pytest.fixture(scope="module")
def photo(installed: Gimp, selfie: Path) -> dict[str, Any]:
    """A layer large enough for its job to be met on its way."""
    with Image.open(selfie) as opened:
        picture = np.asarray(opened.convert("RGB").resize(SIDE, Image.Resampling.BILINEAR))
    (installed.work / "large.raw").write_bytes(picture.tobytes())
    return {
        "samples": "large.raw",
        "width": SIDE[0],
        "height": SIDE[1],
        "base": "RGB",
        "precision": "U8_NON_LINEAR",
        "type": "RGB_IMAGE",
    }


@pytest.fixture
def lone(installed: Gimp) -> Iterator[tuple[Gimp, Path]]:
    """GIMP with a state folder of this test's own."""
    home = installed.work / f"lone{next(NUMBER)}"  # short: a socket's path has 107 characters at most
    before = installed.environment.get("STUDIO_PORTRAIT_HOME")
    installed.environment["STUDIO_PORTRAIT_HOME"] = installed.inside(home)
    yield installed, home
    if before is not None:
        installed.environment["STUDIO_PORTRAIT_HOME"] = before


def test_killed_before_the_job(lone: tuple[Gimp, Path], photo: dict[str, Any]) -> None:
    """Its runtime file is still there; the plug-in sees through that and tries to start another."""
    gimp, home = lone
    with Server(home) as server:
        server.wait_for(lambda status: True, 30)
        server.kill()
    assert (home / "server.json").exists()
    told = gimp.run("one", photo=photo, variables={"STUDIO_PORTRAIT_SERVER": "/nowhere/studio-portrait"})
    assert told["status"] == "execution-error"
    assert "The server could not be started: /nowhere/studio-portrait" in told["message"]
    assert told["unchanged"]


def test_killed_during_the_job(lone: tuple[Gimp, Path], photo: dict[str, Any]) -> None:
    gimp, home = lone
    with Server(home) as server:
        server.wait_for(lambda status: True, 30)

        def kill_when_it_works() -> None:
            server.wait_for(lambda status: status["running"] or status["queue"], 60)
            server.kill()

        killer = threading.Thread(target=kill_when_it_works)
        killer.start()
        told = gimp.run("one", photo=photo)
        killer.join()
    assert told["status"] == "execution-error"
    assert told["message"].startswith("The server does not answer any more. ")
    assert "server.log" in told["message"]
    assert told["unchanged"]


def test_gimp_gone_cancels_the_job_within_a_second(lone: tuple[Gimp, Path], photo: dict[str, Any]) -> None:
    gimp, home = lone
    with Server(home) as server:
        server.wait_for(lambda status: True, 30)
        job = gimp.job(gimp.work / "never.json", photo=photo)
        command = gimp.command("gimp-console", "--no-interface", *gimp.batch("one"), **job)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server.wait_for(lambda status: status["running"] or status["queue"], 60)
        finally:
            process.kill()
            process.wait()
        server.wait_for(lambda status: status["jobs"]["cancelled"] == 1 and not status["queue"], 60)
