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

import cv2

from benchmarks.photo import load
from model.inference import cache, predictor
from plugin.studio_portrait.link import stopping
from server.setup import plugin_folder, profiles
from server.setup.environment import Environment
from tests.gimp import harness, screen
from tests.gimp.server import Server

MOVES = 20


def measure(root: Path | None, moves: int = MOVES, cold: bool = False) -> dict[str, Any]:
    """Run the dialog once; what its script told. cold: no server runs, GIMP starts one."""
    gimp = harness.start(root)
    home = gimp.work / "home"
    try:
        plugin_folder.install(profiles.given(gimp.profile), Environment().command, [])
        gimp.environment["STUDIO_PORTRAIT_HOME"] = gimp.inside(home)
        gimp.quiet()
        cv2.imwrite(str(gimp.work / "photo.png"), cv2.cvtColor(load(), cv2.COLOR_RGB2BGR))
        result = gimp.work / "pace.json"
        with contextlib.ExitStack() as running:
            if cold:
                _keep_networks(gimp)
            else:
                running.enter_context(Server(home)).wait_ready()
            shown = running.enter_context(screen.Screen())
            job = gimp.job(result, photo=gimp.inside(gimp.work / "photo.png"), moves=moves)
            shell = gimp.with_checkout()
            command = shell.command(
                "gimp", "-n", "--no-splash", *gimp.batch("pace"), DISPLAY=shown.display, **job
            )
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if not result.exists():
            raise harness.GimpFailed(done.stdout + done.stderr)
        told: dict[str, Any] = json.loads(result.read_text())
        return told
    finally:
        if home.exists():
            stopping.stop(home)
        harness.end(gimp)


def _keep_networks(gimp: harness.Gimp) -> None:
    """Give the server that GIMP starts the converted networks that this user has, as after an install."""
    predictor.load("")
    place = gimp.work / "cache"
    shutil.copytree(cache.folder(), place / "networks")
    gimp.environment[cache.VARIABLE] = gimp.inside(place)


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
