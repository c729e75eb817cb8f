"""The selfie that is shipped with Studio Portrait, found from wherever tests are started, and its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[1]
SELFIE = CHECKOUT / "server" / "setup" / "sample" / "selfie.jpg"


def alike(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> bool:
    """Whether two JPEG files' (H, W, C) samples are of one result.

    Other numbers of threads sum in another order: a level here and there, of which contrast and JPEG's steps
    make a few.
    """
    off = np.abs(ours.astype(int) - theirs)
    return bool(off.max() <= 6 and off.mean() < 0.1)
