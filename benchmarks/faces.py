"""Whether faces are found: ``python -m benchmarks.faces --rolled DIR --found DIR --faceless DIR [--json]``.

--rolled: portraits of one upright face each; every one is looked at in steps of 15 degrees around the circle,
and must be found where it then lies, turned as it is, and nothing else. --found: pictures with at least one
face. --faceless: pictures without any. Each is asked of `server.imaging.faces.find_faces` as the server asks.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from server.imaging.faces import THUMBNAIL, Face, find_faces

from .photo import shrunk

STEP = 15
FAR = 0.25  # of the upright face's width: further from its place a face is another one
SAME_ROLL = 35  # degrees; up to 25 the crop may be left as it is


def load(path: Path, longest: int = 0) -> NDArray[np.uint8]:
    """Read a picture as (h, w, 3) sRGB, no side above `longest` if given. Raises `ValueError`."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{path} is no picture")
    return shrunk(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), longest or max(bgr.shape))


def faces_in(rgb: NDArray[np.uint8]) -> list[Face]:
    """Find the faces of a whole picture."""
    return find_faces(lambda longest: shrunk(rgb, longest), rgb.shape[1], lambda: False)


def rolled(rgb: NDArray[np.uint8], degrees: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return the picture turned clockwise on a canvas that holds all of it, and the matrix of the turn."""
    height, width = rgb.shape[:2]
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0), np.float64)
    new = np.ceil(np.abs(turn[:, :2]) @ (width, height)).astype(int)
    turn[:, 2] += (new - (width, height)) / 2
    turned = cv2.warpAffine(rgb, turn, (int(new[0]), int(new[1])), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), turn


def judge_rolled(paths: list[Path], step: int) -> dict[str, Any]:
    """Count what is found of one face at every roll, and what else is."""
    told: dict[str, Any] = {"rolled": 0, "rolled_found": 0}
    told |= {
        f"rolled_{what}": list[str]() for what in ("missed", "wrong_roll", "invented", "not_one_upright")
    }
    for path in paths:
        rgb = load(path, THUMBNAIL)
        upright = faces_in(rgb)
        if len(upright) != 1:
            told["rolled_not_one_upright"].append(path.name)
            continue
        for degrees in range(0, 360, step):
            told["rolled"] += 1
            for kind, how in _judged(rgb, upright[0], degrees).items():
                told[f"rolled_{kind}"].append(f"{path.name} {degrees}{how}")
    told["rolled_found"] = told["rolled"] - len(told["rolled_missed"])
    return told


def _judged(rgb: NDArray[np.uint8], upright: Face, degrees: int) -> dict[str, str]:
    """Return what is wrong with what is found at one roll: by kind, and what there is to say of it."""
    turned, turn = rolled(rgb, degrees)
    place = turn @ (*upright.centre, 1)
    found = faces_in(turned)
    near = FAR * upright.box[2]
    there = [one for one in found if np.hypot(*(np.array(one.centre) - place)) < near]
    wrong = {} if there else {"missed": ""}
    if there and abs((there[0].angle - degrees + 180) % 360 - 180) > SAME_ROLL:
        wrong["wrong_roll"] = f": {there[0].angle:.0f}"
    if len(found) > len(there):
        wrong["invented"] = ""
    return wrong


def judge_plain(paths: list[Path], name: str) -> dict[str, Any]:
    """Count the pictures in which there is a face, and list the others (or, for faceless ones, these)."""
    with_face = {path.name: bool(faces_in(load(path))) for path in paths}
    odd = [one for one, found in with_face.items() if found == (name == "faceless")]
    return {name: len(paths), f"{name}_wrong": odd}


def pictures(folder: str | None, limit: int) -> list[Path]:
    """List a folder's pictures, evenly thinned to `limit` if that is not 0."""
    every = sorted(Path(folder).iterdir()) if folder else []
    every = [path for path in every if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    return every if not limit else every[:: max(1, len(every) // limit)][:limit]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--rolled", "--found", "--faceless"):
        parser.add_argument(name, metavar="DIR")
    parser.add_argument("--limit", type=int, default=0, help="at most so many portraits to roll")
    parser.add_argument("--step", type=int, default=STEP, help="degrees")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    begin = time.process_time()
    told: dict[str, Any] = {}
    for name in ("faceless", "found"):
        if folder := getattr(arguments, name):
            told |= judge_plain(pictures(folder, 0), name)
    if arguments.rolled:
        told |= judge_rolled(pictures(arguments.rolled, arguments.limit), arguments.step)
    told["cpu_s"] = round(time.process_time() - begin, 1)
    print(json.dumps(told) if arguments.json else "\n".join(f"{k}: {v}" for k, v in told.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
