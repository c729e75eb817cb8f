"""A contact sheet of flashes, to be looked at beside real selfies."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from .cache import entries
from .pairs import draw

COLUMNS = 6


def sheet(folder: Path, out: Path, seed: int, count: int, size: int = 512) -> None:
    """Write `count` triples flash | studio | BL(flash) at half size."""
    known = entries(folder)
    cells = []
    for start in range(0, count, 4):
        pairs = draw(folder, known, min(4, count - start), size, [seed, start])
        row = torch.cat([pairs.x, pairs.o], dim=3).permute(0, 2, 3, 1).numpy()
        cells += [cv2.resize(cell, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for cell in row]
    columns = COLUMNS // 2
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    picture = (np.vstack(rows) * 255 + 0.5).astype(np.uint8)
    cv2.imwrite(str(out), picture[..., ::-1])
