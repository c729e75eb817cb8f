"""Presets: settings under a name, in JSON files that GIMP's dialog and the command line share.

One file a preset: ``{"name": "Matte", "format": 2, "settings": {"shine": 1.0, ...}}``, with the names and
ranges of `wire.Settings`; what is left out is the default. Ours lie in ``presets/`` of the plug-in, the
user's own beside GIMP's profile, where every GIMP of this user and the command line find them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import sys
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import runtime
from .sliders import SLIDERS, STORED, as_now
from .wire import Problem, Settings

SHIPPED = Path(__file__).resolve().parents[1] / "presets"
MAX_BYTES = 64 * 1024
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # for whoever would write into a pipe of this name
# What a preset is about; which faces, and how the result comes, is the picture's business.
FIELDS = (*SLIDERS, "reach", "network")


@dataclass(frozen=True)
class Preset:
    """Named settings. settings: those of `FIELDS` that the file has. shipped: it is ours."""

    name: str
    settings: dict[str, Any]
    path: Path
    shipped: bool = False

    def over(self, base: Settings) -> Settings:
        """Return `base` with this preset's fields in place of its own; what it leaves out is the default."""
        default = Settings()
        whole = {field: getattr(default, field) for field in FIELDS}
        return replace(base, **{**whole, **self.settings})


def folder() -> Path:
    """Where the user's own presets lie; may not be there yet.

    A flatpak's own ``XDG_CONFIG_HOME`` is not followed: a terminal would not look there.
    """
    if os.environ.get(runtime.HOME_VARIABLE):
        return _earlier_folder()
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get(f"{'HOST_' if 'FLATPAK_ID' in os.environ else ''}XDG_CONFIG_HOME", ""))
        if not base.is_absolute():  # as the standard says
            base = Path.home() / ".config"
    return base / "studio-portrait" / "presets"


def _earlier_folder() -> Path:
    """Where they lay before they went beside GIMP's profile."""
    return runtime.state_folder_path() / "presets"


def _make(place: Path) -> None:
    if place == _earlier_folder():
        runtime.state_folder()
    for one in (place.parent, place):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)


def _move_earlier() -> None:
    """Take over presets from the earlier folder; one whose name is taken stays, as does what cannot move."""
    earlier, now = _earlier_folder(), folder()
    if earlier == now or not earlier.is_dir():
        return
    with contextlib.suppress(OSError):
        _make(now)
        for path in earlier.glob("*.json"):
            if not (now / path.name).exists():
                with contextlib.suppress(OSError):
                    shutil.move(path, now / path.name)
        earlier.rmdir()


def available() -> list[Preset]:
    """All presets that can be read: ours, then the user's own by name, which may stand for one of ours."""
    _move_earlier()
    ours = {preset.name.casefold(): preset for preset in _all(SHIPPED, shipped=True)}
    own = {preset.name.casefold(): preset for preset in _own()}
    return [preset for key, preset in ours.items() if key not in own] + list(own.values())


def find(name: str) -> Preset:
    """Find the preset of this name, in capital or small letters, or of this file (a folder's or ``.json``).

    Raises `Problem` ``bad-setting``: there is none, or its file is damaged.
    """
    known = available()
    for preset in known:
        if preset.name.casefold() == name.casefold():
            return preset
    if name.casefold().endswith(".json") or os.sep in name or "/" in name:
        return read(Path(name))
    names = ", ".join(preset.name for preset in known)
    raise Problem("bad-setting", f"There is no preset called “{name:.64}”.", f"There is: {names}.")


def read(path: Path, shipped: bool = False) -> Preset:
    """Return the preset in a file. Raises `Problem` ``bad-setting`` for one that is missing or damaged."""
    content = _content(path)
    name, fields, form = (content.get(key) for key in ("name", "settings", "format"))
    if not isinstance(name, str) or not _is_text(name) or not isinstance(fields, dict):
        raise Problem("bad-setting", f"{path} is not a preset.", "Save it again from the dialog.")
    if unknown := sorted(str(field) for field in fields.keys() - set(FIELDS)):
        raise Problem(
            "bad-setting",
            f"The preset {path} sets {unknown[0]:.32}, which is not a setting of presets.",
            f"They have: {', '.join(FIELDS)}.",
        )
    try:
        Settings(**fields)
        fields = as_now(fields, form)
    except Problem as problem:
        raise Problem(problem.code, f"In the preset {path}: {problem.message}", problem.hint) from None
    return Preset(name.strip()[:64], fields, path, shipped)


def _content(path: Path) -> dict[str, Any]:
    """Return what a file holds as JSON, {} where that is too large or no JSON. Raises `Problem`."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAITING)) as file:
            data = file.read(MAX_BYTES + 1) or b""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise Problem(
            "bad-setting", f"The preset {path} cannot be read ({reason}).", "Name another one."
        ) from None
    try:
        content = json.loads(data.decode("utf-8")) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}


def _is_text(name: str) -> bool:
    """Whether it can be shown: there is something, and neither a terminal's commands nor half characters."""
    return bool(name.strip()) and not any(unicodedata.category(one) in ("Cc", "Cs") for one in name)


def save(name: str, settings: Settings) -> Path:
    """Keep the settings as the user's own preset; one of this name is replaced. Returns the file.

    Line ends and the like in a name, which `read` would refuse, become spaces.
    Raises `Problem` ``bad-setting`` (a name without a letter or digit) or ``bad-output``.
    """
    name = " ".join(name.split())[:64].strip()
    path = _file_for(name)
    fields = {field: getattr(settings, field) for field in FIELDS}
    content = {"name": name, "format": STORED, "settings": fields}
    try:
        _make(path.parent)
        runtime.write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Problem("bad-output", f"The preset {path} cannot be written ({error.strerror}).") from None
    _delete(name, but=path)
    return path


def remove(name: str) -> bool:
    """Delete the user's own preset of this name; whether there was one. Ours stay."""
    return _delete(name)


def _own() -> list[Preset]:
    """Return all of the user's own, also those that another of the same name stands for."""
    return [*_all(_earlier_folder(), shipped=False), *_all(folder(), shipped=False)]


def _delete(name: str, but: Path | None = None) -> bool:
    """Delete the user's own files that hold a preset of this name, whatever they are called."""
    deleted, wanted = False, name.strip()[:64].casefold()
    for preset in _own():
        if preset.name.casefold() == wanted and preset.path != but:
            with contextlib.suppress(OSError):
                preset.path.unlink()
                deleted = True
    return deleted


def _file_for(name: str) -> Path:
    """Return the file for a preset of this name: one that is free, or holds it already."""
    stem, place = _stem(name), folder()
    for number in itertools.count(2):
        path = place / f"{stem}.json"
        if not path.exists():
            break
        with contextlib.suppress(Problem):
            if read(path).name.casefold() == name.casefold():
                break
        stem = f"{_stem(name)}-{number}"
    return path


def _stem(name: str) -> str:
    """Return the file's name: the same for names that differ in case only, and safe on every system."""
    stem = re.sub(r"[^\w-]+", "-", name.strip()[:64].casefold()).strip("-_")
    if not stem or not _is_text(name):
        raise Problem("bad-setting", "A preset's name needs a letter or a digit.", "Choose another name.")
    return f"preset-{stem}"  # CON, NUL and the like are no file's name on Windows


def _all(place: Path, shipped: bool) -> list[Preset]:
    found = []
    for path in sorted(place.glob("*.json")):
        with contextlib.suppress(Problem):  # one that is damaged must not hide the others
            found.append(read(path, shipped))
    return found
