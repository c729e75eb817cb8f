"""The state folder, the runtime file and the lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.runtime import Lock, Runtime, last_line, server_lives, state_folder
from tests.sample import CHECKOUT
from tests.server.running import started

HOLD = (
    "import sys, time; from pathlib import Path\n"
    "from plugin.studio_portrait.link.runtime import Lock\n"
    "lock = Lock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)"
)


def test_the_folder_is_made_private_but_never_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    for name, mode in (("old", 0o755), ("new/er", 0o700)):
        monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / name))
        assert state_folder() == tmp_path / name
        assert (tmp_path / name).stat().st_mode & 0o777 == mode


def test_the_folder_does_not_follow_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(runtime.HOME_VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert state_folder() == tmp_path / ".local/state/studio-portrait"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = Runtime(("ipc:///x", "tcp://127.0.0.1:1"), 12, "secret", 1.5)
    written.write(tmp_path)
    assert Runtime.read(tmp_path) == written
    assert (tmp_path / "server.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["server.json"]
    assert "secret" not in repr(written)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"endpoints": 5}', '"x"', "\0", "null"])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    assert Runtime.read(tmp_path) is None
    (tmp_path / "server.json").write_text(text)
    assert Runtime.read(tmp_path) is None


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    assert not server_lives(tmp_path)
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with started(words, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        assert server_lives(tmp_path)
        assert not Lock(tmp_path).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    lock = Lock(tmp_path)
    assert lock.acquire()
    assert server_lives(tmp_path)
    lock.release()
    assert not server_lives(tmp_path)


def test_asking_whether_a_server_lives_keeps_none_from_starting(tmp_path: Path) -> None:
    asking = threading.Event()

    def ask() -> None:
        while not asking.is_set():
            server_lives(tmp_path)

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for asker in askers:
        asker.start()
    for _ in range(20):
        lock = Lock(tmp_path)
        assert lock.acquire()
        lock.release()
    asking.set()
    for asker in askers:
        asker.join()


def test_the_last_line_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_line(log) == ""
    log.write_text("first\n" + "x" * 5000 + "\nlast one \n\n")
    assert last_line(log) == "last one"


def test_the_lock_names_its_process_and_tells_when_it_was_deleted(tmp_path: Path) -> None:
    assert runtime.server_pid(tmp_path) is None
    lock = Lock(tmp_path)
    assert not lock.holds()
    assert lock.acquire() and lock.holds()
    assert runtime.server_pid(tmp_path) == os.getpid()
    (tmp_path / "server.lock").unlink()
    assert not lock.holds() and not server_lives(tmp_path)
    successor = Lock(tmp_path)
    assert successor.acquire()
    lock.remove()
    assert successor.holds() and server_lives(tmp_path)
    successor.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_process_id_of_a_lock_that_nobody_holds_is_not_told(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert lock.acquire()
    lock.release()
    assert (tmp_path / "server.lock").read_text().split() == [str(os.getpid())]
    assert runtime.server_pid(tmp_path) is None


def test_log_and_lock_are_the_users_own(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert lock.acquire()
    runtime.open_log(tmp_path).close()
    lock.release()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
