"""GIMP's dialog with a picture of 13 megapixels: the first preview, a slider's move, memory.

``python -m benchmarks.dialog [--json]`` needs a real GIMP 3 (see tests/gimp/harness.py) and a screen of Xvfb.
The server is warm, or with --cold there is none; `first_s` counts from the plug-in's own code on, with GTK.
`memory_mb`: what the dialog takes of the plug-in's process, with GTK; `gimp_mb` less `gimp_before_mb`: what
it takes of GIMP's own process, which holds the picture.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.gimp import prepared
from benchmarks.photo import load
from model.inference import cache, predictor
from plugin.studio_portrait.link import stopping
from tests.gimp import harness, screen
from tests.gimp.server import Server

MOVES = 20


def measure(root: Path | None, moves: int = MOVES, cold: bool = False) -> dict[str, Any]:
    """Run the dialog once; what its script told. cold: no server runs, GIMP starts one."""
    with prepared(root, load()) as gimp, contextlib.ExitStack() as running:
        gimp.quiet()
        home, result = gimp.work / "home", gimp.work / "pace.json"
        running.callback(lambda: stopping.stop(home) if home.exists() else None)
        if cold:
            gimp.environment[cache.VARIABLE] = gimp.inside(keep_networks(gimp.work))
        else:
            running.enter_context(Server(home)).wait_ready()
        shown = running.enter_context(screen.Screen())
        job = gimp.job(result, photo=gimp.inside(gimp.work / "photo.png"), moves=moves)
        words = ("gimp", "-n", "--no-splash", *gimp.batch("pace"))
        command = gimp.with_checkout().command(*words, DISPLAY=shown.display, **job)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if not result.exists():
            raise harness.GimpFailed(done.stdout + done.stderr)
        told: dict[str, Any] = json.loads(result.read_text())
        return told


def keep_networks(work: Path) -> Path:
    """Copy the converted networks that this user has for a server that GIMP starts; returns their cache."""
    predictor.load("")
    place = work / "cache"
    shutil.copytree(cache.folder(), place / "networks")
    return place


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--cold", action="store_true", help="no server runs at first")
    arguments = parser.parse_args()
    root, reason = harness.find()
    if reason or screen.missing():
        print(f"Not measured: {reason or ', '.join(screen.missing())}", file=sys.stderr)
        return 2
    told = measure(root, cold=arguments.cold)
    moves = told.pop("moves_ms")
    told |= {"move_ms": statistics.median(moves), "slowest_move_ms": max(moves)}
    rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in told.items()}
    print(json.dumps(rounded) if arguments.json else "\n".join(f"{k}: {v}" for k, v in rounded.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
