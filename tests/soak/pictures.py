"""What the clients of the soak send: photographs with a face and a mark of their own.

The mark is scattered over the whole picture, so that a result of another job's picture, or
of a part of one, cannot be mistaken for the right one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import ImageSpec, Settings

DTYPES: dict[str, Any] = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
MARKS, SIDE = 24, 6  # squares of random colours, so many pixels wide


@dataclass(frozen=True)
class Picture:
    """pixels: (height, width, channels) in the format of `spec`. expected: makes the same, retouched."""

    spec: ImageSpec
    settings: Settings
    pixels: NDArray[Any]
    expected: Callable[[], NDArray[Any]]


class Painter(Protocol):
    """Makes the picture of a job; the same one for the same number."""

    def __call__(self, number: int) -> Picture: ...


class Photographs:
    """The sample selfie in many sizes and formats, retouched here as the server should."""

    def __init__(self) -> None:
        from benchmarks import photo

        self._photo = photo.load(photo.SAMPLE)

    @cached_property
    def _predictor(self) -> Any:
        from model.inference.predictor import load

        return load("", device="cpu")

    def __call__(self, number: int) -> Picture:
        import cv2

        rng = np.random.default_rng(number)
        share = rng.uniform(0.35, 1.0)
        height, width = (round(side * share) for side in self._photo.shape[:2])
        rgb = np.asarray(cv2.resize(self._photo, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        sample, channels = str(rng.choice(list(DTYPES))), int(rng.integers(1, 5))
        pixels = in_format(marked(rgb, rng), sample, channels)
        settings = Settings(strength=float(rng.uniform(0.5, 1.0)))

        def expected() -> NDArray[Any]:
            from server.imaging import retouch

            out = pixels.copy()
            retouch(out, settings, self._predictor)
            return out

        return Picture(ImageSpec(width, height, channels, sample), settings, pixels, expected)


def marked(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with its mark."""
    height, width = rgb.shape[:2]
    for _ in range(MARKS):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        rgb[y : y + SIDE, x : x + SIDE] = rng.integers(0, 256, 3)
    return rgb


def in_format(rgb: NDArray[np.uint8], sample: str, channels: int) -> NDArray[Any]:
    """The picture as grey or colours, with or without alpha, in samples of this kind."""
    planes = [rgb[..., 1:2] if channels < 3 else rgb]
    if channels in (2, 4):
        planes.append(np.full((*rgb.shape[:2], 1), 255, np.uint8))
    pixels = np.concatenate(planes, axis=2)
    if sample == "f32":
        return np.ascontiguousarray(pixels / np.float32(255), dtype=np.float32)
    return np.ascontiguousarray(pixels.astype(np.uint16) * 257 if sample == "u16" else pixels)
