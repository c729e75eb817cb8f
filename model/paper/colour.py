"""sRGB's transfer curve (IEC 61966-2-1), for numpy arrays and torch tensors alike.

Light adds up in linear RGB, so flashes are made there; pictures, filter and network use sRGB.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
Samples = TypeVar("Samples")  # floats in a numpy array or a torch tensor


def decode_srgb(srgb: Samples) -> Samples:
    """Turn sRGB into linear RGB; the same shape and type. An array may also lie below 0 (odd) and above 1."""
    value: Any = srgb
    if isinstance(value, np.ndarray):
        size = np.abs(value)
        curve = np.maximum(size, 0.04045)
        curve += 0.055
        curve *= 1 / 1.055
        return _signed(_power(curve, 2.4), size * (1 / 12.92), size <= 0.04045, value)  # type: ignore[return-value]
    low = value <= 0.04045
    linear: Samples = low * (value / 12.92) + ~low * ((value.clip(0.04045, None) + 0.055) / 1.055) ** 2.4
    return linear


def encode_srgb(rgb: Samples) -> Samples:
    """Undo `decode_srgb`; values above 1 stay above 1."""
    value: Any = rgb
    if isinstance(value, np.ndarray):
        size = np.abs(value)
        curve = _power(np.maximum(size, 0.0031308), 1 / 2.4)
        curve *= 1.055
        curve -= 0.055
        return _signed(curve, 12.92 * size, size <= 0.0031308, value)  # type: ignore[return-value]
    low = value <= 0.0031308
    srgb: Samples = low * (value * 12.92) + ~low * (1.055 * value.clip(0.0031308, None) ** (1 / 2.4) - 0.055)
    return srgb


def _power(base: NDArray[Any], exponent: float) -> NDArray[Any]:
    """OpenCV's power is faster than numpy's; it takes no more than two dimensions and channels."""
    return cv2.pow(base.ravel(), exponent).reshape(base.shape) if base.size else base


def _signed(
    curve: NDArray[Any], line: NDArray[Any], low: NDArray[np.bool_], value: NDArray[Any]
) -> NDArray[Any]:
    """Return `curve`, where `low` the straight `line`, with the signs of `value`; overwrites `curve`."""
    np.copyto(curve, line, where=low)
    return np.copysign(curve, value, out=curve) if value.size and value.min() < 0 else curve


def luminance(rgb: NDArray[Any]) -> NDArray[np.float32]:
    """Weigh linear RGB, (..., 3), to relative luminance, (...)."""
    return np.asarray(rgb @ LUMINANCE, np.float32)
