"""Starting the server from GIMP's environment and from broken ones."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from plugin.studio_portrait.link import hints, launch, runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem
from tests.sample import CHECKOUT
from tests.server.running import COMMAND, gone, wait_for

FOREIGN = {
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "LD_LIBRARY_PATH": "/nowhere",
    "LD_PRELOAD": "",
    "GI_TYPELIB_PATH": "/nowhere",
    "GDK_BACKEND": "x11",
    "GEGL_PATH": "/nowhere",
    "BABL_PATH": "/nowhere",
    "GIMP3_DIRECTORY": "/nowhere",
    "VIRTUAL_ENV": "/nowhere",
}


def stop(home: Path) -> None:
    with Session.open(start=False) as session:
        session.shutdown()
    wait_for(lambda: not runtime.server_lives(home))


def test_the_environment_is_cleaned() -> None:
    mine = {
        "HOME": "/home/me",
        "PATH": "/usr/bin",
        "LANG": "C",
        runtime.HOME_VARIABLE: "/x",
        "OMP_NUM_THREADS": "2",
    }
    assert launch.clean_environment({**mine, **FOREIGN}) == mine


def test_a_server_started_from_a_foreign_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    shares: list[tuple[str, float]] = []
    with Session.open(progress=lambda stage, share: shares.append((stage, share))) as session:
        pid = session.status()["pid"]
    assert shares and all(stage == "queue" and 0 <= share <= 1 for stage, share in shares)
    assert not set(psutil.Process(pid).environ()) & set(FOREIGN)
    assert psutil.Process(pid).cmdline()[-2:] == ["serve", "--background"]
    assert os.getsid(pid) == pid
    stop(home)


def test_a_state_folder_that_is_named_from_here_is_the_servers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(runtime.HOME_VARIABLE, "state")
    told = f"import os; print(os.environ['{runtime.HOME_VARIABLE}'])"
    monkeypatch.setenv(launch.COMMAND_VARIABLE, shlex.join([sys.executable, "-c", told]))
    folder = runtime.state_folder()
    assert launch.start(folder).wait() == 0
    assert runtime.log_path(folder).read_text().split() == [str(tmp_path / "state")]


def test_gimps_copy_of_the_plug_in_starts_the_installed_server(home: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "plug-ins" / "studio_portrait"
    shutil.copytree(Path(launch.__file__).parent, plugin / "link")
    (plugin / "installed.json").write_text(json.dumps({"command": COMMAND}))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from link.session import Session\n"
        "with Session.open() as session: print(session.status()['pid'])"
    )
    environment = {**os.environ, "PYTHONHOME": ""}
    del environment[launch.COMMAND_VARIABLE]
    words = [sys.executable, "-I", "-S", "-c", script, str(plugin)]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert psutil.pid_exists(int(told.stdout))
    stop(home)


def test_the_checkouts_own_server_without_any_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(launch.COMMAND_VARIABLE, raising=False)
    command, folder = launch.server_command()
    assert command == [sys.executable, "-m", "server"]
    assert folder == CHECKOUT


@pytest.mark.parametrize("note", ["", "{}", '{"command": []}', '{"command": [1]}', "[]"])
def test_a_damaged_note_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: str
) -> None:
    plugin = tmp_path / "studio_portrait"
    (plugin / "link").mkdir(parents=True)
    (plugin / "installed.json").write_text(note)
    monkeypatch.delenv(launch.COMMAND_VARIABLE, raising=False)
    monkeypatch.setattr(launch, "__file__", str(plugin / "link" / "launch.py"))
    with pytest.raises(Problem, match="damaged.*Run install.py"):
        launch.server_command()
    (plugin / "installed.json").unlink()
    with pytest.raises(Problem, match="does not know where its server is"):
        launch.server_command()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/nowhere/studio-portrait", "could not be started: /nowhere/studio-portrait"),
        ("'", "is not a command"),
        (f"{sys.executable} -c \"raise SystemExit('the cable is cut')\"", "status 1.*the cable is cut"),
        (f'{sys.executable} -c "import os; os.kill(os.getpid(), 9)"', "status -9"),
        (f"{sys.executable} -c pass", "status 0"),
    ],
)
def test_a_server_that_cannot_start(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str, told: str
) -> None:
    monkeypatch.setenv(launch.COMMAND_VARIABLE, command)
    monkeypatch.setattr(launch, "START_SECONDS", 3600.0)  # it does not wait until then
    with pytest.raises(Problem, match=told) as caught:
        Session.open()
    assert caught.value.code == "no-server" and caught.value.hint


def test_a_server_that_never_listens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(launch.COMMAND_VARIABLE, f'{sys.executable} -c "import time; time.sleep(2)"')
    monkeypatch.setattr(launch, "START_SECONDS", 0.5)
    monkeypatch.setattr(launch, "STILL_SECONDS", 0.5)
    with pytest.raises(Problem, match="did not answer") as caught:
        Session.open()
    assert str(runtime.log_path(home)) in caught.value.hint


SLOW_START = """
import os, sys, time
for _ in range(8):
    time.sleep(0.5)
    end = time.process_time() + 0.03
    while time.process_time() < end: pass
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_server_that_starts_slowly_is_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine: longer than the longest wait, but with a little work all the time."""
    slow = [sys.executable, "-c", SLOW_START, *COMMAND]
    monkeypatch.setenv(launch.COMMAND_VARIABLE, shlex.join(slow))
    monkeypatch.setattr(launch, "START_SECONDS", 2.5)
    with Session.open() as opened:
        opened.shutdown()
    wait_for(lambda: not runtime.server_lives(home))


def test_in_a_sandbox_the_hint_says_what_to_type(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "flatpak-info").touch()
    monkeypatch.setattr(launch, "FLATPAK_INFO", tmp_path / "flatpak-info")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Problem, match=f"terminal and run: {re.escape(hints.typed('serve'))}"):
        Session.open()


def test_in_a_sandbox_the_server_starts_on_the_host(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spawn = tmp_path / "flatpak-spawn"
    spawn.write_text(
        '#!/bin/sh\n[ "$1" = --host ] || exit 1\nhome="${2#--env=}"\nshift 2\nexec env "$home" "$@"\n'
    )
    spawn.chmod(0o755)
    (tmp_path / "flatpak-info").touch()
    monkeypatch.setattr(launch, "FLATPAK_INFO", tmp_path / "flatpak-info")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    Session.open().close()
    stop(home)


def test_a_server_whose_runtime_file_was_deleted_is_found_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a client that comes before the file is back, too: what it starts ends in favour of the old one."""
    with Session.open() as session:
        pid = session.status()["pid"]
    (home / "server.json").unlink()
    monkeypatch.setattr(launch, "START_SECONDS", 3600.0)  # nor does it wait until then
    with Session.open() as session:
        assert session.status()["pid"] == pid
    stop(home)


def test_two_starts_at_once_end_with_one_server(home: Path) -> None:
    def pid(_: int) -> int:
        with Session.open() as session:
            return int(session.status()["pid"])

    before = psutil.Process().children()
    with ThreadPoolExecutor(4) as pool:
        (winner,) = set(pool.map(pid, range(4)))
    losers = [
        child.pid for child in psutil.Process().children() if child not in before and child.pid != winner
    ]
    wait_for(lambda: all(gone(loser) for loser in losers))
    stop(home)
    log = runtime.log_path(home).read_text()
    assert log.count("listens on") == 1 and "Traceback" not in log
