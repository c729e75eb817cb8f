"""What the filter refuses in real GIMP, and the sentence that the user reads then."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gimp.harness import Gimp
from tests.gimp.server import Server

SENTENCES = {
    "indexed": "The image has indexed colours. Choose Image > Mode > RGB",
    "group": "“Set” is a group of layers. Select a layer in it",
    "locked_group": "The group “Set” is locked. Unlock it",
    "text": "“Hello” is a text, link or vector layer",
    "channel": "A channel is selected",
    "result_without_its_picture": "The picture from which “Photo - studio portrait” was made is gone",
    "two_layers": "Studio Portrait works on exactly one layer; 2 are selected",
    "no_layer": "Studio Portrait works on exactly one layer; 0 are selected",
    "floating": "There is a floating selection. Anchor it",
    "selection_outside": "The selection lies outside of the layer",
    "faces_without_selection": "nothing is selected",
    "face_not_in_selection": "No face was found in the selection",
    "no_face": "No face was found. ",
    "face_that_is_not_there": "Faces were found, but none of them is ticked. Tick a face",
    "effects_in_a_group": "The layer has effects, which the layers of a group would not show. Merge",
    "unknown_network": "There is no network",
    "network_with_odd_letters": "A network's name has letters",
    "headshot_without_portrait": "The network headshot needs a reference portrait to match. Choose the file",
    "portrait_without_headshot": "this network does not use one. Choose the network headshot",
    "portrait_without_face": "No face was found in the reference portrait. Choose a sharp portrait",
    "portrait_that_is_none": "photo.raw cannot be opened. Choose the file of a picture",
    "tiny": "No face was found. ",
    "too_large": "the limit is 100 megapixels",
    "not_a_number": "not numbers",
}


@pytest.fixture(scope="module")
def told(installed: Gimp, server: Server, selfie: Path) -> dict[str, Any]:
    with Image.open(selfie) as opened:
        picture = np.asarray(opened.convert("RGB").resize((480, 640), Image.Resampling.BOX))
    (installed.work / "photo.raw").write_bytes(picture.tobytes())
    warm = Image.fromarray((picture * [1.0, 0.8, 0.6]).astype(np.uint8))
    exif = Image.Exif()
    exif[274] = 6  # stored lying on its side
    warm.transpose(Image.Transpose.ROTATE_90).save(installed.work / "portrait.jpg", quality=95, exif=exif)
    Image.new("L", (600, 500), 128).save(installed.work / "grey.png")
    noise = np.random.default_rng(1).integers(0, 256, picture.shape, dtype=np.uint8)
    (installed.work / "noise.raw").write_bytes(noise.tobytes())
    light = ((picture / 255.0) ** 2.2).astype(np.float32)
    light[300:310, 200:260] = np.nan
    (installed.work / "nan.raw").write_bytes(light.tobytes())
    answers: dict[str, Any] = installed.run("refusals")
    return answers


@pytest.mark.parametrize("name", SENTENCES)
def test_refused_with_a_sentence_and_nothing_left_behind(told: dict[str, Any], name: str) -> None:
    assert "crash" not in told[name], told[name]["crash"]
    assert told[name]["status"] == "execution-error"
    message = told[name]["message"]
    assert SENTENCES[name] in message
    assert re.fullmatch(r"[^\n]+[.!]", message), "whole sentences, no traceback"
    assert message.count(". ") >= 1 or name in ("two_layers", "no_layer"), "a hint follows the sentence"
    assert told[name]["unchanged"]


def test_effects_that_are_switched_off_do_not_count(told: dict[str, Any]) -> None:
    said = told["hidden_effects_in_a_group"]
    assert "crash" not in said, said["crash"]
    assert said["status"] == "success", said


def test_a_frame_that_is_made_lighter_needs_no_face(told: dict[str, Any]) -> None:
    """As on the command line, and as the dialog's picture shows it."""
    assert "crash" not in told["frame_without_a_face"], told["frame_without_a_face"]["crash"]
    said = told["frame_without_a_face"]
    assert (said["status"], said["layers"]) == ("success", 2), said


def test_a_locked_and_hidden_layer_gives_a_free_and_visible_one(told: dict[str, Any]) -> None:
    assert "crash" not in told["locked_and_hidden"], told["locked_and_hidden"]["crash"]
    assert told["locked_and_hidden"] == {
        "status": "success",
        "locked": False,
        "visible": True,
        "original": [True, False],
    }


def test_a_layer_mask_stands_for_its_layer(told: dict[str, Any]) -> None:
    assert "crash" not in told["layer_mask"], told["layer_mask"]["crash"]
    assert told["layer_mask"]["status"] == "success"


def test_a_reference_portrait_is_matched(told: dict[str, Any], installed: Gimp) -> None:
    assert "crash" not in told["portrait_matched"], told["portrait_matched"]["crash"]
    before, after = (
        np.fromfile(installed.work / name, np.uint8).reshape(640, 480, 3).astype(float)
        for name in ("photo.raw", "matched.raw")
    )
    changed = (before != after).any(-1)
    assert 0.05 < changed.mean() < 0.9
    warmth = [picture[changed][:, 0].mean() / picture[changed][:, 2].mean() for picture in (before, after)]
    assert warmth[1] > 1.08 * warmth[0], "it leans towards the reference"


def test_server_lives_after_all_that(told: dict[str, Any], server: Server) -> None:
    status = server.status()
    assert status and status["worker"]["state"] == "ready" and not status["running"]
