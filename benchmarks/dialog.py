"""GIMP's dialog with a picture of 13 megapixels: the first preview, a slider's move, memory.

``python -m benchmarks.dialog [--json]`` needs a real GIMP 3 (see tests/gimp/harness.py) and a screen of Xvfb.
The server is warm; `first_s` counts from the plug-in's own code on, with GTK. `memory_mb`: of the plug-in's
process, with GTK; `gimp_mb`: of GIMP's own process, which holds the picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cv2

from benchmarks.photo import load
from server.setup import plugin_folder, profiles
from server.setup.environment import Environment
from tests.gimp import harness, screen
from tests.gimp.server import Server

MOVES = 20


def resident(pid: int) -> float:
    """MB of a process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS")), 0.0)


def measure(root: Path | None) -> dict[str, Any]:
    """Run the dialog once; what its script told, with GIMP's own memory."""
    gimp = harness.start(root)
    try:
        plugin_folder.install(profiles.given(gimp.profile), Environment().command, [])
        gimp.environment["STUDIO_PORTRAIT_HOME"] = gimp.inside(gimp.work / "home")
        gimp.quiet()
        cv2.imwrite(str(gimp.work / "photo.png"), cv2.cvtColor(load(), cv2.COLOR_RGB2BGR))
        result = gimp.work / "pace.json"
        with Server(gimp.work / "home") as server, screen.Screen() as shown:
            server.wait_ready()
            job = gimp.job(result, photo=gimp.inside(gimp.work / "photo.png"), moves=MOVES)
            shell = gimp.with_checkout()
            command = shell.command(
                "gimp", "-n", "--no-splash", *gimp.batch("pace"), DISPLAY=shown.display, **job
            )
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seen: list[float] = []
            threading.Thread(target=_watch, args=(process, seen), daemon=True).start()
            process.wait(300)
        told: dict[str, Any] = json.loads(result.read_text())
        return told | {"gimp_mb": max(seen, default=0.0)}
    finally:
        harness.end(gimp)


def _watch(process: subprocess.Popen[bytes], seen: list[float]) -> None:
    while process.poll() is None:
        seen.append(resident(process.pid))
        time.sleep(0.2)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    root, reason = harness.find()
    if reason or screen.missing():
        print(f"Not measured: {reason or ', '.join(screen.missing())}", file=sys.stderr)
        return 2
    told = measure(root)
    moves = told.pop("moves_ms")
    told |= {"move_ms": statistics.median(moves), "slowest_move_ms": max(moves)}
    rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in told.items()}
    print(json.dumps(rounded) if arguments.json else "\n".join(f"{k}: {v}" for k, v in rounded.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
