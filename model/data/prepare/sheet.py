"""Contact sheets of what was kept and what was dropped: the eye is the last judge of an alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from model import contact_sheet
from model.data.whole_pictures import RGB
from model.paper.bilateral import SIZE

PART: Final = 160  # pixels: side of one picture on the sheet
CAPTION: Final = 18  # pixels
COLUMNS: Final = 3
CHECK: Final = 4  # squares across the chequered picture


@dataclass(frozen=True)
class Cell:
    """flash, studio and both in chequers: (PART, 3 PART, 3) uint8 sRGB."""

    name: str
    score: float
    picture: RGB


def cell(name: str, score: float, x: RGB, o: RGB) -> Cell:
    """x, o: the two 512x512 crops. Where edges break at the chequers' borders the pair is misaligned."""
    y, across = np.indices((SIZE, SIZE)) * CHECK // SIZE
    mixed = np.where(((y + across) % 2 == 0)[..., None], x, o)
    parts = [cv2.resize(part, (PART, PART), interpolation=cv2.INTER_AREA) for part in (x, o, mixed)]
    return Cell(name, score, np.hstack(parts).astype(np.uint8))


def write(path: Path, cells: Sequence[Cell]) -> None:
    """One PNG, worst first, each with its name and score; without cells an old file is taken away."""
    if not cells:
        path.unlink(missing_ok=True)
        return
    drawn = [_captioned(one) for one in sorted(cells, key=lambda one: (-one.score, one.name))]
    contact_sheet.save(path, contact_sheet.grid(drawn, min(COLUMNS, len(drawn))))


def _captioned(one: Cell) -> RGB:
    text = f"{one.score:.1f} px  {one.name}".encode("ascii", "replace").decode()
    caption = contact_sheet.caption([text], one.picture.shape[1], CAPTION, size=0.4, up=5)
    return np.vstack([caption, one.picture])
