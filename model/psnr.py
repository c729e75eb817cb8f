"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math


def psnr(mean_square: float) -> float:
    """Return the decibels of a mean square error of samples in [0, 1]; at most 60."""
    return -10 * math.log10(max(mean_square, 1e-6))
