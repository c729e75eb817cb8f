"""What each way of retouching takes at full size: `python -m benchmarks.full_size [--json]`.

A thirteen-megapixel photograph with one face, on the processor, all networks that are shipped and headshot
style transfer turn by turn, since a machine is not equally quick all the time; medians and the slowest. The
reference portrait is looked at anew in every turn, as the server does it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.inference import predictor
from plugin.studio_portrait.link.wire import HEADSHOT, Settings
from server import imaging as pipeline

from . import photo
from .turns import measure

TURNS = 5
LIMIT_S = 3.0  # what headshot style transfer may take on two cores

Pixels = NDArray[np.uint8]


def ways(photograph: Pixels) -> dict[str, Callable[[], Any]]:
    """Return what retouches the photograph once, by name."""
    reference = np.ascontiguousarray(photograph[::2, ::-2])  # a portrait of its own, as far as the work goes

    def run(network: Any) -> None:
        result = pipeline.retouch(photograph.copy(), Settings(), network)
        if result.box is None:
            raise SystemExit("No face was found in the photograph: nothing to measure.")

    found: dict[str, Callable[[], Any]] = {
        info.name: partial(run, predictor.load(info.name, device="cpu")) for info in predictor.available()
    }
    return {**found, HEADSHOT: lambda: run(predictor.match([reference]))}


def summary(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median and slowest of each."""
    return {
        name: {"median_s": round(statistics.median(own), 3), "slowest_s": round(max(own), 3)}
        for name, own in seconds.items()
    }


def main() -> int:
    """1 when headshot style transfer took too long."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_size", description=__doc__)
    parser.add_argument("--photo", type=Path, help="another photograph, in its own size")
    parser.add_argument("--turns", type=int, default=TURNS, help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="nothing but the last line")
    arguments = parser.parse_args()
    figures = summary(measure(ways(photo.load(arguments.photo)), arguments.turns))
    within = figures[HEADSHOT]["slowest_s"] <= LIMIT_S
    if not arguments.json:
        for name, row in figures.items():
            print(f"{name:<12} {row['median_s']:6.2f} s, slowest {row['slowest_s']:.2f} s")
    print(json.dumps({"ways": figures, "limit_s": LIMIT_S, "within": within}))
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
