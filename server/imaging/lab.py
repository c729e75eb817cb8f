"""CIE Lab in the form that numpy is quick with: its planes, lengths and averages."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .colour import Float


def to_lab(image: Float) -> Float:
    """Convert (h, w, 3) sRGB in [0, 1] to L* in [0, 100], a*, b*, same shape."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2Lab), np.float32)


def planes(image: NDArray[Any]) -> Float:
    """Take (h, w, N) apart into (N, h, w): numpy is many times as quick on channels that lie apart."""
    return np.asarray(np.stack(cv2.split(image)), np.float32)


def chroma(ab: NDArray[Any]) -> Float:
    """Return C*, the length of a* and b*: (2, h, w) -> (h, w)."""
    return np.asarray(np.sqrt(ab[0] * ab[0] + ab[1] * ab[1]), np.float32)


def average(image: Float, weight: Float) -> Float:
    """Return the mean over (h, w, N) with weights (h, w, 1) whose sum is not 0: (N,)."""
    return np.asarray((image * weight).sum((0, 1)) / weight.sum(), np.float32)
