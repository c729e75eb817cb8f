"""Contact sheets to look at: what a flash is made of, and flashes beside real photographs.

The second is the test that matters: put beside real flash selfies at thumbnail size, the synthetic
ones should not be told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from model import contact_sheet
from model.errors import Unusable
from model.paper.colour import encode_srgb

from .cache import Entry, entries, planes
from .flash import JUDGED
from .maps import PLANES
from .pairs import draw, fixed
from .portraits import Unfit, frame

Picture = NDArray[Any]  # (H, W, 3) uint8 sRGB

COLUMNS: Final = ("portrait (studio)", "normals", "specular", "shadow", "flash photograph")
CELL: Final = 256  # pixels
CAPTION: Final = 22
THUMBNAILS: Final = 8  # in a row beside real photographs


def sheet(folder: Path, out: Path, seed: int, count: int) -> None:
    """Write `count` rows portrait | normals | specular | shadow | flash. Raises `Unusable`."""
    known = _known(folder)
    chosen = np.random.default_rng(seed).permutation(len(known))[:count]
    rows = [_caption(COLUMNS)]
    for number, index in enumerate(chosen):
        entry = known[index]
        rows += [
            _caption([entry.name, "x right, y down, z near", "", "", ""]),
            _row(folder, known, entry, seed + number),
        ]
    contact_sheet.save(out, np.vstack(rows))


def beside(folder: Path, photographs: Path, out: Path, seed: int, count: int) -> list[str]:
    """Write rows of thumbnails: the real photographs below `photographs`, then `count` flashes.

    Returns why photographs were left out. Raises `Unusable`.
    """
    known = _known(folder)
    if not photographs.is_dir() or not any(photographs.iterdir()):
        raise Unusable(f"{photographs} holds no photographs; name a folder of real flash selfies")
    real, left = [], []
    for path in sorted(photographs.iterdir()):
        try:
            real.append(frame(path).crop)
        except Unfit as reason:
            left.append(f"{path.name}: {reason}")
    made: list[Picture] = []
    while len(made) < count:
        pairs = draw(folder, known, min(THUMBNAILS, count - len(made)), CELL, [seed, len(made)], shrink=2)
        made += [_picture(x) for x in pairs.x]
    blank = [""] * (THUMBNAILS - 1)
    rows = []
    for title, pictures in (("real photographs", real), ("synthetic flashes", made)):
        rows.append(_caption([title, *blank]))
        if pictures:
            rows.append(contact_sheet.grid([_small(picture) for picture in pictures], THUMBNAILS))
    contact_sheet.save(out, np.vstack(rows))
    return left


def _known(folder: Path) -> list[Entry]:
    try:
        known = entries(folder)
    except (OSError, ValueError):
        known = []
    if not known:
        hint = "fill it with: python -m model synthesize cache"
        raise Unusable(f"{folder} holds no prepared portraits that can be read; {hint}")
    return known


def _row(folder: Path, known: Sequence[Entry], entry: Entry, seed: int) -> Picture:
    maps = planes(folder, entry.name)
    pair = fixed(folder, known, [entry], [seed], mix=JUDGED).pairs()
    shine = _picture(encode_srgb(pair.specular[0]).expand(3, -1, -1))
    shadow = _picture(pair.shadow[0].expand(3, -1, -1))
    cells = [maps[..., PLANES["studio"]], maps[..., PLANES["normal"]], shine, shadow, _picture(pair.x[0])]
    return np.hstack([_small(cell) for cell in cells])


def _picture(rgb: Tensor) -> Picture:
    """(3, H, W) in [0, 1] to 8 bit."""
    return np.asarray(rgb.permute(1, 2, 0).numpy() * 255 + 0.5, np.uint8)


def _small(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA))


def _caption(texts: Sequence[str]) -> Picture:
    return contact_sheet.caption(texts, CELL, CAPTION, paper=32, ink=(230, 230, 230), x=6)
