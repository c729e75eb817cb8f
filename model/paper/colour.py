"""sRGB's transfer curve, for numpy arrays and torch tensors alike.

Light adds up in linear RGB, so flashes are made there; pictures, filter and network use sRGB.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


def linear(srgb: Any) -> Any:
    """sRGB in [0, 1] to linear RGB, by the standard's curve; array or tensor, same shape."""
    low = srgb <= 0.04045
    return low * (srgb / 12.92) + ~low * ((srgb.clip(0.04045, None) + 0.055) / 1.055) ** 2.4


def encode(rgb: Any) -> Any:
    """Linear RGB (>= 0) to sRGB; values above 1 stay above 1."""
    low = rgb <= 0.0031308
    return low * (rgb * 12.92) + ~low * (1.055 * rgb.clip(0.0031308, None) ** (1 / 2.4) - 0.055)


def luminance(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative luminance of linear RGB, over the last axis."""
    return np.asarray(rgb @ LUMINANCE, np.float32)
