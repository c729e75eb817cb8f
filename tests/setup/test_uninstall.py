"""``install.py --uninstall`` and the server: it is ended, or nothing is removed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from model.inference import cache
from plugin.studio_portrait.link import runtime, stopping
from plugin.studio_portrait.link.wire import Problem
from server.remote.keys import CLIENTS, SERVERS, KeyRing
from server.setup import plugin_folder, profiles, removal
from server.setup.environment import Environment
from tests.server.running import PATIENCE, Server

from .conftest import Copy


def test_a_server_is_ended_although_the_environment_is_gone(bare: Copy) -> None:
    own = bare.state / "presets" / "preset-mine.json"
    own.parent.mkdir(parents=True)
    own.write_text('{"name": "Mine", "settings": {}}')
    networks = bare.home / "cache" / "networks"
    (networks / "0123").mkdir(parents=True)
    with Server(bare.state) as server:
        assert f"{networks} (converted networks)" in bare.install("--list").stdout
        gone = bare.install("--uninstall", "--yes")
        assert gone.returncode == 0, gone.stderr
        assert server.process.wait(PATIENCE) == 0
    assert own.exists() and f"the presets in {own.parent}" in gone.stdout
    assert [path.name for path in bare.state.iterdir()] == ["presets"] and not networks.parent.exists()


def test_keys_and_everything_else_of_the_state_folder_are_listed_and_go(bare: Copy) -> None:
    """What a user put there stays, and is told of."""
    ring = KeyRing(bare.state)
    public = ring.new()
    ring.allow(CLIENTS, "laptop", public)
    ring.allow(SERVERS, "desk", public)
    for name in ("dialog.json", "serve.options", "pixels-0123", "mine.txt"):
        (bare.state / name).write_text("")
    (bare.state / "keys" / "clients" / "notes.txt").write_text("")
    before = [path for path in bare.state.rglob("*") if path.is_file()]
    listed = bare.install("--list").stdout
    assert {path.name for path in before if str(path) not in listed} == {"mine.txt", "notes.txt"}
    gone = bare.install("--uninstall", "--yes").stdout
    assert {path.name for path in bare.state.rglob("*")} == {"mine.txt", "keys", "clients", "notes.txt"}
    for name in ("mine.txt", "keys"):
        assert f"left, it is not ours: {bare.state / name}" in gone


def test_keys_that_another_checkout_uses_stay_and_are_told_of(bare: Copy) -> None:
    bare.profile.mkdir(parents=True)
    plugin_folder.install(profiles.given(bare.profile), Path("/nowhere/studio-portrait"), [])
    KeyRing(bare.state).new()
    (bare.state / "server.log").write_text("")
    gone = bare.install("--uninstall", "--yes")
    assert gone.returncode == 0 and f"left, it is not ours: {bare.state / 'keys'}" in gone.stdout
    assert KeyRing(bare.state).exists() and not (bare.state / "server.log").exists()


def test_a_loader_in_a_profile_that_was_named_once_is_found_again(bare: Copy) -> None:
    profile = bare.home / "elsewhere" / "3.0"
    profile.mkdir(parents=True)
    done = bare.install("--gimpfu-only", "--gimp-dir", str(profile))
    assert done.returncode == 0, done.stderr
    loader = profile / "plug-ins" / "gimpfu-scripts"
    assert loader.is_dir() and str(loader) in bare.install("--list").stdout
    script, settings = profile / "gimpfu-scripts" / "mine.py", profile / "gimpfu-scripts.json"
    script.write_text("")
    settings.write_text("{}")
    gone = bare.install("--uninstall", "--yes")
    assert gone.returncode == 0 and not loader.exists() and not (bare.folder / ".venv").exists()
    assert f"left, it is yours: {script.parent}\n" in gone.stdout and f"yours: {settings}\n" in gone.stdout
    assert [path.name for path in script.parent.iterdir()] == ["mine.py"]
    script.unlink()
    bare.install("--gimpfu-only", "--gimp-dir", str(profile))
    assert bare.install("--uninstall", "--yes").returncode == 0
    assert not script.parent.exists(), "nothing but our note was in it"


def test_the_note_of_a_loader_makes_no_folder_ours(bare: Copy) -> None:
    environment = Environment(bare.folder)
    environment.remember(loaders=[])
    assert environment.is_ours()
    (environment.folder / "diary.txt").write_text("mine")
    assert not environment.is_ours()


def test_ctrl_d_is_a_no(bare: Copy) -> None:
    bare.state.mkdir()
    (bare.state / "dialog.json").write_text("{}")
    terminal, asked = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-E", bare.folder / "install.py", "--uninstall"],
        env=bare.environment(),
        stdin=asked,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        os.write(terminal, b"\x04")
        said = process.communicate(timeout=PATIENCE)[0]
    os.close(terminal)
    os.close(asked)
    assert process.returncode == 1 and "Nothing was removed." in said and "Traceback" not in said
    assert (bare.state / "dialog.json").exists()


def test_nothing_is_removed_while_a_server_goes_on(
    bare: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process holds the lock and does not end."""
    bare.state.mkdir(parents=True)
    environment = Environment(bare.folder)
    environment.folder.mkdir()
    (environment.folder / "pyvenv.cfg").touch()
    monkeypatch.setenv("HOME", str(bare.home))
    monkeypatch.setenv(cache.VARIABLE, str(bare.home / "cache"))
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(bare.state))
    monkeypatch.setattr(stopping, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(removal, "Environment", lambda: environment)
    lock = runtime.Lock(bare.state)
    assert lock.acquire()
    with pytest.raises(Problem, match="did not end"):
        removal.uninstall([], yes=True)
    assert lock.holds() and environment.folder.exists()
    lock.release()
    assert removal.uninstall([], yes=True) == 0
    assert not bare.state.exists() and not environment.folder.exists()
