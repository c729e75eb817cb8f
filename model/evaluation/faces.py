"""Whether a retouched face is still the same person to a face recogniser (dlib's 128-D descriptor)."""

from __future__ import annotations

from typing import Any

import face_recognition
import numpy as np
from numpy.typing import NDArray

from .metrics import Image


def describe(picture: Image) -> NDArray[Any] | None:
    """128 numbers for the largest face in a 512 crop, None if none is found."""
    pixels = np.ascontiguousarray((picture * 255 + 0.5).astype(np.uint8))
    found = face_recognition.face_locations(pixels, number_of_times_to_upsample=0)
    if not found:
        return None
    largest = max(found, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))
    return np.asarray(face_recognition.face_encodings(pixels, [largest])[0])


def distance(one: NDArray[Any] | None, other: NDArray[Any] | None) -> float:
    """Euclidean; 0.6 and more is another person, NaN where either face was not found."""
    if one is None or other is None:
        return float("nan")
    return float(np.linalg.norm(one - other))
