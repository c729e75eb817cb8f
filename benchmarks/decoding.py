"""What the locked child costs: `python -m benchmarks.decoding [--turns N]`.

A JPEG of thirteen megapixels is decoded in this process and through `server.files.decoder`, turn by turn.
The last line is one JSON object, in milliseconds: each way's median and minimum, and the median of the
turns' differences.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import cv2

from server.files import pictures
from server.files.decoder import Decoder

from . import photo
from .turns import measure

PLACE, CHILD = "in place", "child"


def run(path: Path, turns: int) -> dict[str, float]:
    """Time both ways. path: a picture."""
    with Decoder() as decoder:
        decoder.read(path)  # it has loaded its codecs
        ways = {PLACE: lambda: pictures.decode(path.read_bytes()), CHILD: lambda: decoder.read(path)}
        seconds = measure(ways, turns)
    differences = [child - place for place, child in zip(seconds[PLACE], seconds[CHILD], strict=True)]
    told = {f"{name}, median": statistics.median(taken) for name, taken in seconds.items()}
    told |= {f"{name}, least": min(taken) for name, taken in seconds.items()}
    told["difference, median"] = statistics.median(differences)
    return {name: round(1e3 * value, 1) for name, value in told.items()}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--turns", type=int, default=25)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jpg")
        cv2.imwrite(str(path), cv2.cvtColor(photo.load(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
        print(json.dumps(run(path, args.turns)))


if __name__ == "__main__":
    main()
