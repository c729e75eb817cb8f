"""One run from within: a progress bar that only grows, and an image that the user closes meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link.wire import STAGES
from tests.gimp.harness import Gimp
from tests.gimp.server import Server


@pytest.fixture(scope="module")
def told(installed: Gimp, server: Server, selfie: Path) -> dict[str, Any]:
    with Image.open(selfie) as opened:
        picture = np.asarray(opened.convert("RGB").resize((1500, 2000), Image.Resampling.BILINEAR))
    (installed.work / "inside.raw").write_bytes(picture.tobytes())
    photo = {"samples": "inside.raw", "width": 1500, "height": 2000, "base": "RGB"}
    photo |= {"precision": "U8_NON_LINEAR", "type": "RGB_IMAGE"}
    answers: dict[str, Any] = installed.run("run_inside", photo=photo)
    return answers


def test_progress_bar_begins_once_and_never_goes_back(told: dict[str, Any]) -> None:
    calls = told["bar"]
    assert [call for call in calls if call[0] == "init"] == calls[:1], "an init sets the bar back to 0"
    shares = [share for kind, share in calls if kind == "at"]
    assert shares == sorted(shares) and len(set(shares)) >= 4  # some are left out when they come quickly
    assert {words for kind, words in calls if kind != "at"} <= set(STAGES.values())


@pytest.mark.parametrize("stage", ["upload", "predict", "download"])
def test_image_closed_meanwhile_ends_the_run_quietly(told: dict[str, Any], stage: str) -> None:
    """GIMP itself said "tried reading from invalid drawable"."""
    assert told[stage] == {"code": "cancelled", "reached": [stage]}
    assert "invalid" not in told["stderr"]


@pytest.mark.parametrize("what", ["scaled-predict", "scaled-download", "converted", "widened", "narrowed"])
def test_a_layer_that_is_another_one_meanwhile_gets_no_result(told: dict[str, Any], what: str) -> None:
    """Rows of the old size were written into a copy of the new one."""
    assert told[what]["code"] == "bad-image" and told[what]["reached"]
