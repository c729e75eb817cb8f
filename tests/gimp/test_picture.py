"""The dialog's picture in real GTK: view, split, mask, ticks; in the monitor's colours, sharp at 200 %."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import imagecodecs
import pytest

from tests.gimp import screen
from tests.gimp.harness import Gimp

RED, BLUE, GREY, BACKDROP = [255, 0, 0], [0, 0, 255], [200, 200, 200], [110, 110, 110]


def seen(gimp: Gimp, name: str, **variables: str) -> dict[str, Any]:
    result = gimp.work / f"{name}.json"
    with screen.Screen() as shown:
        job = gimp.job(result)
        command = gimp.command(
            "gimp", "-n", "--no-splash", *gimp.batch("view"), DISPLAY=shown.display, **job, **variables
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.exists(), done.stdout + done.stderr
    told: dict[str, Any] = json.loads(result.read_text())
    return told


@pytest.fixture(scope="module")
def told(windowed: Gimp) -> dict[str, Any]:
    return seen(windowed, "view")


def test_before_left_and_after_right_of_the_divider(told: dict[str, Any]) -> None:
    assert told["split"] == [RED, BLUE, BACKDROP]
    assert told["before"] == RED
    assert told["mask"] == GREY


def test_fit_and_whole_pixels_ask_for_what_is_seen(told: dict[str, Any]) -> None:
    assert told["size"] == [400, 300]
    assert told["fit"] == [[[0, 0, 1000, 500], 400, 200], 0.4]
    assert told["whole pixels"] == [[[300, 100, 400, 300], 400, 300], 1.0]
    assert told["left edge"] == [0, 100, 400, 300], "no panning beyond the edge"
    assert told["twice, corner kept"] == [[0, 100, 200, 150], 200, 150], "no more samples than there are"
    assert told["fit again"] == [0, 0, 1000, 500]


def test_ticks_are_told_only_when_the_user_clicks(told: dict[str, Any]) -> None:
    assert told["ticked"] == [1]
    assert told["after click"] == [[0, 1], 1]
    assert told["set"] == [[0], 1]


def test_at_200_percent_every_pixel_of_the_screen_is_used(windowed: Gimp) -> None:
    told = seen(windowed, "view-200", GDK_SCALE="2")
    assert told["size"] == [800, 600]
    assert told["fit"] == [[[0, 0, 1000, 500], 800, 400], 0.8]


def test_colours_are_the_monitors(windowed: Gimp) -> None:
    """On a monitor that shows AdobeRGB, sRGB's red is a smaller number."""
    windowed.quiet()
    (windowed.profile / "monitor.icc").write_bytes(imagecodecs.cms_profile("adobergb"))
    with (windowed.profile / "gimprc").open("a") as file:
        path = windowed.inside(windowed.profile / "monitor.icc")
        file.write(f'(color-management (display-profile "{path}") (display-profile-from-gdk no))\n')
    told = seen(windowed, "view-managed")
    windowed.quiet()
    assert told["split"][0] == pytest.approx([219, 0, 0], abs=2)
    assert told["split"][1] == pytest.approx([0, 0, 250], abs=2)
    assert told["split"][2] == BACKDROP, "what is not the picture stays"
