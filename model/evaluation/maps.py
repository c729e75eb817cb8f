"""Where the held-out people's maps come from: fitted once, kept in the user's cache folder.

The folder's name follows from the portraits and the mesh (their sizes and times), the manifest and the code
that makes the maps, so that a change of any of them makes new ones. A training cache can be given instead.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.data.synthesize import albedo, geometry, masks, portraits, spots, target
from model.data.synthesize import maps as building
from model.data.synthesize.cache import INDEX, Entry, entries, fill
from model.data.synthesize.portraits import manifest
from model.errors import Unusable

MESH: Final = "ict_face_model_light.npz"
LEFT_OUT: Final = "left_out.json"
CODE: Final = (albedo, geometry, masks, portraits, spots, target, building)
UNREADABLE: Final = ("not a picture", "faces")  # how the reasons end that are faults, not a choice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the held-out people come from."""
    add = parser.add_argument
    add("--portraits", type=Path, required=True, help="folder with manifest.csv (file, source, person)")
    add("--mesh", type=Path, help=f"{MESH} (default: looked for near the portraits)")
    add("--cache", type=Path, help="folder of maps, such as training's (default: in the user's cache)")


@dataclass(frozen=True)
class Maps:
    """folder, entries: of the cache, held-out people only. left_out: portraits that had no use, and why."""

    folder: Path
    entries: list[Entry]
    left_out: list[str]

    @property
    def unreadable(self) -> list[str]:
        """Those of `left_out` that hold no picture of one face; faces turned away are expected."""
        return [reason for reason in self.left_out if reason.endswith(UNREADABLE)]


def find_mesh(given: Path | None, folder: Path) -> Path:
    """Return the face mesh's file: as given, in the portraits' folder, or in face_mesh beside it."""
    places = [given] if given else [folder / MESH, folder.resolve().parent / "face_mesh" / MESH]
    for place in places:
        if place.is_file():
            return place
    looked = " or ".join(str(place) for place in places)
    raise Unusable(f"the face mesh is not at {looked}; name it with --mesh FILE")


def held_out_maps(folder: Path, mesh: Path | None, cache: Path | None) -> Maps:
    """Return maps of the held-out people of a folder with manifest.csv. Raises `Unusable`.

    cache: a folder to keep them in, or one that training has filled with these portraits.
    """
    names = _held_out(folder)
    if cache is None or not (cache / INDEX).is_file():
        mesh = find_mesh(mesh, folder)
        cache = cache or _default_cache(folder, mesh)
        if not (cache / INDEX).is_file():
            _fill(folder, mesh, cache)
    kept = [entry for entry in entries(cache) if entry.held_out and entry.name in names]
    for entry in kept:
        if not (cache / f"{entry.name}.npy").is_file():
            raise Unusable(f"{cache} lacks the maps of {entry.name}; delete it and start again")
    left = cache / LEFT_OUT
    reasons = json.loads(left.read_text("utf-8")) if left.is_file() else []
    if not kept:
        raise Unusable("\n  ".join([f"no portrait of a held-out person in {folder} can be used", *reasons]))
    return Maps(cache, kept, reasons)


def _held_out(folder: Path) -> set[str]:
    """Return the cache's names of the held-out people's portraits."""
    listed = manifest(folder)
    names = {portrait.name for portrait in listed if portrait.held_out}
    if not names:
        raise Unusable(f"{folder} names {len(listed)} portraits, none of a held-out person; add more people")
    return names


def _fill(folder: Path, mesh: Path, cache: Path) -> None:
    processes = min(4, os.cpu_count() or 1)
    _, left = fill(folder, mesh, cache, processes, lambda portrait: portrait.held_out)
    (cache / LEFT_OUT).write_text(json.dumps(left, indent=1) + "\n", "utf-8")


def _default_cache(folder: Path, mesh: Path) -> Path:
    digest = hashlib.sha256(f"{folder.resolve()}\n{mesh.resolve()}\n".encode())
    digest.update((folder / "manifest.csv").read_bytes())
    for file in (mesh, *(folder / portrait.file for portrait in manifest(folder) if portrait.held_out)):
        digest.update(_version(file).encode())
    for module in CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "studio-portrait" / "evaluate" / digest.hexdigest()[:16]


def _version(file: Path) -> str:
    """Return what changes with a file's content; nothing for a missing one, which is told as it is read."""
    try:
        found = file.stat()
    except OSError:
        return "\n"
    return f"{found.st_size} {found.st_mtime_ns}\n"
