"""Hints give a command that can be typed as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.studio_portrait.link import hints, wire


def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if the package lay in GIMP's folder, run by GIMP's own Python; returns the plug-in's folder."""
    folder = tmp_path / "GIMP" / "3.0" / "plug-ins" / "studio_portrait"
    (folder / "link").mkdir(parents=True)
    monkeypatch.setattr(hints, "_HERE", folder / "link" / "hints.py")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    return folder


def test_in_gimp_the_installed_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = somewhere(tmp_path, monkeypatch) / hints.NOTE
    note.write_text(json.dumps({"command": ["/home/me/my studio/studio-portrait"]}))
    assert hints.typed("stop") == "'/home/me/my studio/studio-portrait' stop"
    assert wire.Problem("no-server", "").hint.startswith("Run '/home/me/my studio/studio-portrait' doctor to")
    note.write_text("{}")
    assert hints.typed("stop") == hints.CHECK


def test_the_environments_own_command_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somewhere(tmp_path, monkeypatch)
    command = tmp_path / "bin" / "studio-portrait"
    command.parent.mkdir()
    command.touch()
    assert hints.typed("status --json") == f"{command} status --json"


def test_the_checkouts_command_is_told_to_any_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somewhere(tmp_path, monkeypatch)
    command = tmp_path / "GIMP" / "3.0" / ".venv" / "bin" / "studio-portrait"
    command.parent.mkdir(parents=True)
    command.touch()
    assert hints.typed("doctor") == f"{command} doctor"


def test_every_hint_that_names_a_command_is_understood_by_it() -> None:
    """Each {words} in `wire.ERRORS` is a command of the command line."""
    words = {found for hint in wire.ERRORS.values() for found in hints.WORDS.findall(hint)}
    assert {"stop", "doctor"} <= words
    for command in words:
        first = command.split()[0]
        told = subprocess.run(
            [sys.executable, "-m", "server", first, "--help"], capture_output=True, check=False
        )
        assert told.returncode == 0, command
    assert not [hint for hint in map(hints.fill, wire.ERRORS.values()) if "{" in hint]
