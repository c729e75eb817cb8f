"""Contact sheets: pictures in rows, with words, for people to look at. All in sRGB, (H, W, 3) uint8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]
Colour = tuple[int, int, int]
WHITE: Final = (255, 255, 255)


def write(
    picture: Picture, words: str, place: tuple[int, int], size: float, ink: Colour = WHITE, thickness: int = 1
) -> None:
    """Write words into a picture. place: x and y of their lower left corner."""
    cv2.putText(picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, thickness, cv2.LINE_AA)


def caption(
    words: Sequence[str],
    width: int,
    height: int,
    *,
    paper: int = 0,
    ink: Colour = WHITE,
    size: float = 0.45,
    x: int = 4,
    up: int = 7,
) -> Picture:
    """Return a strip of as many cells as there are words, each `width` wide. x, up: where they begin."""
    strip = np.full((height, width * len(words), 3), paper, np.uint8)
    for column, text in enumerate(words):
        write(strip, text, (column * width + x, height - up), size, ink)
    return strip


def grid(cells: Sequence[Picture], columns: int) -> Picture:
    """Put cells of one size into rows; what is missing in the last one is black."""
    filled = [*cells, *[np.zeros_like(cells[0])] * (-len(cells) % columns)]
    return np.vstack([np.hstack(filled[i : i + columns]) for i in range(0, len(filled), columns)])


def save(path: Path, picture: Picture, quality: int = 90) -> None:
    """Write a PNG or JPEG, as the name's ending says. Raises `OSError`."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        done = cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]), options)
    except cv2.error:  # an ending that is no picture's
        done = False
    if not done:
        raise OSError(f"{path} cannot be written; name a PNG or JPEG in a folder that exists")
