"""The ramp without kinks that mattes, windows and weights fade with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def smoothstep(share: NDArray[Any]) -> NDArray[Any]:
    """Return 3 s^2 - 2 s^3 of a share s, clipped to [0, 1]; the same shape and type."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def rise(values: Any, between: tuple[float, float]) -> NDArray[Any]:
    """Return 0 up to the first of `between`, 1 from the second on, of numbers or arrays of any shape."""
    return smoothstep((values - between[0]) / (between[1] - between[0]))
