"""Converted networks on the user's disk: found by the hash of what they are made of, never half-written.

Only the user may read or write the folder. An entry is written beside its place and then renamed; one whose
files have changed is thrown away and made anew. Where no such folder can be had, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

INDEX: Final = "index.json"
VARIABLE: Final = "STUDIO_PORTRAIT_CACHE"  # another folder than the user's usual one
KEPT: Final = 8  # entries: older versions' are thrown away


def folder() -> Path:
    """Return where converted networks lie: in the user's cache."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen) / "networks"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "studio-portrait" / "networks"


def key(*parts: object) -> str:
    """Return the hash of all that an entry depends on."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:32]


def get(name: str) -> tuple[Path, dict[str, Any]] | None:
    """Return an entry's folder and what `put` was told, None where there is none or it has been changed."""
    entry = folder() / name
    try:
        if not _private(entry.parent):
            return None
        index: dict[str, Any] = json.loads((entry / INDEX).read_text("utf-8"))
        if all(_hash(entry / file) == wanted for file, wanted in index["files"].items()):
            os.utime(entry)
            return entry, index["facts"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


def put(name: str, facts: dict[str, Any], write: Callable[[Path], None]) -> None:
    """Keep what `write` puts into a folder, with facts about it. What cannot be kept is not: no error."""
    with contextlib.suppress(OSError):
        parent = folder()
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(parent):
            return
        part = Path(tempfile.mkdtemp(prefix="part-", dir=parent))  # 0700
        try:
            write(part)
            files = {file.name: _hash(file) for file in part.iterdir()}
            (part / INDEX).write_text(json.dumps({"files": files, "facts": facts}), "utf-8")
            shutil.rmtree(parent / name, ignore_errors=True)
            part.rename(parent / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        entries = sorted(parent.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
        for old in entries[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _private(path: Path) -> bool:
    """Whether nobody but the user can have put something there."""
    if os.name == "nt":
        return path.is_dir()
    found = path.lstat()
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.getuid()
        and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
