"""What each stage of a picture takes alone: `python -m benchmarks.stages FILE`.

Processor milliseconds, the median of seven, as JSON. For one thread set OMP_NUM_THREADS and
STUDIO_PORTRAIT_THREADS to 1.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from model.inference.predictor import load
from plugin.studio_portrait.link.wire import Settings
from server import imaging
from server.files import pictures


def main() -> None:
    """Print the figures."""
    cv2.setNumThreads(1)
    data = Path(sys.argv[1]).read_bytes()
    network = load()
    picture = pictures.decode(data)
    whole = imaging.analyse(picture.pixels, network)
    works: dict[str, Callable[[], object]] = {
        "decode": lambda: pictures.decode(data),
        "faces": lambda: imaging.analyse(picture.pixels, network, choose=lambda faces: []),
        "faces, crop, network": lambda: imaging.analyse(picture.pixels, network),
        "lift": lambda: imaging.render(picture.pixels.copy(), whole, Settings()),
        "encode": lambda: pictures.encode(picture, picture.pixels, "jpeg"),
    }
    assert len(whole.faces) == 1
    found = {name: round(statistics.median(_cpu(work) for _ in range(7)), 1) for name, work in works.items()}
    found["crop, network"] = round(found.pop("faces, crop, network") - found["faces"], 1)
    print(json.dumps(found))


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


if __name__ == "__main__":
    main()
