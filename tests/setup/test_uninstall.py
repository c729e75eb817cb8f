"""``install.py --uninstall`` and the server: it is ended, or nothing is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.inference import cache
from plugin.studio_portrait.link import runtime, stopping
from plugin.studio_portrait.link.wire import Problem
from server.setup import removal
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
