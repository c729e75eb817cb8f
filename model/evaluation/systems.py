"""The rows of the table: what is judged, and what it is judged beside.

do_nothing: the flash photograph as it is. global_gain: one factor for each channel, the truth's own, by
least squares over the frame in sRGB, so that no other factor has a better PSNR before clipping. o_bar: the
paper's reconstruction with the true y = t, the ceiling of the formulation. own_complexion: the same of the
truth in the photograph's own exposure and complexion, the ceiling of whoever leaves these alone; not of real
pairs. Then the networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.inference.predictor import Network
from model.paper import equations

from .flashes import Sample
from .metrics import Image, eight_bit


@dataclass(frozen=True)
class Outcome:
    """y: (H, W, 3) in [0, 1], as the network gives it. picture: o_hat, sRGB, 8 bit."""

    y: Image
    picture: Image


System = Callable[[Sample], Outcome]


def gains(picture: Image, o: Image) -> NDArray[np.float32]:
    """(3,) factors that bring `picture` nearest to `o`, by least squares over the frame, in sRGB."""
    energy = (picture.astype(np.float64) ** 2).sum(axis=(0, 1))
    return np.asarray((picture * o).sum(axis=(0, 1), dtype=np.float64) / energy.clip(1e-6), np.float32)


def do_nothing(sample: Sample) -> Outcome:
    """y = 1/2."""
    return Outcome(np.full_like(sample.x, 0.5), sample.x)


def global_gain(sample: Sample) -> Outcome:
    """One factor for each channel, from the ground truth."""
    return scaled(sample, do_nothing(sample), gains(sample.x, sample.o))


def o_bar(sample: Sample) -> Outcome:
    """Eq. (4) with the true y = t."""
    return _reconstructed(sample, equations.target(sample.bl_x, sample.bl_o))


def own_complexion(sample: Sample) -> Outcome:
    """Eq. (4) with the true y of a target that keeps the photograph's exposure and complexion."""
    assert sample.bl_own is not None
    return _reconstructed(sample, equations.target(sample.bl_x, sample.bl_own))


REAL_YARDSTICKS: Final[dict[str, System]] = {
    "do_nothing": do_nothing,
    "global_gain": global_gain,
    "o_bar": o_bar,
}
YARDSTICKS: Final = {**REAL_YARDSTICKS, "own_complexion": own_complexion}


def network(loaded: Network) -> System:
    """Eq. (4) with the network's y, or the picture that it paints, as the server runs it."""

    def system(sample: Sample) -> Outcome:
        y, picture = loaded.outcome(sample.x, sample.bl_x)
        return Outcome(y, eight_bit(picture))

    return system


def scaled(sample: Sample, outcome: Outcome, factors: NDArray[np.float32]) -> Outcome:
    """Return the outcome times `factors`, its low-pass part and its picture alike."""
    low_pass = (equations.low_pass(sample.bl_x, outcome.y) * factors).clip(0, 1)
    y = equations.target(sample.bl_x, low_pass)
    return Outcome(y, eight_bit(outcome.picture * factors))


def matched(sample: Sample, outcome: Outcome) -> Outcome:
    """Return the outcome brought to `o`'s exposure and colour: real pairs are exposed as the camera liked."""
    return scaled(sample, outcome, gains(outcome.picture, sample.o))


def studio_change(system: System, sample: Sample) -> float:
    """By how many 8-bit levels, on the mean, a system changes the studio portrait itself."""
    picture = system(replace(sample, x=sample.o, bl_x=sample.bl_o)).picture
    return float(np.abs(picture - sample.o).mean() * 255)


def _reconstructed(sample: Sample, y: Image) -> Outcome:
    return Outcome(y, eight_bit(equations.reconstruct(sample.x, y)))
