"""The plug-in starts its server itself; the check tells how things are.

Both need a GIMP that sees the checkout and its Python: the machine's own, or a root
into which they can be mounted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem
from server.setup import weights
from tests.gimp.harness import Gimp


@pytest.fixture
def alone(seeing: Gimp, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gimp]:
    """GIMP that sees the checkout, with a state folder in which no server has ever run."""
    shown = replace(seeing, environment=dict(seeing.environment))
    home = seeing.work / "alone"
    shown.environment["STUDIO_PORTRAIT_HOME"] = shown.inside(home)
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(home))
    yield shown
    try:
        with Session.open(start=False) as session:
            session.shutdown()
    except Problem:
        pass


@pytest.fixture
def photo(installed: Gimp, selfie: Path) -> dict[str, Any]:
    with Image.open(selfie) as opened:
        picture = np.asarray(opened.convert("RGB").resize((480, 640), Image.Resampling.BOX))
    (installed.work / "photo.raw").write_bytes(picture.tobytes())
    size = {"samples": "photo.raw", "width": 480, "height": 640}
    return {**size, "base": "RGB", "precision": "U8_NON_LINEAR", "type": "RGB_IMAGE"}


def test_starts_the_server_with_an_environment_of_its_own(alone: Gimp, photo: dict[str, Any]) -> None:
    """GIMP's Python gets a module path on which the server would fail at its first import."""
    poison = alone.work / "poison"
    poison.mkdir()
    (poison / "zmq.py").write_text("raise SystemExit('a module of GIMP, not of the server')")
    told = alone.run("one", photo=photo, variables={"PYTHONPATH": alone.inside(poison)})
    assert told["status"] == "success", told["message"]
    found = runtime.Runtime.read(alone.work / "alone")
    assert found and found.version == VERSION
    with Session.open(start=False) as session:
        assert session.status()["jobs"]["done"] == 1
    again = alone.run("one", photo=photo)
    assert again["status"] == "success"
    later = runtime.Runtime.read(alone.work / "alone")
    assert later and later.pid == found.pid, "the second run finds the first one's server"


def test_check_set_up_with_no_image_open(alone: Gimp) -> None:
    told = alone.run("check")
    assert told["status"] == "success"
    report = told["report"]
    assert report.startswith(f"Studio Portrait {VERSION}, GIMP 3.")
    assert "Server: running, the network is ready" in report
    assert f"network: {weights.networks()[0].name}" in report
    assert report.partition("\nCheck:\n")[2].strip(), "the doctor's findings follow"
    assert report in told["stderr"], "the user is shown the same"


def test_check_set_up_tells_what_is_missing(installed: Gimp) -> None:
    """Everything else is still told."""
    missing = {"STUDIO_PORTRAIT_SERVER": "/nowhere/studio-portrait"}
    home = {"STUDIO_PORTRAIT_HOME": installed.inside(installed.work / "nobody")}
    told = installed.run("check", variables=missing | home)
    assert told["status"] == "success"
    assert "Server: The server could not be started: /nowhere/studio-portrait" in told["report"]
    assert "Check: /nowhere/studio-portrait could not be run" in told["report"]
