"""Where server and clients meet: the state folder, the runtime file, the lock.

The folder does not follow ``XDG_*``: GIMP, a terminal and a flatpak see different
values of these, and then would not find each other. The lock says whether a
server lives; the runtime file says how to reach it. The lock is held by the
operating system and ends with the process, so a file left behind by a killed
server is recognised whatever now has its process id or its port.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from .version import PROTOCOL, VERSION
from .wire import Problem

HOME_VARIABLE = "STUDIO_PORTRAIT_HOME"
OWN_FOLDER = "studio-portrait-"  # the beginning of its name, under the temporary folder
MAX_IPC_PATH = 107  # bytes; the kernel's sockaddr_un


def state_folder() -> Path:
    """Return the folder of runtime file, lock and log; made (0700) when missing. Raises `Problem`.

    One that is there keeps its mode, for others may need to read it; one that others could change is refused,
    as ssh refuses loose keys: they could put a server of their own there.
    """
    folder = state_folder_path()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise _unusable(folder, error) from error
    if os.name == "posix":
        _refuse_strangers(folder, found)
    return folder


def _refuse_strangers(folder: Path, found: os.stat_result) -> None:
    if found.st_uid not in (os.getuid(), 0):
        raise Problem(
            "no-server",
            f"The folder {folder} belongs to another user.",
            f"Set {HOME_VARIABLE} to a folder of yours.",
        )
    if found.st_mode & 0o022:
        raise Problem(
            "no-server", f"Other users can change the folder {folder}.", f"Run: chmod go-w {folder}"
        )


def _unusable(folder: Path, error: OSError) -> Problem:
    return Problem(
        "no-server",
        f"The folder {folder} cannot be used: {error.strerror or error}.",
        f"Make it writable, or set {HOME_VARIABLE} to a folder of yours.",
    )


def state_folder_path() -> Path:
    """Where `state_folder` is or would be."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(base) / "studio-portrait"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "studio-portrait"
    return Path.home() / ".local" / "state" / "studio-portrait"


def log_path(folder: Path) -> Path:
    """Return where the server of this state folder writes its log."""
    return folder / "server.log"


def open_log(folder: Path) -> IO[bytes]:
    """Return the log, to append to; made for the user's eyes only when missing. Raises `Problem`."""
    return _open(log_path(folder), os.O_WRONLY | os.O_APPEND, "ab")


def _open(path: Path, flags: int, mode: str) -> IO[bytes]:
    """Unbuffered; a file that is missing is made with mode 0600. Raises `Problem`."""
    try:
        handle = os.open(path, flags | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise _unusable(path.parent, error) from error
    return cast(IO[bytes], os.fdopen(handle, mode, buffering=0))


def ipc_paths(folder: Path) -> Iterator[Path]:
    """Where the server's ipc socket may go, best first: beside the runtime file unless that is too long for
    a socket's name, else in a folder of our own (0700), made when asked for, under the temporary one.
    """
    path = folder / "server.sock"
    if len(os.fsencode(path)) <= MAX_IPC_PATH:
        yield path
    yield Path(tempfile.mkdtemp(prefix=OWN_FOLDER)) / path.name


def write_whole(path: Path, text: str) -> None:
    """Replace a file's text at once, readable by the user only. Raises OSError; nothing is left over then."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_own_folder(folder: Path) -> bool:
    """Whether this is one that `ipc_path` made under the temporary folder."""
    return folder.name.startswith(OWN_FOLDER) and folder.parent == Path(tempfile.gettempdir())


@dataclass(frozen=True)
class Runtime:
    """What ``server.json`` holds. endpoints: those worth trying, best first."""

    endpoints: tuple[str, ...]
    pid: int = 0
    token: str = field(default="", repr=False)
    started: float = 0.0
    version: str = VERSION
    protocol: int = PROTOCOL

    def write(self, folder: Path) -> None:
        """Atomically, readable by the user only."""
        write_whole(folder / "server.json", json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> Runtime | None:
        """None when there is no such file or it makes no sense."""
        try:
            data: Any = json.loads((folder / "server.json").read_text(encoding="utf-8"))
            return cls(
                endpoints=tuple(_seen_from(folder, str(endpoint)) for endpoint in data["endpoints"]),
                pid=int(data["pid"]),
                token=str(data["token"]),
                started=float(data["started"]),
                version=str(data["version"]),
                protocol=int(data["protocol"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @staticmethod
    def exists(folder: Path) -> bool:
        """Return whether there is a runtime file, readable or not."""
        return (folder / "server.json").exists()

    @staticmethod
    def remove(folder: Path) -> None:
        """Delete the runtime file, if there is one."""
        (folder / "server.json").unlink(missing_ok=True)


def _seen_from(folder: Path, endpoint: str) -> str:
    """Return the endpoint as we see it: a sandbox may have folder and socket at another path."""
    scheme, _, path = endpoint.partition("://")
    beside = folder / Path(path).name
    if scheme == "ipc" and not Path(path).exists() and beside.exists():
        return f"ipc://{beside}"
    return endpoint


class Lock:
    """One server per state folder: an exclusive lock that ends with its process.

    Its file names the process that holds it, so that a server can be ended even
    when it does not answer and its runtime file is gone.
    """

    def __init__(self, folder: Path):
        self._path = folder / "server.lock"
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Take the lock; False while another server holds it. It is then ours until `release`.

        `server_lives` holds it shared for a moment: that only makes us try again.
        Raises `Problem` when the folder cannot be written.
        """
        file = _open(self._path, os.O_RDWR, "r+b")
        for _ in range(50):
            if _lock_file(file, shared=False):
                self._file = file
                with contextlib.suppress(OSError):  # a full disk is no reason not to serve
                    file.write(b"\n%-20d\n" % os.getpid())
                return True
            if not _lock_file(file, shared=True):
                break
            time.sleep(0.01)
        file.close()
        return False

    def holds(self) -> bool:
        """Whether the lock is ours and its file is still there for others to find."""
        if self._file is None or os.name != "posix":  # Windows deletes no open file
            return self._file is not None
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Let others have the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """End a lock that is ours, and its file with it."""
        if not self.holds():
            return
        if os.name != "posix":  # Windows deletes no open file
            self.release()
        self._path.unlink(missing_ok=True)
        self.release()


def server_lives(folder: Path) -> bool:
    """Whether a server (starting, running or ending) holds the folder's lock. Raises `Problem`."""
    if not (folder / "server.lock").exists():
        return False
    with _open(folder / "server.lock", os.O_RDWR, "r+b") as file:
        return not _lock_file(file, shared=True)


def server_pid(folder: Path) -> int | None:
    """Return the process that holds the folder's lock; None when none does or it cannot be told."""
    try:
        with (folder / "server.lock").open("rb", buffering=0) as file:
            file.seek(1)  # the first byte is locked, which on Windows nobody else can read
            pid = int(file.read(32))
    except (OSError, ValueError):
        return None
    return pid if server_lives(folder) else None


def _lock_file(file: IO[bytes], shared: bool) -> bool:
    """Whether the file could be locked now; the lock ends when the file is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, for a sentence to the user; "" without one."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = [line.strip() for line in file.read(4096).decode("utf-8", "replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")[:300]
    return ""
