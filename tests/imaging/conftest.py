"""Real photographs, and predictors whose answer is known, so that pixels can be foretold."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.sample import SELFIE


class Constant:
    """Predicts the same difference everywhere: `d = 2y - 1`."""

    batch = 4

    def __init__(self, difference: float):
        self.difference = difference
        self.calls: list[int] = []

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        assert crops.dtype == np.float32 and crops.shape[1:] == (512, 512, 3)
        assert crops.min() >= 0 and crops.max() <= 1 + 1e-6
        self.calls.append(len(crops))
        return np.full(crops.shape, (self.difference + 1) / 2, np.float32)


class Darken:
    """Takes a fifth off every sample: a difference that follows the picture's edges."""

    batch = 1

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        return (crops * np.float32(0.2) + 1) / 2


@pytest.fixture(scope="session")
def selfie() -> np.ndarray:
    """(1536, 1152, 3) uint8 sRGB: a real flash selfie with one face."""
    return cv2.cvtColor(cv2.imread(str(SELFIE)), cv2.COLOR_BGR2RGB)
