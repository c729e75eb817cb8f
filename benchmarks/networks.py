"""How long each shipped network takes for one face: `python -m benchmarks.networks [--json]`.

The sample portrait at 512 x 512, on the processor, with every engine that is installed. The networks
take turns in one process, and the ratio to the paper's is the median over the turns: what else
the machine does meanwhile slows both.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.errors import BadSetting, ModelError
from model.inference import predictor
from model.networks.registry import PAPER_NETWORK
from model.paper.bilateral import filter_crop

from . import photo
from .pipeline import machine
from .turns import measure

ENGINES: Final = ("pytorch", "openvino")


Run = Callable[[NDArray[np.float32]], Any]


def load(folder: Path) -> dict[str, dict[str, Run]]:
    """engine -> network -> its predictor; engines that are not installed, and painters, are left out."""
    found: dict[str, dict[str, Run]] = {}
    for engine in ENGINES:
        try:
            loaded = [
                predictor.load(info.name, "cpu", engine, folder)
                for info in predictor.available(folder)
                if info.answer == "y"
            ]
            found[engine] = {one.name: one for one in loaded if isinstance(one, predictor.Predictor)}
        except ModelError as problem:
            if not isinstance(problem, BadSetting):
                raise SystemExit(problem.message) from problem
    return found


def summary(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median and least seconds by network, and how often it would run while the paper's runs once."""
    figures = {
        name: {"median_s": statistics.median(turns), "least_s": min(turns)} for name, turns in seconds.items()
    }
    if PAPER_NETWORK in seconds:
        for name, turns in seconds.items():
            pairs = zip(turns, seconds[PAPER_NETWORK], strict=True)
            figures[name]["ratio"] = statistics.median(a / b for a, b in pairs)
    return figures


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__)
    add = parser.add_argument
    add("--json", action="store_true", help="one line of JSON, last")
    add("--runs", type=int, default=7)
    add("--folder", type=Path, default=predictor.WEIGHTS, help="default: the shipped networks")
    arguments = parser.parse_args()
    if not predictor.available(arguments.folder):
        raise SystemExit(f"{arguments.folder} holds no network; python -m model export writes one.")
    figures: dict[str, Any] = {"machine": machine(), "engines": {}}
    print(figures["machine"])
    for engine, networks in load(arguments.folder).items():
        figures["engines"][engine] = _timed(engine, networks, arguments.runs)
    if arguments.json:
        print(json.dumps(figures))


def _timed(engine: str, networks: dict[str, Run], runs: int) -> dict[str, dict[str, float]]:
    """Print and return the figures of one engine."""
    size = (predictor.SIZE, predictor.SIZE)
    crop = cv2.resize(photo.load(photo.SAMPLE), size, interpolation=cv2.INTER_AREA)
    crops = filter_crop(np.asarray(crop / 255, np.float32))[None]
    figures = summary(measure({name: partial(run, crops) for name, run in networks.items()}, runs))
    for name, row in figures.items():
        ratio = f"{row['ratio']:8.3f} of {PAPER_NETWORK}" if "ratio" in row else ""
        print(f"{engine:10}{name:16}{1e3 * row['median_s']:9.1f} ms{ratio}")
    return figures


if __name__ == "__main__":
    main()
