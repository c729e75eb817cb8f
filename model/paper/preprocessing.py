"""What happens to a photograph before a network sees it: numbers that belong to the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import bilateral, framing


@dataclass(frozen=True)
class Preprocessing:
    """Bilateral filter and framing.

    size, diameter, sigma_space: pixels; sigma_color: sum over R, G, B of samples in [0, 1]; scale, rise: of
    the square around a face, in sides of the landmarks' box.
    """

    size: int
    diameter: int
    sigma_space: float
    sigma_color: float
    scale: float
    rise: float


def current() -> Preprocessing:
    """Return what this version's code does."""
    return Preprocessing(
        bilateral.SIZE,
        bilateral.DIAMETER,
        bilateral.SIGMA_SPACE,
        bilateral.SIGMA_COLOR,
        framing.SCALE,
        framing.RISE,
    )


CURRENT: Final = current()
