"""Which two photographs belong together, and who is on them.

A pair has the same name (below its folder, without the ending) in both folders. What is left
over pairs by capture time, because two cameras number their files differently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.data.whole_pictures import RGB
from model.errors import Unusable

from .photograph import pictures, read, taken

WINDOW: Final = 2.0  # seconds between the two photographs of a pair; the paper's cameras are 0.4 s apart

Reader = Callable[[Path, Path], tuple[RGB, RGB]]


def _read_both(flash: Path, studio: Path) -> tuple[RGB, RGB]:
    return read(flash), read(studio)


@dataclass(frozen=True)
class Candidate:
    """Two files that are taken for a pair. name: unique, fit for a file name. read: both pictures,
    upright (H, W, 3) uint8 sRGB, flash first; raises `Unfit`."""

    person: str
    name: str
    flash: Path
    studio: Path
    read: Reader = _read_both


def folders(
    flash: Path, studio: Path, person: str | None = None, window: float = WINDOW
) -> tuple[list[Candidate], list[str]]:
    """Return the pairs of two folders of photographs, and a sentence for every file without partner.

    person: a regular expression searched in the file's stem, whose first group is the person's name;
    without it the first folder level below `flash` is. window: see `WINDOW`. Raises `Unusable`.
    """
    pattern = _pattern(person)
    ours, theirs = _listed(flash), _listed(studio)
    both = ours.keys() & theirs.keys()
    matched = [(ours[key], theirs[key]) for key in both]
    alone = [ours[key] for key in sorted(ours.keys() - both)]
    others = [theirs[key] for key in sorted(theirs.keys() - both)]
    matched += _by_time(flash, studio, alone, others, window)
    used = {path for pair in matched for path in pair}
    hint = f"no picture of the same name, nor one taken within {window:g} s, in the other folder"
    missing = [f"{path} has no partner: {hint}" for path in [*alone, *others] if path not in used]
    candidates = [
        Candidate(_person(flash, path, pattern), f"{number:04d}_{path.stem}", path, partner)
        for number, (path, partner) in enumerate(sorted(matched), 1)
    ]
    return candidates, missing


def _pattern(person: str | None) -> re.Pattern[str] | None:
    if person is None:
        return None
    try:
        pattern = re.compile(person)
    except re.error as error:
        raise Unusable(f"--person {person!r} is not a regular expression: {error}") from error
    if pattern.groups < 1:
        raise Unusable(f"--person {person!r} has no group; bracket the person's part, as in '^([a-z]+)_'")
    return pattern


def _listed(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise Unusable(f"{folder} is not a folder; give one with photographs in it")
    found = pictures(folder)
    if not found:
        raise Unusable(f"{folder} holds no pictures; JPEG, PNG, TIFF, WebP and BMP files are read")
    listed: dict[str, Path] = {}
    for path in found:
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in listed:
            raise Unusable(f"{listed[key]} and {path} have one name; keep one of them")
        listed[key] = path
    return listed


def _person(folder: Path, path: Path, pattern: re.Pattern[str] | None) -> str:
    inner = path.relative_to(folder)
    if pattern is not None:
        found = pattern.search(path.stem)
        if found is None or not found[1]:
            raise Unusable(f"--person finds nobody in {path.stem!r}; make it match every file name")
        return found[1]
    if len(inner.parts) < 2:
        raise Unusable(
            f"nobody knows who is on {path}, and people must not be split; "
            "put each person's pictures into a folder of their own, or give --person REGEX"
        )
    return inner.parts[0]


def _by_time(
    flash: Path, studio: Path, ours: Sequence[Path], theirs: Sequence[Path], window: float
) -> list[tuple[Path, Path]]:
    """Those that are each other's nearest within the window, in the same inner folder."""
    times = {path: taken(path) for path in [*ours, *theirs]}
    inner = {path: path.relative_to(flash).parent for path in ours}
    inner |= {path: path.relative_to(studio).parent for path in theirs}

    def nearest(path: Path, others: Sequence[Path]) -> Path | None:
        at, exif = times[path]
        near = sorted(
            (abs(times[other][0] - at), other)
            for other in others
            if inner[other] == inner[path] and times[other][1] == exif and abs(times[other][0] - at) <= window
        )
        tie = len(near) > 1 and near[0][0] == near[1][0]
        return near[0][1] if near and not tie else None

    found = [(path, nearest(path, theirs)) for path in ours]
    return [(path, other) for path, other in found if other is not None and nearest(other, ours) == path]
