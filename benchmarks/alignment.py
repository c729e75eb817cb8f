"""How often real pairs are aligned: `python -m benchmarks.alignment [--cases 50] [--photo FILE]`.

A photograph is warped by a random affine map (rotation within 5 degrees, scale within 5 %, shift
within 5 % of the longer side) and put into another light: exposure, colour cast, a shading
across the frame and sensor noise, in linear RGB and clipped. A case succeeds when the map that
`model.data.prepare.align` finds is off by less than 1 pixel at 1024 pixels everywhere on a 9x9 grid over
the face's landmarks.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.prepare.align import align
from model.data.prepare.crop import Matrix
from model.data.prepare.photograph import read
from model.data.synthesize.portraits import Unfit, find_landmarks
from model.data.whole_pictures import RGB
from model.paper.colour import decode_srgb, encode_srgb
from model.paper.framing import face_square

from .photo import SAMPLE, shrunk

LONGEST = 1024  # pixels


def other_light(picture: RGB, random: np.random.Generator) -> RGB:
    """Return the same photograph with another exposure, colour cast, shading across the frame, and noise."""
    height, width = picture.shape[:2]
    angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0.2, 0.6)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shading = 1 + depth * (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2)
    gain = random.uniform(0.5, 1.6) * random.uniform(0.75, 1.25, 3)
    curve = decode_srgb(np.arange(256, dtype=np.float32) / 255)
    light = encode_srgb((curve[picture] * (shading[..., None] * gain).astype(np.float32)).clip(0, 1))
    noisy = light + 0.01 * random.standard_normal(light.shape, np.float32)
    return np.asarray(np.rint(noisy.clip(0, 1) * 255), np.uint8)


def case(picture: RGB, random: np.random.Generator) -> tuple[Matrix, RGB]:
    """Return a random affine map, and what a camera moved by it sees in another light."""
    height, width = picture.shape[:2]
    angle, scale = np.radians(random.uniform(-5, 5)), 1 + random.uniform(-0.05, 0.05)
    shift = random.uniform(-0.05, 0.05, 2) * max(height, width)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack([turn, centre + shift - turn @ centre])
    moved = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)
    return matrix, other_light(np.asarray(moved, np.uint8), random)


def errors(found: Matrix, true: Matrix, landmarks: NDArray[Any]) -> NDArray[np.float64]:
    """Distances in pixels between two maps on a 9x9 grid over the landmarks' bounding box."""
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    grid = np.stack(np.meshgrid(np.linspace(left, right, 9), np.linspace(top, bottom, 9)), -1).reshape(-1, 2)
    difference = found - true
    return np.asarray(np.linalg.norm(grid @ difference[:, :2].T + difference[:, 2], axis=1))


def main() -> int:
    """Print the shares of aligned cases; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alignment", description=__doc__)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--photo", type=Path, default=SAMPLE, help="a photograph with one face")
    arguments = parser.parse_args()
    try:
        photo = shrunk(read(arguments.photo), LONGEST)
        landmarks = find_landmarks(photo)
    except Unfit as error:
        print(f"{arguments.photo} cannot be used: {error}; give a photograph with one face", file=sys.stderr)
        return 2
    start = time.process_time()
    good = sum(_aligned(photo, landmarks, number) for number in range(arguments.cases))
    spent = (time.process_time() - start) / max(1, arguments.cases)
    told = f"{good} of {arguments.cases} within 1 pixel at {LONGEST} pixels"
    print(f"{told}; {spent:.1f} s of processor time each")
    return 0


def _aligned(photo: RGB, landmarks: NDArray[Any], number: int) -> bool:
    """Print a case; whether it succeeds."""
    true, studio = case(photo, np.random.default_rng(number))
    off = errors(align(photo, studio, face_square(landmarks)), true, landmarks)
    print(f"case {number}: mean {off.mean():.2f}, worst {off.max():.2f} pixels", flush=True)
    return bool(off.max() < 1)


if __name__ == "__main__":
    raise SystemExit(main())
