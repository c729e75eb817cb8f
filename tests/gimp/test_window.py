"""GIMP's window on a screen of its own: a walk by keyboard alone from the menu to redo.

The screenshots are kept in the folder that STUDIO_PORTRAIT_SCREENSHOTS names; the README's come from there.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gimp import screen
from tests.gimp.harness import Gimp
from tests.gimp.server import Server

NAMED = os.environ.get("STUDIO_PORTRAIT_SCREENSHOTS")
MAIN, DIALOG, MESSAGE = "layer.* – GIMP$", "^Studio Portrait", "^GIMP (Message|Warning|Error)$"
RESULT = "Background - studio portrait"
OPEN = ("alt+r", "h", "o")  # Filters > Enhance > Studio Portrait...


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(NAMED) if NAMED else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Walk:
    """The user at the keyboard; `seen` keeps what the image's layers were at each step."""

    def __init__(self, shown: screen.Screen, work: Path, state: Path, shots: Path):
        self.screen, self.work, self._state, self._shots = shown, work, state, shots
        self.seen: dict[str, Any] = {}
        self.messages: list[str] = []

    def layers(self) -> list[dict[str, Any]] | None:
        try:
            found: list[dict[str, Any]] | None = json.loads(self._state.read_text())["layers"]
        except (OSError, ValueError):
            return None
        return found

    def note(
        self, step: str, ready: Callable[[list[dict[str, Any]]], Any], seconds: float = 120
    ) -> list[dict[str, Any]]:
        """Wait until the image's layers are as the step makes them, and keep them."""
        self.screen.wait_for(lambda: "x" if ready(self.layers() or []) else "", seconds)
        layers = self.layers() or []
        self.seen[step] = layers
        if self.screen.shows(MESSAGE):
            self.messages.append(step)
        return layers

    def open(self, picture: str = "") -> None:
        """Choose the menu item and wait for the dialog with its preview."""
        self.screen.focus(self.screen.window(MAIN))
        self.screen.keys(*OPEN)
        self.screen.focus(self.screen.window(DIALOG))
        if picture:
            time.sleep(8 if NAMED else 1)  # the preview, on a machine that is busy
            self.shot(picture)

    def set(self, mnemonic: str, value: str) -> None:
        self.screen.keys(mnemonic, "ctrl+a")
        self.screen.type(value)
        self.screen.keys("Tab")

    def shot(self, name: str) -> None:
        self.screen.picture(self._shots / name)

    def back_to_image(self) -> None:
        self.screen.focus(self.screen.window(MAIN))


def made(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """The one result among the layers; an empty one when there is none."""
    found = [layer for layer in layers if layer["account"]]
    return found[0] if len(found) == 1 else {}


def strength(layers: list[dict[str, Any]]) -> float:
    return float(made(layers)["account"]["settings"]["strength"]) if made(layers) else -1.0


def play(walk: Walk) -> None:
    """From the menu to redo, without a mouse."""
    shown = walk.screen
    walk.note("begin", lambda layers: len(layers) == 1, 240)
    main = shown.window(MAIN)
    shown.maximize(main)
    shown.focus(main)
    shown.keys("alt+r", "h")
    walk.shot("gimp-menu.png")
    shown.keys("Escape", "Escape", "Escape")

    walk.open("gimp-dialog.png")
    shown.keys("alt+u", "End", "Escape")  # a dialog that is dismissed changes nothing, and remembers all
    time.sleep(1)
    walk.note("dismissed", lambda layers: True)
    walk.open()
    shown.keys("alt+e", "Down")  # from the preset that the defaults are to the next one: Matte
    walk.set("alt+s", "80")
    shown.keys("z")
    time.sleep(1.5)
    walk.shot("gimp-dialog-100.png")
    shown.keys("z", "m")
    time.sleep(1.5)
    walk.shot("gimp-dialog-mask.png")
    shown.keys("m", "f")
    time.sleep(1)
    walk.shot("gimp-dialog-faces.png")
    shown.keys("alt+t")
    # It has its name when it is done, and another while it is made.
    walk.note("group", lambda layers: made(layers).get("children") and made(layers)["name"] != "group")
    walk.back_to_image()
    walk.shot("gimp-group.png")

    walk.open("gimp-edit-again.png")
    walk.set("alt+s", "40")
    shown.keys("alt+u", "Home", "alt+t")
    edited = made(walk.note("edited", lambda layers: strength(layers) == 0.4))["id"]
    walk.back_to_image()
    walk.shot("gimp-result.png")
    shown.keys("ctrl+f")
    walk.note("repeated", lambda layers: strength(layers) == 0.4 and made(layers)["id"] != edited)
    shown.keys("ctrl+z", "ctrl+z")
    walk.note("undone", lambda layers: strength(layers) == 0.8)
    shown.keys("ctrl+z")
    walk.note("undone twice", lambda layers: len(layers) == 1)
    shown.keys("ctrl+y")
    walk.note("redone", lambda layers: strength(layers) == 0.8)


@pytest.fixture(scope="module")
def walk(windowed: Gimp, server: Server, selfie: Path, shots: Path) -> Iterator[Walk]:
    """The whole walk, played once."""
    gimp = Gimp(
        windowed.root,
        windowed.work,
        {**windowed.environment, "STUDIO_PORTRAIT_HOME": windowed.inside(server.home)},
        windowed.mounts,
    )
    with Image.open(selfie) as opened:
        opened.save(gimp.work / "selfie.png")
    state = gimp.work / "watched.json"
    with screen.Screen() as shown:
        job = gimp.job(state, photo=gimp.inside(gimp.work / "selfie.png"), seconds=800)
        command = gimp.command(
            "gimp", "-n", "--no-splash", *gimp.batch("watch"), DISPLAY=shown.display, **job
        )
        with (gimp.work / "window.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        done = Walk(shown, gimp.work, state, shots)
        try:
            play(done)
        except AssertionError as failure:
            shown.picture(shots / "gimp-failure.png")
            raise AssertionError((gimp.work / "window.log").read_text("utf-8", "replace")) from failure
        finally:
            (gimp.work / "enough").touch()
            process.kill()
            process.wait()
    yield done


def test_dismissed_dialog_changes_nothing(walk: Walk) -> None:
    assert walk.seen["dismissed"] == walk.seen["begin"]


def test_preset_and_strength_are_taken_and_what_was_cancelled_is_remembered(walk: Walk) -> None:
    group = made(walk.seen["group"])
    assert group["name"] == RESULT
    settings = group["account"]["settings"]
    assert (settings["strength"], settings["shine"], settings["light"]) == (0.8, 1.0, 0.5), "Matte at 80 %"
    assert group["account"]["output"] == "group", "chosen before the dialog was dismissed"


def test_group_has_a_layer_for_each_part_whose_opacity_is_its_slider(walk: Walk) -> None:
    children = made(walk.seen["group"])["children"]
    opacity = {child["name"]: child["opacity"] for child in children}
    expected = {"Shine": 80.0, "Light": 40.0, "Colour": 48.0}
    assert opacity.keys() <= expected.keys() and len(opacity) >= 2
    assert all(opacity[name] == pytest.approx(expected[name], abs=0.1) for name in opacity)


def test_edit_again_opens_with_its_settings_and_replaces(walk: Walk) -> None:
    layers = walk.seen["edited"]
    assert [layer["name"] for layer in layers] == [RESULT, "Background"]
    settings = made(layers)["account"]["settings"]
    assert (settings["strength"], settings["light"]) == (0.4, 0.5), "the rest is the group's"
    assert made(layers)["children"] is None


def test_repeat_replaces_the_result(walk: Walk) -> None:
    assert [layer["name"] for layer in walk.seen["repeated"]] == [RESULT, "Background"]


def test_undo_and_redo_go_step_by_step(walk: Walk) -> None:
    assert made(walk.seen["undone"])["children"], "the group again"
    assert walk.seen["undone twice"] == walk.seen["begin"]
    assert made(walk.seen["redone"])["children"]


def test_nothing_complained(walk: Walk) -> None:
    """No message of GIMP's at any step, as there was with every undo; nothing of ours or GTK's in the log."""
    assert not walk.messages
    log = (walk.work / "window.log").read_text("utf-8", "replace")
    told = [line for line in log.splitlines() if "studio-portrait" in line]
    harmless = ("GLib-GIO", "Broken pipe")  # no /proc in a root; GIMP was killed at the end
    assert not [line for line in told if not any(word in line for word in harmless)]
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "name", ["gimp-menu", "gimp-dialog", "gimp-dialog-mask", "gimp-group", "gimp-result"]
)
def test_screenshots_show_something(walk: Walk, shots: Path, name: str) -> None:
    with Image.open(shots / f"{name}.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape[0] > 200 and pixels.std() > 10
