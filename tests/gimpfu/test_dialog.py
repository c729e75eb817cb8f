"""GIMP's dialog for a script with a parameter of every kind, and the window of old scripts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.setup import gimpfu_bundle
from tests.gimp import screen
from tests.gimp.harness import ABSENT, Gimp, GimpFailed

OLD = Path(__file__).parent / "old"


def answered(
    gimp: Gimp, batch: str, window: str, tmp_path: Path, act: Callable[[screen.Screen], None], **job: Any
) -> Any:
    """Run a batch script that opens a window, act on it; what the script told."""
    if absent := screen.missing():
        pytest.skip(f"{ABSENT} with a window: {', '.join(absent)} missing")
    try:
        shown_gimp = gimp.with_checkout()
    except GimpFailed:
        shown_gimp = gimp
    shown_gimp.quiet()
    result, log = gimp.work / f"{batch}.json", tmp_path / "gimp.log"
    with screen.Screen() as shown, log.open("wb") as out:
        settings = shown_gimp.job(result, **job)
        script = shown_gimp.batch(batch)
        command = shown_gimp.command("gimp", "-n", "--no-splash", *script, DISPLAY=shown.display, **settings)
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            shown.focus(shown.window(window, 120))
            shown.picture(tmp_path / f"{batch}.png")
            act(shown)
            shown.wait_for(lambda: "told" if result.exists() else "", 30)
        except AssertionError as failure:
            raise AssertionError(log.read_text("utf-8", "replace")) from failure
        finally:
            process.kill()
            process.wait()
    return json.loads(result.read_text())


def test_dialog_with_every_kind_returns_what_it_showed(gimp: Gimp, kinds: Path, tmp_path: Path) -> None:
    answer = answered(gimp, "kinds_dialog", "^Kinds$", tmp_path, lambda shown: shown.keys("alt+o"))
    assert answer["status"] == "success", answer
    values = {name: value for name, (_, value) in json.loads(answer["told"]).items()}
    assert values["number"] == 42 and values["slider"] == 30.0 and values["option"] == 1
    assert values["radio_text"] == "b" and values["radio_number"] == 20
    assert values["colour"] == [255, 128, 0, 255] and values["lines"] == "one\ntwo"
    assert values["file"] == "/etc/passwd"
    assert values["folder"] == "/tmp" and values["filename"] == "/nowhere/picture.png"
    assert values["in_folder"] == "/usr"


def test_dialog_offers_images_and_paths(gimp: Gimp, kinds: Path, tmp_path: Path) -> None:
    answer = answered(
        gimp, "objects_dialog", "^Objects$", tmp_path, lambda shown: shown.keys("Tab", "Down", "alt+o")
    )
    assert answer["status"] == "success", answer
    assert answer["told"] == f"lower way, {answer['images'][0]}, ground, mask, ground, 7", answer


LEAVES = """import sys
from gimpfu import *
register("leaves", *[""] * 5, "<Toolbox>/Xtns/Leaves", "", [], [], lambda: None, on_query=sys.exit)
main()
"""


def test_window_of_old_scripts_shows_reloads_and_closes(gimp: Gimp, tmp_path: Path) -> None:
    """Whatever lies in the folder: a name that is no text, an error without end, a script that ends all."""
    gimpfu_bundle.unpack_into(gimp.profile)
    folder = gimp.profile / gimpfu_bundle.SCRIPTS
    shutil.copy(OLD / "division.py.txt", folder)
    (folder / os.fsdecode(b"caf\xe9.py")).write_text("import gimpfu\nraise ValueError('\\ud800' * 10**6)")
    (folder / "an_end.py").write_text(LEAVES)

    def act(shown: screen.Screen) -> None:
        shutil.copy(OLD / "no_python.py.txt", folder)
        shown.keys("alt+r")
        shown.keys("alt+c")

    try:
        answer = answered(gimp, "window_of_old_scripts", "^Old scripts$", tmp_path, act)
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(gimp.profile / "plug-ins" / gimpfu_bundle.PLUGIN)
    assert answer["status"] == "success", answer
    assert "python-fu-halve" in answer["told"] and "It is not Python that can be read" in answer["told"]
    assert "GIMP does not take python-fu-leaves" in answer["told"]
    assert "caf\\udce9.py" in answer["told"] and len(answer["told"]) < 50_000
