"""Where GIMP 3 keeps its users' profiles, and which GIMP programs are here.

A profile is a folder per minor version (``GIMP/3.0``, ``GIMP/3.2``) with a folder
``plug-ins`` in it. Flatpak and snap keep theirs apart.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .console import quiet

_FLATPAK = Path(".var/app/org.gimp.GIMP")
_SNAP = Path("snap/gimp/current")


@dataclass(frozen=True)
class Profile:
    """A GIMP profile folder; `version` is its name as in ``3.0``, `kind` says which GIMP uses it."""

    folder: Path
    version: str
    kind: str

    @property
    def plugin(self) -> Path:
        """Return where the plug-in lies in this profile."""
        return self.folder / "plug-ins" / "studio_portrait"


@dataclass(frozen=True)
class Gimp:
    """A GIMP 3 program; `version` as in ``3.0``."""

    program: str
    version: str
    kind: str


def find_profiles(home: Path | None = None) -> list[Profile]:
    """Every GIMP 3 profile of this user, native ones first."""
    found: dict[Path, Profile] = {}
    for kind, place in _places(home or Path.home()):
        if place.is_dir():
            for folder in sorted(place.iterdir()):
                if folder.is_dir() and re.fullmatch(r"3\.\d+", folder.name):
                    found.setdefault(folder.resolve(), Profile(folder, folder.name, kind))
    if (chosen := os.environ.get("GIMP3_DIRECTORY")) and Path(chosen).is_dir():
        folder = Path(chosen).absolute()
        found.setdefault(folder.resolve(), given(folder))
    return list(found.values())


def wanted(gimp_dirs: Iterable[Path]) -> list[Profile]:
    """Every profile that is found, and those that the user names; none twice."""
    profiles = [*find_profiles(), *(given(folder) for folder in gimp_dirs)]
    return list({profile.folder: profile for profile in profiles}.values())


def given(folder: Path) -> Profile:
    """Return the profile that the user named by its folder."""
    folder = folder.expanduser().absolute()
    return Profile(folder, folder.name if re.fullmatch(r"3\.\d+", folder.name) else "", "given")


def other_versions(home: Path | None = None) -> list[Path]:
    """Plug-in folders of ours in profiles of a GIMP that cannot run them (2.x)."""
    found = []
    for _, place in _places(home or Path.home()):
        found += [folder for folder in place.glob("[12].*/plug-ins/studio_portrait") if folder.is_dir()]
    return found


def _places(home: Path) -> list[tuple[str, Path]]:
    if sys.platform == "darwin":
        return [("native", home / "Library/Application Support/GIMP")]
    if sys.platform == "win32":
        return [("native", Path(os.environ.get("APPDATA", home / "AppData/Roaming"), "GIMP"))]
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [
        ("native", config / "GIMP"),
        ("flatpak", home / _FLATPAK / "config/GIMP"),
        ("snap", home / _SNAP / ".config/GIMP"),
    ]


def find_gimps() -> list[Gimp]:
    """Every GIMP 3 on this machine, found by its program's own word; none twice."""
    found: dict[tuple[str, str], Gimp] = {}
    for program in _programs():
        if version := _version_of([program, "--version"], r"(?<![\d.])(3\.\d+)"):
            found.setdefault(("native", version), Gimp(program, version, "native"))
    flatpak = shutil.which("flatpak")
    if flatpak and (version := _version_of([flatpak, "info", "org.gimp.GIMP"], r"Version:\s+(3\.\d+)")):
        found[("flatpak", version)] = Gimp("flatpak run org.gimp.GIMP", version, "flatpak")
    return sorted(found.values(), key=lambda gimp: (gimp.version, gimp.kind))


def _programs() -> list[str]:
    names = itertools.product(("gimp-console", "gimp"), ("", "-3.0", "-3.2", "-3"))
    programs = [path for name in names if (path := shutil.which("".join(name)))]
    if sys.platform == "darwin":
        programs += [str(path) for path in Path("/Applications").glob("GIMP*.app/Contents/MacOS/gimp")]
    if sys.platform == "win32":
        everybody = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"))
        mine = Path(os.environ.get("LOCALAPPDATA", ""), "Programs")
        for base in (everybody, mine):
            programs += [str(path) for path in base.glob("GIMP 3*/bin/gimp-console-3*.exe")]
    return programs


def _version_of(command: list[str], pattern: str) -> str | None:
    """Return the version in the program's answer, which it gives in English."""
    answer = quiet(command, env={"LC_ALL": "C", "LANGUAGE": "C"}, seconds=20)
    match = re.search(pattern, answer.stdout)
    return match[1] if match else None
