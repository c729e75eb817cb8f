"""The figure like the paper's Fig. 6: the photograph, what each method makes of it, and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from model import contact_sheet
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


def selected(planned: Sequence[Planned], known: Sequence[Entry], names: Sequence[str]) -> list[Planned]:
    """Choose the first flash of each named portrait; if none is, of dark, bespectacled and light people.

    Raises `ValueError` with a sentence for a name that is not judged.
    """
    first: dict[str, Planned] = {}
    for one in planned:
        first.setdefault(one.name.rpartition(" ")[0], one)
    for name in set(names) - {entry.name for entry in known}:
        raise ValueError(f"{name} is not a portrait of a held-out person, so it cannot be shown")
    for name in set(names) - first.keys():
        raise ValueError(f"no flash of {name} is judged, so it cannot be shown; ask for more --flashes")
    return [first[name] for name in names or _telling(known) if name in first]


def _telling(known: Sequence[Entry]) -> list[str]:
    """Choose portraits of the darkest people, then of others with glasses, then of the lightest."""
    order = sorted(known, key=lambda entry: entry.lightness)
    chosen: dict[str, str] = {}
    for group in (order, [entry for entry in order if entry.glasses], order[::-1]):
        fresh = {entry.person: entry.name for entry in reversed(group) if entry.person not in chosen}
        chosen |= dict(list(fresh.items())[::-1][:EACH])
    return list(chosen.values())


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
    words = [name.replace("_", " ") for name in ("input", *systems, *["ground truth"] * truth)]
    rows = [contact_sheet.caption(words, SIDE, CAPTION, paper=255, ink=(0, 0, 0), size=0.55)]
    for sample in samples:
        shown = [sample.x, *(system(sample).picture for system in systems.values())]
        rows.append(np.hstack([_cell(picture) for picture in [*shown, *[sample.o] * truth]]))
    return np.vstack(rows)


def write(path: Path, picture: np.ndarray) -> None:
    """As JPEG. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet.save(path, picture)


def _cell(picture: Image) -> np.ndarray:
    small = cv2.resize(np.ascontiguousarray(picture[FACE]), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray((small * 255 + 0.5).clip(0, 255), np.uint8)
