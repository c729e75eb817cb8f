"""Where the time goes between a click and the new layer: `python -m benchmarks.pipeline [--json]`.

A thirteen-megapixel photograph with one face, a warm server, the median of five. Four things
are measured: the real server over its socket (pipeline, transport, memory), a cold start of
`studio-portrait retouch`, the pipeline beside a plain reference in one process, turn by turn
(a ratio survives a noisy machine), and the menu item in a real GIMP where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.runtime import HOME_VARIABLE
from plugin.studio_portrait.link.session import Session
from server.remote.sending import reader, shape_of, writer

from . import gimp, photo

Pixels = NDArray[np.uint8]
# Mean, of 255: rounding, bf16, another stretching, and the person's exposure, which the plain way lacks.
SAME_PICTURE_LEVELS = 3.5


@contextlib.contextmanager
def private_server_home() -> Iterator[Path]:
    """Yield a state folder of our own, so that no server of the user's is touched or measured."""
    before = os.environ.get(HOME_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="studio-portrait-bench-") as folder:
        os.environ[HOME_VARIABLE] = folder
        try:
            yield Path(folder)
        finally:
            with contextlib.suppress(wire.Problem), Session.open(start=False) as session:
                session.shutdown()
            time.sleep(1.0)
            if before is None:
                del os.environ[HOME_VARIABLE]
            else:
                os.environ[HOME_VARIABLE] = before


def cold_start(pixels: Pixels, folder: Path) -> float:
    """Seconds of `studio-portrait retouch` with no server running, from start to the written file."""
    source, target = folder / "photo.jpg", folder / "portrait.jpg"
    cv2.imwrite(str(source), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "server", "retouch", str(source), "-o", str(target)],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[1],
    )
    return time.perf_counter() - begin


def over_the_wire(pixels: Pixels, runs: int) -> dict[str, Any]:
    """Return the warm server as the plug-in meets it: medians of wall time, stages and transport."""
    image, read, write = shape_of(pixels), reader(pixels), writer(pixels.copy())
    walls, results = [], []
    with Session.open() as session:
        for _ in range(runs + 1):
            begin = time.perf_counter()
            results.append(session.retouch(image, read, write))
            walls.append(time.perf_counter() - begin)
        status = session.status()
    if results[-1]["box"] is None:
        raise SystemExit("No face was found in the photograph: nothing to measure.")
    walls, results = walls[1:], results[1:]
    stages = {
        stage: statistics.median(result["ms"][stage] for result in results) / 1e3
        for stage in results[0]["ms"]
    }
    outside = [wall - result["ms"]["total"] / 1e3 for wall, result in zip(walls, results, strict=True)]
    return {
        "server_s": stages["total"],
        "non_network_s": statistics.median(r["ms"]["total"] - r["ms"]["predict"] for r in results) / 1e3,
        "transport_s": statistics.median(outside),
        "wall_s": statistics.median(walls),
        "stages_s": stages,
        "peak_rss_mb": peak_memory([status["pid"], status["worker"]["pid"]]),
        "engine": results[-1]["engine"],
        "device": results[-1]["device"],
        "network": results[-1]["network"],
        "weights": results[-1]["weights"],
    }


def peak_memory(pids: list[int]) -> float | None:
    """Megabytes: the sum of the processes' highest resident sizes (shared pixels count twice). Linux only."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    total += int(line.split()[1])
    return round(total / 1024, 1) if total else None


def beside_reference(pixels: Pixels, runs: int) -> dict[str, float]:
    """Our pipeline and the plain one in this process, one after the other in turn."""
    from model.inference.predictor import load
    from server.imaging import retouch

    from .reference import Reference

    predictor, reference = load(), Reference()
    settings = wire.Settings()
    ours, plain = [], []
    for turn in range(runs + 1):
        copy = pixels.copy()
        begin = time.perf_counter()
        retouch(copy, settings, predictor)
        middle = time.perf_counter()
        expected = reference(pixels)
        end = time.perf_counter()
        if turn:
            ours.append(middle - begin)
            plain.append(end - middle)
    difference = np.abs(copy.astype(np.int16) - expected)
    if difference.mean() > SAME_PICTURE_LEVELS:
        raise SystemExit(f"The reference's picture is another one: {difference.mean():.1f} levels apart.")
    return {
        "in_process_s": statistics.median(ours),
        "reference_s": statistics.median(plain),
        "speedup": statistics.median(p / o for p, o in zip(plain, ours, strict=True)),
        "mean_difference_levels": float(difference.mean()),
    }


def machine() -> str:
    """Name the processor and how many cores it has."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def show(figures: dict[str, Any]) -> None:
    """Print the table of the README."""
    print(f"\n{figures['machine']}; {figures['megapixels']} megapixels")
    print(f"{figures['network']}, {figures['engine']} on {figures['device']}")
    rows = [(f"  {stage}", value) for stage, value in figures["stages_s"].items() if stage != "total"]
    rows = [("server pipeline", figures["server_s"]), *rows]
    rows += [("all but the network", figures["non_network_s"]), ("transport", figures["transport_s"])]
    rows += [("GIMP, menu to new layer", figures["gimp_s"]), ("retouch, cold start", figures["cold_s"])]
    rows += [
        ("reference, in one process", figures["reference_s"]),
        ("ours, in the same", figures["in_process_s"]),
    ]
    for label, value in rows:
        print(f"{label:28}" + (f"{value * 1e3:8.0f} ms" if value is not None else "       -"))
    print(f"{'ratio to the reference':28}{figures['speedup']:8.1f} x")
    print(f"{'peak memory of the server':28}{figures['peak_rss_mb'] or 0:8.0f} MB")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--photo", type=Path, help="another photograph with a face (taken at its own size)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-gimp", action="store_true", help="leave the real GIMP out")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    pixels = photo.load(arguments.photo)
    figures: dict[str, Any] = {
        "machine": machine(),
        "megapixels": round(pixels.shape[0] * pixels.shape[1] / 1e6, 1),
    }
    with private_server_home() as home:
        figures["cold_s"] = cold_start(pixels, home)
        figures.update(over_the_wire(pixels, arguments.runs))
    figures["gimp_s"] = None if arguments.no_gimp else gimp.menu_to_layer(pixels, arguments.runs)
    figures.update(beside_reference(pixels, arguments.runs))
    show(figures)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
