"""The folder of cached maps: written once by several processes, read while training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from model.errors import Unusable

from .geometry import FaceModel
from .maps import COUNT, PLANES, build
from .portraits import Portrait, Unfit, manifest

INDEX = "index.json"


@dataclass(frozen=True)
class Entry:
    """One cached portrait. scale: pixels per cm. lightness: median sRGB grey of its skin, 0..1.

    glasses: known to be worn. eyes: see `maps.Maps`. An index from before these were kept has none.
    """

    name: str
    source: str
    person: str
    held_out: bool
    scale: float
    lightness: float
    glasses: bool = False
    eyes: tuple[tuple[float, float, float], ...] = ()


@cache
def _model(path: Path) -> FaceModel:
    cv2.setNumThreads(1)
    return FaceModel.load(path)


def _one(portrait: Portrait, portraits: Path, mesh: Path, folder: Path) -> Entry | str:
    """Build and write one portrait's maps; a text says why it was left out."""
    try:
        maps = build(portrait, portraits, _model(mesh))
    except Unfit as reason:
        return f"{portrait.file}: {reason}"
    _save(folder / f"{portrait.name}.npy", maps.planes)
    skin = maps.planes[..., PLANES["skin"]][..., 0] > 127
    lightness = float(np.median(maps.planes[..., PLANES["studio"]][skin].mean(axis=-1)) / 255)
    who = (portrait.name, portrait.source, portrait.person, portrait.held_out)
    return Entry(*who, maps.scale, round(lightness, 4), portrait.glasses, maps.eyes)


def fill(
    portraits: Path,
    mesh: Path,
    folder: Path,
    processes: int,
    wanted: Callable[[Portrait], bool] = lambda portrait: True,
) -> tuple[list[Entry], list[str]]:
    """Build the maps of every usable portrait into `folder`; returns them, and why others were left out.

    wanted: of which portraits; evaluation needs the held-out people only. Raises `Unusable`.
    """
    listed = [portrait for portrait in manifest(portraits) if wanted(portrait)]
    try:
        _model(mesh)
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise Unusable(f"{mesh} is not the face mesh; name ict_face_model_light.npz") from error
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(_one, portrait, portraits, mesh, folder) for portrait in listed]
        results = [job.result() for job in jobs]
    entries = [result for result in results if isinstance(result, Entry)]
    (folder / INDEX).write_text(json.dumps([asdict(entry) for entry in entries], indent=1) + "\n", "utf-8")
    return entries, [result for result in results if isinstance(result, str)]


def entries(folder: Path) -> list[Entry]:
    """Return the cached portraits, in the manifest's order. Raises `OSError`, `Unusable`."""
    file = folder / INDEX
    try:
        return [Entry(**fields) for fields in json.loads(file.read_text("utf-8"))]
    except (ValueError, TypeError) as error:
        raise Unusable(f"{file} is damaged, or of another version; make the cache anew") from error


def planes(folder: Path, name: str, shrink: int = 1) -> NDArray[np.uint8]:
    """One portrait's maps, memory-mapped: (512, 512, COUNT) uint8, see `maps.PLANES`.

    shrink: 2 gives half the size, and keeps a copy of that beside the maps until they are made anew.
    """
    file = folder / f"{name}.npy"
    if shrink == 1:
        return _current(file, file, "r")
    small = folder / f"by{shrink}" / file.name
    if not small.exists() or small.stat().st_mtime_ns < file.stat().st_mtime_ns:
        small.parent.mkdir(exist_ok=True)
        full = _current(file, file)
        size = (full.shape[0] // shrink,) * 2
        bands = (full[..., i : i + 3] for i in range(0, COUNT, 3))
        resized = (cv2.resize(band, size, interpolation=cv2.INTER_AREA).reshape(*size, -1) for band in bands)
        _save(small, np.concatenate(list(resized), axis=-1))
    return _current(small, file, "r")


def _save(file: Path, maps: NDArray[np.uint8]) -> None:
    """Write beside, then rename: other processes may be reading, or writing the same."""
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        np.save(stream, maps)
    os.replace(part, file)


def _current(copy: Path, file: Path, mode: Literal["r"] | None = None) -> NDArray[np.uint8]:
    """Read maps, or a smaller copy of them. Raises `OSError`, and `Unusable` for what is no such file."""
    try:
        maps: NDArray[np.uint8] = np.load(copy, mmap_mode=mode)
    except (ValueError, EOFError) as error:
        raise Unusable(f"{copy} is damaged; make the cache anew") from error
    if maps.ndim != 3 or maps.shape[-1] != COUNT:
        raise Unusable(f"{file} was made by another version; make the cache anew")
    return maps
