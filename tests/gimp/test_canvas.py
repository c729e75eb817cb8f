"""The dialog's preview beside GIMP's canvas: an image of a wide profile has the same colours in both."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.gimp import screen
from tests.gimp.harness import Gimp
from tests.gimp.server import Server
from tests.gimp.test_window import DIALOG, MAIN, OPEN

# The first has no equal in sRGB: there its red would be 0, and on a wide monitor 116 instead of 0.
BANDS = np.array([(0, 255, 0), (230, 60, 60), (200, 160, 140), (128, 128, 128)], np.uint8)
ADOBE = imagecodecs.cms_profile("adobergb")
WIDE = imagecodecs.cms_profile(  # a monitor with the primaries of Display P3
    "rgb", whitepoint=[0.3127, 0.329, 1], primaries=[0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1], gamma=2.2
)
LEAST = 15_000  # pixels of the screen that each band covers


def missing(picture: Path, colours: np.ndarray) -> list[list[int]]:
    """Those of the colours that cover less of a screenshot than a band does."""
    with Image.open(picture) as opened:
        seen = np.asarray(opened.convert("RGB")).astype(int)
    return [one.tolist() for one in colours if (np.abs(seen - one).max(-1) <= 2).sum() < LEAST]


def wait_until_there(shown: screen.Screen, picture: Path, colours: np.ndarray) -> None:
    end = time.monotonic() + 60
    while left := (shown.picture(picture, whole=True), missing(picture, colours))[1]:
        assert time.monotonic() < end, f"{left} are not seen"
        time.sleep(0.5)


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "FLOAT_LINEAR"])
def test_wide_colours_are_the_canvas_own(
    windowed: Gimp, server: Server, tmp_path: Path, precision: str
) -> None:
    bands = np.repeat(np.repeat(BANDS[None], 900, 0), 225, 1)
    Image.fromarray(bands).save(windowed.work / "bands.png", icc_profile=ADOBE)
    (windowed.profile / "monitor.icc").write_bytes(WIDE)
    windowed.quiet()
    with (windowed.profile / "gimprc").open("a") as file:
        path = windowed.inside(windowed.profile / "monitor.icc")
        file.write(f'(color-management (display-profile "{path}") (display-profile-from-gdk no))\n')
    colours = imagecodecs.cms_transform(BANDS[None], ADOBE, WIDE, colorspace="rgb", outcolorspace="rgb")[0]
    state = windowed.work / "canvas.json"
    told = {"photo": windowed.inside(windowed.work / "bands.png"), "precision": precision, "seconds": 240}
    home = {"STUDIO_PORTRAIT_HOME": windowed.inside(server.home)}
    with screen.Screen() as shown:
        batch = windowed.batch("watch")
        variables = {"DISPLAY": shown.display, **home, **windowed.job(state, **told)}
        process = subprocess.Popen(windowed.command("gimp", "-n", "--no-splash", *batch, **variables))
        try:
            main = shown.window(MAIN, 120)
            shown.maximize(main)
            wait_until_there(shown, tmp_path / "canvas.png", colours)
            shown.focus(main)
            shown.keys(*OPEN)
            shown.maximize(shown.window(DIALOG))  # nothing of the canvas is seen any more
            wait_until_there(shown, tmp_path / "dialog.png", colours)
        finally:
            process.kill()
            process.wait()
            windowed.quiet()
