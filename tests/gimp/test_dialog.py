"""What the user does in the real dialog while the server works, when it is gone, and with a selection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.dialog import keep_networks
from model.inference import cache
from plugin.studio_portrait.link import stopping
from tests.gimp import screen
from tests.gimp.harness import Gimp
from tests.gimp.server import Server

SIDE = (480, 640)
SELECTED = 250  # columns from the left: the face's middle, and half of the face


@pytest.fixture(scope="module")
def told(windowed: Gimp, selfie: Path) -> dict[str, Any]:
    with Image.open(selfie) as opened:
        picture = np.asarray(opened.convert("RGB").resize(SIDE, Image.Resampling.BOX))
    (windowed.work / "dialog.raw").write_bytes(picture.tobytes())
    photo = {"samples": "dialog.raw", "width": SIDE[0], "height": SIDE[1], "base": "RGB"}
    photo |= {"precision": "U8_NON_LINEAR", "type": "RGB_IMAGE"}
    home, result = windowed.work / "dialog-home", windowed.work / "dialog.json"
    try:
        with Server(home) as server, screen.Screen() as shown:
            server.wait_ready()
            job = windowed.job(result, photo=photo, selected=SELECTED)
            job[cache.VARIABLE] = windowed.inside(keep_networks(windowed.work))
            job |= {"DISPLAY": shown.display, "STUDIO_PORTRAIT_HOME": windowed.inside(home)}
            command = windowed.command("gimp", "-n", "--no-splash", *windowed.batch("dialog"), **job)
            done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    finally:
        stopping.stop(home)
    assert result.exists(), done.stdout + done.stderr
    answers: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return answers


def test_retouch_at_once_after_stop_makes_the_result(told: dict[str, Any]) -> None:
    assert sum(told["stopped_rendering"]["changed"]) > 10_000, told["stopped_rendering"]


def test_stop_before_the_faces_are_found_means_stop(told: dict[str, Any]) -> None:
    """Nothing is retouched unasked later; what is under way is not begun again."""
    expected = {"again": True, "busy": False, "analyses": [0, 1], "layers": 1}
    assert told["stopped_analysis"] == expected


def test_a_selection_that_only_chooses_faces_cuts_nothing(told: dict[str, Any]) -> None:
    left, right = told["faces_by_selection"]
    assert left > 1000 and right > 1000


def test_a_selection_that_limits_again_is_heeded(told: dict[str, Any]) -> None:
    left, right = told["within_selection"]
    assert left > 1000 and right == 0


def test_an_earlier_analysis_is_not_rendered(told: dict[str, Any]) -> None:
    made = told["selection_outside"]
    assert made["layers"] == 1
    assert all(words.startswith("The selection lies outside of the layer.") for words in made["said"])


def test_no_face_ticked_is_said_and_ticks_are_not_for_other_pictures(told: dict[str, Any]) -> None:
    """Nor does a picture without a selection change whether it limits the next one."""
    words = "Faces were found, but none of them is ticked. Tick a face in the picture, or choose all faces."
    assert told["nothing_ticked"] == {"said": words, "limit": "yes", "faces": "all"}


@pytest.mark.parametrize("when", ["image_closed", "image_closed_meanwhile"])
def test_an_image_closed_beside_the_dialog_is_told_of(told: dict[str, Any], when: str) -> None:
    """It stayed busy for ever."""
    assert told[when]["said"].startswith("The image was closed while it was retouched."), told[when]
    assert not told[when].get("busy")


def test_a_selection_that_is_gone_is_told_of(told: dict[str, Any]) -> None:
    """Faces to choose are shown all the same."""
    assert told["selection_gone"]["said"].startswith("The faces in the selection are to be retouched, but")
    assert told["selection_gone"]["frames"] == 1


@pytest.mark.usefixtures("seeing")
def test_a_lost_server_is_started_again_by_retouch(told: dict[str, Any]) -> None:
    assert told["server_lost"]["said"].startswith("The server does not answer any more.")
    assert told["server_lost"]["layers"] == 2, told["server_lost"]
