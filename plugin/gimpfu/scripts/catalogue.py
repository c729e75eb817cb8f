"""Every old script of the user's folders: found, translated, run for what it registers.

A translation is kept under a name made of the script's bytes, its path, this translator's
version and Python's; a script that is no Python is remembered the same way. The script
whose reading ends the process itself is left out from then on, until its file changes.
"""

from __future__ import annotations

import _thread
import contextlib
import hashlib
import json
import marshal
import os
import re
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import registry
from ..errors import error, missing_module
from ..registry import Registration
from . import translate
from .translate import Untranslatable

FOLDER = "gimpfu-scripts"
SETTINGS = "gimpfu-scripts.json"
TIME_LIMIT = 20.0  # seconds that a script may take to register
_SCRIPT = re.compile(r"\.pyw?(_\d+)?(\.txt)?(_\d+)?$", re.IGNORECASE)
_LARGEST = 4 << 20
_FATAL = "GIMP's Python ended while it ran this script; it is left out until its file changes."


@dataclass
class Script:
    """One file: what it registers, or the sentence why it does not, with its traceback."""

    path: Path
    registrations: dict[str, Registration] = field(default_factory=dict)
    problem: str = ""
    trace: str = ""
    notes: list[str] = field(default_factory=list)


def find(folders: list[Path]) -> list[Path]:
    """Return the scripts of the folders, by name; those one folder deeper, too."""
    found: list[Path] = []
    for folder in folders:
        for path in _entries(folder):
            if path.is_dir() and not path.name.startswith((".", "__")):
                found += [inner for inner in _entries(path) if _is_script(inner)]
            elif _is_script(path):
                found.append(path)
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: (path.name.lower(), path.name))
    except OSError:
        return []


def _is_script(path: Path) -> bool:
    return bool(_SCRIPT.search(path.name)) and not path.name.startswith((".", "__")) and path.is_file()


class Catalogue:
    """The scripts of some folders. kept: the folder for translations, which may be lost at any time."""

    def __init__(self, folders: list[Path], kept: Path):
        self.folders = folders
        self.kept = kept
        self.scripts: list[Script] = []
        self.registrations: dict[str, Registration] = {}
        self._owner: dict[str, Path] = {}
        translate.keep_tables_in(kept)

    def load_all(self, check: Callable[[Registration], str] | None = None) -> None:
        """Read every script; the first one that registers a name keeps it.

        check: returns why GIMP would not take a procedure, or nothing.
        """
        self.scripts, self.registrations, self._owner = [], {}, {}
        with contextlib.suppress(OSError):
            self.kept.mkdir(parents=True, exist_ok=True)
        for path in find(self.folders):
            if (script := self.load(path)) is not None:
                self.scripts.append(script)
                self._take(script, check)
        self._write_index()

    def _take(self, script: Script, check: Callable[[Registration], str] | None) -> None:
        """Keep what a script registers, but for what another has registered or GIMP would not take."""
        for name, registration in list(script.registrations.items()):
            if name in self._owner:
                del script.registrations[name]
                script.notes.append(
                    f"{name} is registered by {self._owner[name].name} already; that one is used."
                )
            elif check is not None and (fault := check(registration)):
                del script.registrations[name]
                script.problem = f"GIMP does not take {name}: {fault}"
            else:
                self._owner[name] = script.path
                self.registrations[name] = registration

    def load_for(self, procedure: str) -> Registration | None:
        """Return the registration of one procedure, reading its own script only where that is known."""
        owner = self._index().get(procedure)
        if owner is not None and (script := self.load(Path(owner))) is not None:
            self.registrations.update(script.registrations)
        if procedure not in self.registrations:
            self.load_all()
        return self.registrations.get(procedure)

    def load(self, path: Path) -> Script | None:
        """Read one script; None for a file that is not meant for GIMP."""
        script = Script(path)
        try:
            raw = _read(path)
            if b"gimp" not in raw.replace(b"\0", b""):  # UTF-16 too
                return None
            with self._watched(path, raw):
                script.registrations = run(path, self._code(path, raw))
            if not script.registrations:
                script.problem = "It registers no procedure; other scripts may use it as a module."
        except BaseException as fault:  # whatever a script does, the others go on
            script.problem = _sentence(fault)
            if not isinstance(fault, (Untranslatable, OSError)):
                script.trace = _trace(fault, path)
        return script

    def _code(self, path: Path, raw: bytes) -> types.CodeType:
        """Return the script's code, kept or made now. Raises `Untranslatable`."""
        name = self.kept / _key(path, raw)
        with contextlib.suppress(OSError, ValueError, EOFError, TypeError):
            kept = marshal.loads(name.read_bytes())
            if isinstance(kept, str):
                raise Untranslatable(kept)
            return kept  # type: ignore[no-any-return]
        try:
            code: Any = translate.to_code(translate.decode(raw), str(path))
        except Untranslatable as fault:
            if "is not beside the plug-in" not in str(fault):
                _keep(name, str(fault))
            raise
        _keep(name, code)
        return code  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _watched(self, path: Path, raw: bytes) -> Iterator[None]:
        """Leave a mark while a script runs: one that was found at the start names who ended the process."""
        mark, name = self.kept / "reading", _key(path, raw)
        with contextlib.suppress(OSError, ValueError):
            ended, process = mark.read_text("utf-8").split("\n")
            if not _alive(int(process)):
                _keep(self.kept / ended, _FATAL)
        with contextlib.suppress(OSError):
            mark.write_text(f"{name}\n{os.getpid()}", "utf-8")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                mark.unlink()

    def _index(self) -> dict[str, str]:
        try:
            index = json.loads((self.kept / "index.json").read_text("utf-8"))
            return index if isinstance(index, dict) else {}
        except (OSError, ValueError):
            return {}

    def _write_index(self) -> None:
        text = json.dumps({name: str(path) for name, path in self._owner.items()})
        with contextlib.suppress(OSError):
            index = self.kept / "index.json"
            if not index.exists() or index.read_text("utf-8") != text:
                index.write_text(text, "utf-8")


def _alive(process: int) -> bool:
    """Whether a process is still there; on Windows, where asking could end it, it is taken for gone."""
    if os.name == "nt":
        return process == os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise Untranslatable("It is larger than 4 MiB: no script is.")
    return raw


def _key(path: Path, raw: bytes) -> str:
    parts = [part.encode() for part in (translate.VERSION, sys.implementation.cache_tag or "", sys.version)]
    return hashlib.sha256(b"\0".join([*parts, os.fsencode(path), raw])).hexdigest()[:40]


def _keep(name: Path, value: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        beside = name.with_name(f"{name.name}.{os.getpid()}")
        beside.write_bytes(marshal.dumps(value))
        beside.replace(name)


def run(path: Path, code: types.CodeType) -> dict[str, Registration]:
    """Run a script's code in a module of its own; what it registers. Raises whatever it raises."""
    from .importer import importer
    from .python2_builtins import names

    module = types.ModuleType("__main__")
    vars(module).update(__file__=str(path), __builtins__=names(importer))
    sys.setdefaultencoding = lambda *args: None  # type: ignore[attr-defined]
    sys.maxint = sys.maxsize  # type: ignore[attr-defined]
    with _process_kept(), registry.collecting() as found, time_limit():
        sys.path.insert(0, str(path.parent))
        sys.argv[:] = [str(path)]
        try:
            exec(code, vars(module))
        except SystemExit:
            if not found:
                raise
    return found


@contextlib.contextmanager
def _process_kept() -> Iterator[None]:
    """Put back afterwards what a script changes of this process."""
    before = (list(sys.path), list(sys.argv), os.getcwd(), sys.stdout, sys.stderr)
    try:
        yield
    finally:
        sys.path[:], sys.argv[:] = before[0], before[1]
        sys.stdout, sys.stderr = before[3:]
        with contextlib.suppress(OSError):
            os.chdir(before[2])


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Interrupt a script that does not come to an end."""
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)  # a thread each would cost more
        signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return
    timer = threading.Timer(TIME_LIMIT, _thread.interrupt_main)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _sentence(fault: BaseException) -> str:
    if isinstance(fault, KeyboardInterrupt):
        return f"It did not come to an end within {TIME_LIMIT:.0f} seconds."
    if isinstance(fault, SystemExit):
        return f"It ended itself before it registered anything (exit status {fault.code})."
    if isinstance(fault, ModuleNotFoundError):
        return missing_module(fault)
    if isinstance(fault, OSError):
        return f"It could not be read: {fault.strerror or fault}."
    if isinstance(fault, (error, Untranslatable)):
        return str(fault)
    return f"It stopped with {type(fault).__name__}: {fault}"


def _trace(fault: BaseException, path: Path) -> str:
    """Return the traceback from the script's first line on."""
    frames = traceback.TracebackException.from_exception(fault)
    while frames.stack and frames.stack[0].filename != str(path):
        if all(frame.filename != str(path) for frame in frames.stack):
            break
        frames.stack.pop(0)
    return "".join(frames.format())


# The folders.


def folders(profile: Path) -> list[Path]:
    """Return the folders that are read: the profile's own, and the one that the user named."""
    second = second_folder(profile)
    return [profile / FOLDER, *([second] if second else [])]


def second_folder(profile: Path) -> Path | None:
    """Return the folder that the user named, None if there is none."""
    try:
        told = json.loads((profile / SETTINGS).read_text("utf-8"))["folder"]
        return Path(told) if told else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def name_second_folder(profile: Path, folder: Path | None) -> None:
    """Remember the user's own folder; None forgets it."""
    (profile / SETTINGS).write_text(json.dumps({"folder": str(folder) if folder else ""}) + "\n", "utf-8")
