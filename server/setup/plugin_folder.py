"""The plug-in's copy in a GIMP profile: written, compared, removed.

``installed.json`` in it lists every file that was written and says how to start the server.
It is written first, so that even a copy that was interrupted is known to be ours, and only
what it lists is ever removed.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem
from server import CHECKOUT

from .profiles import Profile

MANIFEST = "installed.json"
ENTRY = "studio_portrait.py"


@dataclass(frozen=True)
class Installed:
    """A copy of the plug-in as its own manifest describes it."""

    folder: Path
    version: str
    checkout: Path
    files: tuple[str, ...]
    command: tuple[str, ...]


def source_files(checkout: Path = CHECKOUT) -> list[str]:
    """List the copy's files: the plug-in's own and, in ``gimpfu/``, the bindings; no caches, no tests."""
    unwanted = {"__pycache__", "tests", MANIFEST}
    names = []
    for folder, prefix in (("studio_portrait", ""), ("gimpfu", "gimpfu/")):
        source = checkout / "plugin" / folder
        files = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
        names += [prefix + path.as_posix() for path in files if not unwanted & set(path.parts)]
    return sorted(names)


def source_of(name: str, checkout: Path = CHECKOUT) -> Path:
    """Return where the checkout keeps the file that is `name` in the copy."""
    plugin = checkout / "plugin"
    return plugin / name if name.startswith("gimpfu/") else plugin / "studio_portrait" / name


def read(folder: Path) -> Installed | None:
    """Return what the copy in `folder` says about itself; None if there is none of ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return Installed(
            folder,
            str(manifest["version"]),
            Path(manifest["checkout"]),
            tuple(str(name) for name in manifest["files"]),
            tuple(str(word) for word in manifest["command"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def differences(folder: Path, checkout: Path = CHECKOUT) -> list[str]:
    """Return the plug-in's files that are missing from the copy or differ from the checkout's."""
    names = source_files(checkout)
    return [name for name in names if not _same(source_of(name, checkout), folder / name)]


def check_place(profile: Profile) -> None:
    """Raise `Problem` if the folder that the user named cannot be a profile."""
    folder = profile.folder
    if folder.name == "plug-ins":
        raise Problem("set-up", f"{folder} is a plug-ins folder.", "Give the profile folder that it lies in.")
    if not folder.is_dir():
        hint = "Start GIMP once, so that it makes its profile, or give the folder of one that is there."
        raise Problem("set-up", f"There is no folder {folder}.", hint)


def install(profile: Profile, command: Path, networks: list[str], checkout: Path = CHECKOUT) -> bool:
    """Copy the plug-in into the profile; True if anything had to be written. Raises `Problem`."""
    check_place(profile)
    files = {name: source_of(name, checkout).read_bytes() for name in source_files(checkout)}
    facts = {"version": VERSION, "command": [str(command)], "checkout": str(checkout), "networks": networks}
    return fill(profile.plugin, files, facts, ENTRY)


def fill(folder: Path, files: Mapping[str, bytes], facts: Mapping[str, Any], entry: str) -> bool:
    """Make the folder hold these files and a manifest of them; True if anything had to be written.

    entry: the file that GIMP starts. What an earlier copy had beside them is removed. Raises `Problem`.
    """
    before = read(folder)
    manifest = json.dumps({**facts, "files": sorted(files)}, indent=1) + "\n"
    try:
        written = [
            write(folder / name, data) for name, data in {MANIFEST: manifest.encode(), **files}.items()
        ]
        written.append(_make_executable(folder / entry))
    except OSError as error:
        sentence = f"{folder} could not be written ({error.strerror})."
        hint = "See who owns the folder; GIMP's profile must belong to you."
        raise Problem("set-up", sentence, hint) from None
    for name in sorted(set(before.files if before else ()) - set(files)):
        _inside(folder, name).unlink(missing_ok=True)
    return any(written)


def remove(installed: Installed) -> list[Path]:
    """Remove just the files we wrote (and what Python compiled from them); returns what is left there."""
    for name in (*installed.files, MANIFEST):
        path = _inside(installed.folder, name)
        path.unlink(missing_ok=True)
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()
    folders = {path for path in installed.folder.rglob("*") if path.is_dir()} | {installed.folder}
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return sorted(path for path in installed.folder.rglob("*") if path.is_file())


def is_executable(entry: Path) -> bool:
    """Return whether GIMP can start this file."""
    return os.name == "nt" or os.access(entry, os.X_OK)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if ".." in path.parts or Path(name).is_absolute():
        raise Problem(
            "set-up", f"{folder / MANIFEST} was altered: it lists {name}.", "Remove the folder by hand."
        )
    return path


def write(path: Path, data: bytes) -> bool:
    """Write a file, whole or not at all; False if it holds that already."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.replace(path)
    return True


def _same(source: Path, copy: Path) -> bool:
    try:
        return source.read_bytes() == copy.read_bytes()
    except OSError:
        return False


def _make_executable(entry: Path) -> bool:
    if not entry.exists() or is_executable(entry):
        return False
    entry.chmod(entry.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return True
