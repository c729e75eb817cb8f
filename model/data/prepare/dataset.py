"""From candidate pairs to a prepared folder: align, crop, judge, write.

One bad photograph must not end a run over hundreds: what cannot be used is told and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from model.data.synthesize.portraits import MIN_SIDE, Portrait, Unfit, find_landmarks
from model.data.whole_pictures import RGB
from model.paper.framing import Square, face_square

from . import sheet
from .align import Misaligned, align
from .augment import views
from .crop import Matrix, chain, sample, square_matrix
from .pairing import Candidate
from .pairs import HELD_OUT, TRAIN, Pair, write
from .score import LIMIT, misalignment

FOLDER = "pictures"


@dataclass
class Outcome:
    """kept: the manifest's pairs, versions not counted; dropped: too far off; failed: a sentence each."""

    kept: list[Pair] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def keep(self, written: Iterable[Pair]) -> list[Pair]:
        """Count a pair, the first of what was written; returns all of that."""
        pairs = list(written)
        self.kept.append(pairs[0])
        return pairs


@dataclass(frozen=True)
class _AlignedPair:
    """A pair laid over each other, at full size."""

    flash: RGB
    studio: RGB
    square: Square
    transform: Matrix

    def crops(self, matrix: Matrix) -> tuple[RGB, RGB]:
        return sample(self.flash, matrix), sample(self.studio, chain(self.transform, matrix))

    def shown(self, name: str) -> sheet.Cell:
        """Return what stands on the contact sheet, with how far the two are off each other."""
        x, o = self.crops(square_matrix(self.square))
        return sheet.cell(name, misalignment(x, o), x, o)


def prepare(
    candidates: Sequence[Candidate],
    out: Path,
    limit: float = LIMIT,
    augment: bool = False,
    tell: Callable[[str], None] = print,
) -> Outcome:
    """Fill `out` with 512x512 crops, manifest.csv and the contact sheets kept.png and dropped.png.

    limit: a pair whose misalignment in pixels is above it is dropped. augment: add the twenty versions of
    `augment.views`, for people that are trained on only. tell: gets a line for each pair.
    """
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    outcome, pairs = Outcome(), list[Pair]()
    sheets: dict[str, list[sheet.Cell]] = {"kept": [], "dropped": []}
    for number, candidate in enumerate(candidates, 1):
        try:
            pair = _align(candidate)
        except (Unfit, Misaligned) as error:
            outcome.failed.append(f"{candidate.flash}: {error}")
            became = f"left out: {error}"
        else:
            shown = pair.shown(candidate.name)
            became = "kept" if shown.score <= limit else "dropped"
            sheets[became].append(shown)
            if became == "kept":
                pairs += outcome.keep(_written(candidate, pair, shown.score, out, augment))
            else:
                outcome.dropped.append(candidate.name)
            became += f", {shown.score:.1f} px off"
        tell(f"{number}/{len(candidates)} {candidate.name} {became}")
    write(out, pairs)
    for name, cells in sheets.items():
        sheet.write(out / f"{name}.png", cells)
    return outcome


def _align(candidate: Candidate) -> _AlignedPair:
    flash, studio = candidate.read(candidate.flash, candidate.studio)
    try:
        landmarks = find_landmarks(flash)
    except Unfit as error:
        raise Unfit(f"{error} in {candidate.flash.name}, exactly one is needed") from error
    square = face_square(landmarks)
    if square.side < MIN_SIDE:
        raise Unfit(f"the face is too small: its crop has {square.side:.0f} pixels, {MIN_SIDE} are needed")
    return _AlignedPair(flash, studio, square, align(flash, studio, square))


def _written(
    candidate: Candidate, pair: _AlignedPair, off: float, out: Path, augment: bool
) -> Iterator[Pair]:
    """Yield the pair itself, then its versions."""
    split = HELD_OUT if Portrait("", "pairs", candidate.person).held_out else TRAIN
    maps = {"": square_matrix(pair.square)}
    if augment and split == TRAIN:
        maps |= {f"_{name}": matrix for name, matrix in views(pair.square) if name != "r0_frame"}
    numbers = tuple(float(value) for value in pair.transform.ravel())
    for suffix, matrix in maps.items():
        flash, studio = (
            out / FOLDER / f"{candidate.name}{suffix}_{kind}.png" for kind in ("flash", "studio")
        )
        for path, picture in zip((flash, studio), pair.crops(matrix), strict=True):
            cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        yield Pair(candidate.person, flash, studio, off, numbers, split)
