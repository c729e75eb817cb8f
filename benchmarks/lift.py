"""How a small correction is best brought to full size: `python -m benchmarks.lift --cache DIR`.

Pairs of held-out people (synthetic flash and its studio portrait, 512 pixels, as
`python -m model synthesize cache` makes them) are taken as the full-size pictures, their
difference is computed at a quarter of that, and each way to stretch it is judged by the
reconstruction against the real studio portrait: on the frame, and near the photograph's edges,
where halos are. Mean PSNR in dB over people.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.synthesize.pairs import Pairs
from model.guided_filter import coefficients
from model.paper.bilateral import SIZE, filter_crop
from model.psnr import psnr
from model.training.validate import held_out_pairs
from server.imaging.colour import Float
from server.imaging.lift import EPSILON, RADIUS, guided_coefficients

SMALL = SIZE // 4
EDGE = 9  # pixels: width of the band around the photograph's edges

Lift = Callable[[Float, Float, Float], Float]  # small guide, small difference, full-size guide


def _stretch(small: NDArray[Any], way: int) -> Float:
    return cv2.resize(small, (SIZE, SIZE), interpolation=way).astype(np.float32)


def _shrink(image: Float) -> Float:
    return np.asarray(cv2.resize(image, (SMALL, SMALL), interpolation=cv2.INTER_AREA), np.float32)


def _applied(slope: tuple[Float, Float], full: Float) -> Float:
    """Return what coefficients of a guided filter make of the full-size guide."""
    a, b = (_stretch(part, cv2.INTER_LINEAR) for part in slope)
    return a * full + b


LIFTS: dict[str, Lift] = {
    "do nothing": lambda guide, difference, full: np.zeros_like(full),
    "linear stretch": lambda guide, difference, full: _stretch(difference, cv2.INTER_LINEAR),
    "cubic stretch": lambda guide, difference, full: _stretch(difference, cv2.INTER_CUBIC),
    # The guided filter proper: both coefficients are means over windows.
    f"guided filter, radius {RADIUS}, eps {EPSILON:g}": lambda guide, difference, full: _applied(
        coefficients(guide, difference, RADIUS, EPSILON), full
    ),
    "ours: guided slope, exact remainder": lambda guide, difference, full: _applied(
        guided_coefficients(guide, difference), full
    ),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lift", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="made by python -m model synthesize cache")
    parser.add_argument("--people", type=int, default=24)
    arguments = parser.parse_args()
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in LIFTS}
    for pair in held_out_pairs(arguments.cache, arguments.people):
        for name, score in _judged(pair).items():
            scores[name].append(score)
    print(f"{'':38}{'frame':>8}{'edges':>8}")
    for name, values in scores.items():
        frame, edges = np.mean(values, axis=0)
        print(f"{name:38}{frame:8.2f}{edges:8.2f}")


def _judged(pair: Pairs) -> dict[str, tuple[float, ...]]:
    """Return the PSNR of each way, on the frame and near the photograph's edges."""
    x, o = (np.ascontiguousarray(image[0].permute(1, 2, 0).numpy()) for image in (pair.x, pair.o))
    small_x, small_o = _shrink(x), _shrink(o)
    difference = filter_crop(small_x) - filter_crop(small_o)
    grey = cv2.cvtColor((x * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    near_edges = cv2.dilate(cv2.Canny(grey, 60, 160), np.ones((EDGE, EDGE))) > 0
    scores = {}
    for name, lift in LIFTS.items():
        error = ((np.clip(x - lift(small_x, difference, x), 0, 1) - o) ** 2).mean(-1)
        scores[name] = tuple(psnr(float(part.mean())) for part in (error, error[near_edges]))
    return scores


if __name__ == "__main__":
    main()
