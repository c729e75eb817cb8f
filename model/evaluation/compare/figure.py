"""The figure like the paper's Fig. 6: the photograph, what each method makes of it, and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from model.data.prepare.photograph import pictures
from model.data.synthesize.cache import Entry
from model.data.synthesize.portraits import Unfit, frame
from model.evaluation.flashes import Planned, Sample
from model.evaluation.metrics import Image
from model.evaluation.systems import System
from model.paper.bilateral import filter_crop

FACE: Final = np.s_[84:436, 80:432]  # of the 512 crop: from hair to collar
SIDE: Final = 256  # pixels of a picture
CAPTION: Final = 24
EACH: Final = 3  # of the darkest, of those with glasses, of the lightest
QUALITY: Final = 90


def selected(planned: Sequence[Planned], known: Sequence[Entry], names: Sequence[str]) -> list[Planned]:
    """Choose the first flash of each named portrait; if none is, of dark, bespectacled and light people.

    Raises `ValueError` with a sentence for a name that is not judged.
    """
    if not names:
        order = sorted(known, key=lambda entry: entry.lightness)
        groups = (order, [entry for entry in order if entry.glasses], order[::-1])
        seen: set[str] = set()
        for group in groups:
            fresh = {entry.person: entry.name for entry in reversed(group) if entry.person not in seen}
            kept = list(fresh.items())[::-1][:EACH]
            seen |= {person for person, _ in kept}
            names = [*names, *(name for _, name in kept)]
    found = []
    for name in names:
        flashes = [one for one in planned if one.name.rpartition(" ")[0] == name]
        if flashes:
            found.append(flashes[0])
        elif name not in {entry.name for entry in known}:
            raise ValueError(f"{name} is not a portrait of a held-out person, so it cannot be shown")
    return found


def selfies(folder: Path) -> tuple[list[Sample], list[str]]:
    """Photographs without a truth (`o` is the photograph itself), and why others are left out."""
    found, left_out = [], []
    for path in pictures(folder):
        try:
            x = np.asarray(frame(path).crop / 255, np.float32)
        except Unfit as reason:
            left_out.append(f"{path.name}: {reason}")
            continue
        bl_x, none = filter_crop(x), np.zeros(x.shape[:2], bool)
        found.append(Sample(path.stem, path.stem, x, x, bl_x, bl_x, none, None, None))
    return found, left_out


def draw(samples: Sequence[Sample], systems: Mapping[str, System], truth: bool) -> np.ndarray:
    """Return a row for each sample: input, each system, and with `truth` the studio portrait.

    (H, W, 3) uint8.
    """
    rows = [_captions(["input", *systems, *(["ground truth"] if truth else [])])]
    for sample in samples:
        shown = [sample.x, *(system(sample).picture for system in systems.values())]
        rows.append(np.hstack([_cell(picture) for picture in [*shown, *([sample.o] if truth else [])]]))
    return np.vstack(rows)


def write(path: Path, picture: np.ndarray) -> None:
    """As JPEG. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise OSError(f"{path} cannot be written")


def _cell(picture: Image) -> np.ndarray:
    small = cv2.resize(np.ascontiguousarray(picture[FACE]), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray((small * 255 + 0.5).clip(0, 255), np.uint8)


def _captions(words: Sequence[str]) -> np.ndarray:
    strip = np.full((CAPTION, SIDE * len(words), 3), 255, np.uint8)
    for i, word in enumerate(words):
        at = (i * SIDE + 4, CAPTION - 7)
        cv2.putText(
            strip, word.replace("_", " "), at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA
        )
    return strip
