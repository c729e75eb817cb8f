"""Contact sheets of a network's best, median and worst ten: numbers are not to be believed unseen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .flashes import Planned, Sample
from .score import Record
from .systems import System

TEN: Final = 10
SIDE: Final = 256  # pixels of a picture
CAPTION: Final = 22
COLUMNS: Final = 2
INK: Final = (230, 230, 230)


def ranks(records: Sequence[Record]) -> dict[str, list[int]]:
    """Where in `records` the best, median and worst ten are, by the skin's PSNR; fewer if there are fewer."""
    order = [int(i) for i in np.argsort([-record["psnr_face"] for record in records], kind="stable")]
    count = min(TEN, len(order))
    middle = (len(order) - count) // 2
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[len(order) - count :],
    }


def write(
    out: Path,
    name: str,
    planned: Sequence[Planned],
    records: Sequence[Record],
    system: System,
) -> list[Path]:
    """NAME_best.jpg, NAME_median.jpg and NAME_worst.jpg in `out`: x | o_hat | o, captioned.

    planned: what `records` were made of, in the same order; the pictures are made again from it.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = []
    ranked = ranks(records)
    made = {}
    for i in {i for places in ranked.values() for i in places}:
        sample = planned[i].make()
        made[i] = _cell(sample, records[i], system(sample).picture)
    for rank, places in ranked.items():
        cells = [made[i] for i in places]
        cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
        rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
        file = out / f"{name}_{rank}.jpg"
        if not cv2.imwrite(str(file), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90]):
            raise OSError(f"{file} cannot be written")
        files.append(file)
    return files


def _cell(sample: Sample, record: Record, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    row = np.hstack([sample.x, picture, sample.o])
    small = cv2.resize(row, (3 * SIDE, SIDE), interpolation=cv2.INTER_AREA)
    cell = np.zeros((SIDE + CAPTION, 3 * SIDE, 3), np.uint8)
    cell[:SIDE] = (small * 255 + 0.5).astype(np.uint8)
    words = (
        f"{sample.name}   {record['bin'].replace('_', ' ')}   skin {record['psnr_face']:.1f} dB   "
        f"dE {record['deltae_skin']:.1f}   L* {record['l_bias']:+.1f}"
    )
    at = (4, SIDE + CAPTION - 7)
    return np.asarray(cv2.putText(cell, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA))
