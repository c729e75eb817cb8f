"""The photographs that the benchmarks work on, all made from the sample selfie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAMPLE = Path(__file__).resolve().parents[1] / "server" / "setup" / "sample" / "selfie.jpg"
SIZE = (3120, 4160)


def load(path: Path | None = None) -> NDArray[Any]:
    """(4160, 3120, 3) uint8 sRGB, as from a telephone. Another `path` is taken as it is."""
    image = cv2.imread(str(path or SAMPLE), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path} is not a picture that OpenCV can read.")
    if path is None:
        image = cv2.resize(image, SIZE, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def shrunk(picture: NDArray[Any], longest: int) -> NDArray[np.uint8]:
    """At most `longest` pixels long, by area averaging."""
    share = min(1.0, longest / max(picture.shape))
    if share == 1:
        return np.asarray(picture, np.uint8)
    return np.asarray(cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8)


def shoot(folder: Path, count: int, width: int = 3000) -> list[Path]:
    """Write `count` JPEGs of width x 4/3 width, each with a grain and a light of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.open(SAMPLE).resize((width, width * 4 // 3), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, np.float32)
    dice = np.random.default_rng(0)
    paths = []
    for number in range(count):
        grain = dice.normal(0, 4, (pixels.shape[0] // 2, pixels.shape[1] // 2, 1)).astype(np.float32)
        light = dice.uniform(0.85, 1.1)
        made = np.clip(pixels * light + grain.repeat(2, 0).repeat(2, 1), 0, 255).astype(np.uint8)
        paths.append(folder / f"{number:04d}.jpg")
        Image.fromarray(made).save(paths[-1], quality=92)
    return paths
