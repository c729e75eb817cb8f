"""Real photographs, and predictors whose answer is known, so that pixels can be foretold."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from model.inference.components import Components
from tests.sample import SELFIE


def components_of(crop: np.ndarray, y: np.ndarray, **known: np.ndarray) -> Components:
    """An answer that is nothing but `rest`, with a person as large as the crop."""
    nothing = np.zeros((1, 1, 3), np.float32)
    whole = {"person": np.ones((8, 8), np.float32), "skin": np.zeros((8, 8), np.float32), **known}
    return Components(
        colour=np.zeros(3, np.float32),
        light=nothing[..., :1],
        shine=nothing,
        fill=nothing,
        rest=1 - 2 * y,
        crop=crop,
        **whole,
    )


class Answering:
    """Makes components of what calling it answers. It is given x where a network has BL(x)."""

    def components(self, crops: np.ndarray) -> list[Components]:
        return [components_of(crop, y) for crop, y in zip(crops, self(crops), strict=True)]


class Constant(Answering):
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


class Darken(Answering):
    """Takes a fifth off every sample: a difference that follows the picture's edges."""

    batch = 1

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        return (crops * np.float32(0.2) + 1) / 2


class Lit:
    """Predicts the same light everywhere: a log-gain, and neither shine nor rest."""

    batch = 1

    def __init__(self, log_gain: float):
        self.log_gain = log_gain

    def components(self, crops: np.ndarray) -> list[Components]:
        light = np.full((8, 8, 1), self.log_gain, np.float32)
        half = np.full((512, 512, 3), 0.5, np.float32)
        middle = np.zeros((8, 8), np.float32)
        middle[2:, 2:6] = 1
        return [replace(components_of(crop, half, skin=middle, person=middle), light=light) for crop in crops]


@pytest.fixture(scope="session")
def selfie() -> np.ndarray:
    """(1536, 1152, 3) uint8 sRGB: a real flash selfie with one face."""
    return cv2.cvtColor(cv2.imread(str(SELFIE)), cv2.COLOR_BGR2RGB)
