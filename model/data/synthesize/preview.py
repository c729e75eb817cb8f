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

from model.paper.colour import encode_srgb

from .cache import Entry, entries, planes
from .flash import JUDGED
from .maps import PLANES
from .pairs import draw, fixed
from .portraits import Unfit, Unusable, frame

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
    _write(out, np.vstack(rows))


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
    rows = [_caption(["real photographs", *blank]), *_grid(real)]
    rows += [_caption(["synthetic flashes", *blank]), *_grid(made)]
    _write(out, np.vstack(rows))
    return left


def _known(folder: Path) -> list[Entry]:
    try:
        known = entries(folder)
    except (OSError, ValueError, TypeError):
        known = []
    if not known:
        hint = "fill it with: python -m model synthesize cache"
        raise Unusable(f"{folder} holds no prepared portraits that can be read; {hint}")
    return known


def _row(folder: Path, known: Sequence[Entry], entry: Entry, seed: int) -> Picture:
    maps = planes(folder, entry.name)
    pair = fixed(folder, known, [entry], [seed], mix=JUDGED)
    shine = _picture(encode_srgb(pair.specular[0]).expand(3, -1, -1))
    shadow = _picture(pair.shadow[0].expand(3, -1, -1))
    cells = [maps[..., PLANES["studio"]], maps[..., PLANES["normal"]], shine, shadow, _picture(pair.x[0])]
    return np.hstack([_small(cell) for cell in cells])


def _picture(rgb: Tensor) -> Picture:
    """(3, H, W) in [0, 1] to 8 bit."""
    return np.asarray(rgb.permute(1, 2, 0).numpy() * 255 + 0.5, np.uint8)


def _small(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA))


def _grid(pictures: Sequence[Picture]) -> list[Picture]:
    cells = [_small(picture) for picture in pictures]
    cells += [np.zeros((CELL, CELL, 3), np.uint8)] * (-len(cells) % THUMBNAILS)
    return [np.hstack(cells[i : i + THUMBNAILS]) for i in range(0, len(cells), THUMBNAILS)]


def _caption(texts: Sequence[str]) -> Picture:
    strip = np.full((CAPTION, CELL * len(texts), 3), 32, np.uint8)
    for column, text in enumerate(texts):
        at = (column * CELL + 6, CAPTION - 7)
        cv2.putText(strip, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (230, 230, 230), 1, cv2.LINE_AA)
    return strip


def _write(out: Path, picture: Picture) -> None:
    try:
        done = cv2.imwrite(str(out), np.ascontiguousarray(picture[..., ::-1]))
    except cv2.error:  # an ending that is no picture's
        done = False
    if not done:
        raise Unusable(f"{out} cannot be written; name a PNG in a folder that exists")
