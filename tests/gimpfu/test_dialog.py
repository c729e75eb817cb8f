"""GIMP's dialog for a script with a parameter of every kind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.gimp import screen
from tests.gimp.harness import ABSENT, Gimp, GimpFailed


def test_dialog_with_every_kind_returns_what_it_showed(gimp: Gimp, kinds: Path, tmp_path: Path) -> None:
    if absent := screen.missing():
        pytest.skip(f"{ABSENT} with a window: {', '.join(absent)} missing")
    try:
        shown_gimp = gimp.with_checkout()
    except GimpFailed:
        shown_gimp = gimp
    shown_gimp.quiet()
    result, log = gimp.work / "kinds.json", tmp_path / "gimp.log"
    with screen.Screen() as shown, log.open("wb") as out:
        job = shown_gimp.job(result)
        batch = shown_gimp.batch("kinds_dialog")
        command = shown_gimp.command("gimp", "-n", "--no-splash", *batch, DISPLAY=shown.display, **job)
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            shown.focus(shown.window("^Kinds$", 120))
            shown.picture(tmp_path / "kinds.png")
            shown.keys("alt+o")
            screen.wait_for(lambda: "told" if result.exists() else "", 30)
        except AssertionError as failure:
            raise AssertionError(log.read_text("utf-8", "replace")) from failure
        finally:
            process.kill()
            process.wait()
    answer = json.loads(result.read_text())
    assert answer["status"] == "success", answer
    values = {name: value for name, (_, value) in json.loads(answer["told"]).items()}
    assert values["number"] == 42 and values["slider"] == 30.0 and values["option"] == 1
    assert values["radio_text"] == "b" and values["radio_number"] == 20
    assert values["colour"] == [255, 128, 0, 255] and values["lines"] == "one\ntwo"
    assert values["file"] == "/etc/passwd"
    assert values["folder"] == "/tmp" and values["filename"] == "/nowhere/picture.png"
    assert values["in_folder"] == "/usr"
