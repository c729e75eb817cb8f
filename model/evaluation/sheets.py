"""Contact sheets of a network's best, median and worst ten: numbers are not to be believed unseen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import contact_sheet
from .bootstrap import Record
from .flashes import Planned, Sample
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
    out: Path, name: str, planned: Sequence[Planned], records: Sequence[Record], system: System
) -> list[Path]:
    """NAME_best.jpg, NAME_median.jpg and NAME_worst.jpg in `out`: x | o_hat | o, captioned.

    planned: what `records` were made of, in the same order; the pictures are made again from it.
    """
    out.mkdir(parents=True, exist_ok=True)
    ranked = ranks(records)
    made = {}
    for i in {i for places in ranked.values() for i in places}:
        sample = planned[i].make()
        made[i] = _cell(sample, records[i], system(sample).picture)
    files = {rank: out / f"{name}_{rank}.jpg" for rank in ranked}
    for rank, file in files.items():
        contact_sheet.save(file, contact_sheet.grid([made[i] for i in ranked[rank]], COLUMNS))
    return list(files.values())


def _cell(sample: Sample, record: Record, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    row = np.hstack([sample.x, picture, sample.o])
    small = cv2.resize(row, (3 * SIDE, SIDE), interpolation=cv2.INTER_AREA)
    words = (
        f"{sample.name}   {record['bin'].replace('_', ' ')}   skin {record['psnr_face']:.1f} dB   "
        f"dE {record['deltae_skin']:.1f}   L* {record['l_bias']:+.1f}"
    )
    caption = contact_sheet.caption([words], 3 * SIDE, CAPTION, ink=INK, size=0.42)
    return np.vstack([(small * 255 + 0.5).astype(np.uint8), caption])
