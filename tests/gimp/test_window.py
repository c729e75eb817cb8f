"""GIMP's window once, on a screen of its own: the menu, the dialog, undo, the last values.

The screenshots are kept in the folder that STUDIO_PORTRAIT_SCREENSHOTS names; the
README's come from there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gimp import screen
from tests.gimp.harness import ABSENT, Gimp, GimpFailed
from tests.gimp.server import Server

DIALOG = "^Studio Portrait$"


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("STUDIO_PORTRAIT_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def told(installed: Gimp, server: Server, selfie: Path, shots: Path) -> Iterator[dict[str, Any]]:
    """What the script in GIMP told, after the user's part was played on the screen."""
    if absent := screen.missing():
        pytest.skip(f"{ABSENT} with a window: {', '.join(absent)} missing")
    try:
        gimp = installed.with_checkout()  # 3.2's window also needs /proc and /dev
    except GimpFailed:
        gimp = installed
    gimp.quiet()
    with Image.open(selfie) as opened:
        opened.resize((576, 768)).save(gimp.work / "selfie.png")
    result = gimp.work / "window.json"
    with screen.Screen() as shown:
        job = gimp.job(result, photo=gimp.inside(gimp.work / "selfie.png"))
        command = gimp.command(
            "gimp", "-n", "--no-splash", *gimp.batch("window"), DISPLAY=shown.display, **job
        )
        with (gimp.work / "window.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            play(shown, gimp.work, shots)
            screen.wait_for(lambda: str(result) if result.exists() else "", 60)
        except AssertionError as failure:
            shown.picture(shots / "gimp-failure.png")
            raise AssertionError((gimp.work / "window.log").read_text("utf-8", "replace")) from failure
        finally:
            process.kill()
            process.wait()
    yield json.loads(result.read_text()) | {"message_after_undo": (gimp.work / "message-after-undo").exists()}


def play(shown: screen.Screen, work: Path, shots: Path) -> None:
    """The user: opens the menu, sets the strength to 40 %, undoes, dismisses the last dialog."""
    screen.wait_for(lambda: "x" if (work / "shown").exists() else "", 120)
    main = shown.window("layer.* – GIMP$")
    shown.maximize(main)
    shown.focus(main)
    shown.keys("alt+r", "h")
    shown.picture(shots / "gimp-menu.png")
    shown.keys("Escape", "Escape", "Escape")
    (work / "go").touch()
    dialog = shown.window(DIALOG)
    shown.focus(dialog)
    shown.picture(shots / "gimp-dialog.png")
    shown.keys("alt+t", "ctrl+a")
    shown.type("40")
    shown.keys("Tab")
    shown.keys("alt+o")
    screen.wait_for(lambda: "x" if (work / "retouched").exists() else "", 60)
    shown.focus(main)
    shown.picture(shots / "gimp-result.png")
    shown.keys("ctrl+z")
    dialog = shown.window(DIALOG)
    if shown.shows("^GIMP Message$"):  # "Can't undo Attach Parasite to Item", which swallows the next key
        (work / "message-after-undo").touch()
    shown.focus(dialog)
    shown.keys("Escape")
    screen.wait_for(lambda: "x" if (work / "blank").exists() else "", 60)
    shown.focus(shown.window("layer.* – GIMP$"))
    shown.keys("alt+r", "h", "o")  # the menu item itself, on a picture with no face
    shown.focus(shown.window(DIALOG))
    shown.keys("alt+o")
    shown.window("^GIMP Message$", 30)
    shown.picture(shots / "gimp-no-face.png")
    (work / "read").touch()


def test_dialog_sets_the_parameters(told: dict[str, Any]) -> None:
    status, note = told["interactive"]
    assert status == "success", note
    assert json.loads(note)["settings"]["strength"] == pytest.approx(0.4)


def test_one_undo_step_takes_it_all_back(told: dict[str, Any]) -> None:
    assert told["undone"] == ["Background"]
    assert not told["message_after_undo"]


def test_repeat_uses_the_last_values(told: dict[str, Any]) -> None:
    status, note = told["last_values"]
    assert status == "success", note
    assert json.loads(note)["settings"]["strength"] == pytest.approx(0.4)


def test_dismissed_dialog_changes_nothing(told: dict[str, Any]) -> None:
    assert told["dismissed"] == ["cancel", 2]


def test_menu_item_tells_in_a_dialog_that_there_is_no_face(told: dict[str, Any]) -> None:
    """The dialog itself was waited for while the user's part was played."""
    assert told["blank"] == 1


@pytest.mark.parametrize("name", ["gimp-menu.png", "gimp-dialog.png", "gimp-result.png", "gimp-no-face.png"])
def test_screenshots_show_something(told: dict[str, Any], shots: Path, name: str) -> None:
    with Image.open(shots / name) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape[0] > 200 and pixels.std() > 10
