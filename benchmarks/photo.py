"""The photograph that the benchmarks work on: the sample selfie at a telephone's thirteen megapixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SAMPLE = Path(__file__).resolve().parents[1] / "server" / "setup" / "sample" / "selfie.jpg"
SIZE = (3120, 4160)


def load(path: Path | None = None) -> NDArray[Any]:
    """(4160, 3120, 3) uint8 sRGB. Another `path` is taken as it is."""
    image = cv2.imread(str(path or SAMPLE), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path} is not a picture that OpenCV can read.")
    if path is None:
        image = cv2.resize(image, SIZE, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def shrunk(picture: NDArray[Any], longest: int) -> NDArray[np.uint8]:
    """At most `longest` pixels long, by area averaging."""
    share = min(1.0, longest / max(picture.shape))
    if share == 1:
        return np.asarray(picture, np.uint8)
    return np.asarray(cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)
