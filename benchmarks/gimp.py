"""The menu item's time in a real GIMP, head-less: from the click to the new layer."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import NDArray

from server.setup import plugin_folder, profiles
from server.setup.environment import Environment
from tests.gimp import harness
from tests.gimp.server import Server


@contextmanager
def prepared(root: Path | None, pixels: NDArray[Any]) -> Iterator[harness.Gimp]:
    """Yield a GIMP with the plug-in, a state folder ``home`` and ``photo.png`` in its work folder."""
    gimp = harness.start(root)
    try:
        plugin_folder.install(profiles.given(gimp.profile), Environment().command, [])
        gimp.environment["STUDIO_PORTRAIT_HOME"] = gimp.inside(gimp.work / "home")
        cv2.imwrite(str(gimp.work / "photo.png"), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        yield gimp
    finally:
        harness.end(gimp)


def menu_to_layer(pixels: NDArray[Any], runs: int) -> float | None:
    """Median seconds of `runs` calls with a warm server; None, and a word on why, without GIMP."""
    root, reason = harness.find()
    if reason:
        print(f"No real GIMP was measured: {reason}", file=sys.stderr)
        return None
    with prepared(root, pixels) as gimp, Server(gimp.work / "home") as server:
        server.wait_ready()
        told = gimp.run("timing", photo=gimp.inside(gimp.work / "photo.png"), runs=runs + 1)
    return float(statistics.median(told["seconds"][1:]))
