"""A prepared folder of real pairs: its manifest, and the pictures it names.

The tool writes it, training and evaluation read it; this is the only place that knows the
columns. People are split by the same hash as the portraits, so nobody can be trained on in
one set and judged in the other.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.bilateral import SIZE

MANIFEST: Final = "manifest.csv"
COLUMNS: Final = ("person", "flash", "studio", "score", "transform", "split")
TRAIN: Final = "train"
HELD_OUT: Final = "held_out"

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """One line of the manifest.

    flash, studio: 512x512 PNG files of the same square. score: residual misalignment (see `score`
    module), lower is better. transform: six numbers a b c d e f; a pixel (u, v) of the flash photograph
    lies at (a u + b v + c, d u + e v + f) of the studio photograph, pixel centres at whole numbers.
    split: "train" or "held_out".
    """

    person: str
    flash: Path
    studio: Path
    score: float
    transform: tuple[float, ...]
    split: str

    @property
    def held_out(self) -> bool:
        """True for the people that are never trained on."""
        return self.split == HELD_OUT


def write(folder: Path, pairs: Sequence[Pair]) -> None:
    """Write `folder`/manifest.csv; the pairs' files must lie below `folder`."""
    with (folder / MANIFEST).open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(COLUMNS)
        for pair in pairs:
            names = [path.relative_to(folder).as_posix() for path in (pair.flash, pair.studio)]
            numbers = " ".join(f"{number:.8g}" for number in pair.transform)
            rows.writerow([pair.person, *names, f"{pair.score:.4f}", numbers, pair.split])


def read(folder: Path) -> list[Pair]:
    """Return the pairs of a prepared folder, in the manifest's order.

    Raises `ValueError` with a sentence and a hint when `folder` was not made by
    `python -m model prepare` or its manifest is damaged or empty.
    """
    hint = "make it with: python -m model prepare --flash DIR --studio DIR --out DIR"
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{folder} has no {MANIFEST}; {hint}")
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            pairs = [_pair(folder, row) for row in csv.DictReader(stream)]
    except (KeyError, TypeError, ValueError, AttributeError, csv.Error) as error:
        raise ValueError(f"{path} is damaged or not of a prepared folder; {hint}") from error
    if not pairs:
        raise ValueError(f"{path} names no pairs; {hint}")
    return pairs


def _pair(folder: Path, row: dict[str, str]) -> Pair:
    transform = tuple(float(number) for number in row["transform"].split())
    if len(transform) != 6 or row["split"] not in (TRAIN, HELD_OUT):
        raise ValueError
    files = folder / row["flash"], folder / row["studio"]
    return Pair(row["person"], *files, float(row["score"]), transform, row["split"])


def load(pair: Pair) -> tuple[Image, Image]:
    """Return the flash photograph `x` and the studio photograph `o`: (512, 512, 3) float32, sRGB in [0, 1].

    Raises `ValueError` with a sentence when a file is missing, corrupt or of another size.
    """
    return _picture(pair.flash), _picture(pair.studio)


def _picture(path: Path) -> Image:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if bgr is None:
        raise ValueError(f"{path} is missing or not a picture; prepare the folder again")
    if bgr.shape != (SIZE, SIZE, 3):
        raise ValueError(
            f"{path} is {bgr.shape[1]}x{bgr.shape[0]}, not {SIZE}x{SIZE}; prepare the folder again"
        )
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.float32) / np.float32(255)
