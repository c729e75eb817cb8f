"""How quickly a slider is answered: `python -m benchmarks.preview [--json]`.

A warm server and a thirteen-megapixel photograph with one face, over the socket as the dialog sends it.
first_s: from the first row sent to the first preview. move_ms: from a slider's move to its preview, the
median. agree_levels: the mean difference of preview and result at the preview's size, of 255. network_s: the
network's share of first_s; move_worker_ms: of move_ms what the worker takes, without transport.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from plugin.studio_portrait.link.retouching import Retouching
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Settings
from server.remote.sending import reader, shape_of, writer

from . import photo
from .pipeline import Pixels, machine, private_server_home

WIDTH = 900  # pixels of the preview: what a dialog on a small screen has room for
SLIDERS = ("light", "shine", "strength", "warmth", "brightness")


def measure(pixels: Pixels, moves: int, runs: int) -> dict[str, Any]:
    """Return the figures, with a server that has done one picture before."""
    height, width = pixels.shape[:2]
    size = (WIDTH, round(height * WIDTH / width))
    after = pixels.copy()
    firsts, networks = [], []
    with Session.open() as session:
        for run in range(runs + 1):
            begin = time.perf_counter()
            work = Retouching(session, shape_of(pixels), reader(pixels))
            told = work.analyse()
            shown = np.frombuffer(work.preview(None, *size, Settings()), np.uint8)
            if run:
                firsts.append(time.perf_counter() - begin)
                networks.append(told["ms"]["predict"] / 1e3)
            if run < runs:
                work.close()
        if not work.faces:
            raise SystemExit("No face was found in the photograph: nothing to measure.")
        waits, workers = zip(*(_moved(work, size, move, moves) for move in range(moves)), strict=True)
        work.render(Settings(), writer(after))
        work.close()
    result = cv2.resize(after, size, interpolation=cv2.INTER_AREA).reshape(-1)
    medians = {"first_s": firsts, "move_ms": waits, "network_s": networks, "move_worker_ms": workers}
    return {
        **{name: statistics.median(values) for name, values in medians.items()},
        "agree_levels": float(np.abs(shown.astype(np.int16) - result).mean()),
        "megapixels": round(height * width / 1e6, 1),
        "preview": list(size),
    }


def _moved(work: Retouching, size: tuple[int, int], move: int, moves: int) -> tuple[float, float]:
    """Move a slider; milliseconds until its preview is there, and what of them the worker takes."""
    slider: dict[str, Any] = {SLIDERS[move % len(SLIDERS)]: 0.2 + 0.6 * move / moves}
    begin = time.perf_counter()
    work.ask(None, *size, Settings(**slider))
    while (answer := work.newest(1.0)) is None:
        pass
    return (time.perf_counter() - begin) * 1e3, answer.ms["total"]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preview", description=__doc__)
    parser.add_argument("--photo", type=Path, help="another photograph with a face (taken at its own size)")
    parser.add_argument("--moves", type=int, default=25)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    with private_server_home():
        figures = {
            "machine": machine(),
            **measure(photo.load(arguments.photo), arguments.moves, arguments.runs),
        }
    for name, value in figures.items():
        print(f"{name:16}{value:.3f}" if isinstance(value, float) else f"{name:16}{value}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
