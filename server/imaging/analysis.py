"""What is found out about a picture once, so that every rendering of it needs no second prediction.

Orient, find faces, crop, bilateral filter, predict: the result is an `Analysis`, which holds the faces and,
for each one that was asked for, its crop and the network's `Components`. Settings only recombine these.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from model.inference.components import Components

from .colour import ColourSpace, Float
from .crop import (
    SIZE,
    ImagePyramid,
    frame_grid,
    shrunk,
    step_to,
    take,
    to_eight_bit,
    white_of,
    whole_grid,
)
from .errors import BadImage
from .faces import Face, find_faces
from .lift import Grid
from .run import Progress, Run, never, silent

KEPT = 16  # faces whose components are kept, about 15 MB each; those of larger groups are predicted again
NOTED = 3 * KEPT + 8  # things about them that are kept, too
NOBODY = "No face was found."


class Predictor(Protocol):
    """All that the pipeline knows of a network. batch: how many crops it takes at a time."""

    batch: int

    def components(self, crops: Float) -> Sequence[Components]:
        """(N, 512, 512, 3) upright crops, sRGB 0..1, not filtered -> the components of each."""
        ...


@dataclass(frozen=True)
class Part:
    """One face's crop. guide: (S, S, C) working encoding, over `grid`, not clipped. components: upright; None
    before the network has seen it. tint: (3,) log-gains decided for a series, in place of the network's.

    angle: degrees by which the picture must be turned counter-clockwise for the face to stand upright.
    """

    grid: Grid
    angle: float
    guide: Float
    components: Components | None = None
    tint: Float | None = None

    @property
    def nbytes(self) -> int:
        """The memory of its arrays."""
        return _nbytes((self.guide, self.components))

    def upright(self, space: ColourSpace) -> Float:
        """Return the square that the network sees, (512, 512, 3) sRGB in 0..1."""
        crop = np.clip(space.to_srgb(self.guide), 0, 1)
        if self.angle % 90 == 0:
            return np.ascontiguousarray(np.rot90(crop, self.grid.turns))
        return _rotated(crop, self.angle, SIZE, cv2.BORDER_REPLICATE)

    def back(self, upright: Float) -> Float:
        """(512, 512, K) upright -> (S, S, K) over `grid`, 0 where that reaches beyond the upright square."""
        if self.angle % 90 == 0:
            return np.ascontiguousarray(np.rot90(upright, -self.grid.turns), np.float32)
        return _rotated(upright, -self.angle, len(self.guide), cv2.BORDER_CONSTANT)


def _rotated(image: Float, angle: float, size: int, border: int) -> Float:
    """(S, S, K) turned counter-clockwise about its centre; (size, size, K), pixels as large as before."""
    middle = (len(image) - 1) / 2
    turn = np.asarray(cv2.getRotationMatrix2D((middle, middle), angle, 1), np.float64)
    turn[:, 2] += (size - 1) / 2 - middle
    turned = cv2.warpAffine(image, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(turned.reshape(size, size, -1), np.float32)


@dataclass
class Analysis:
    """A picture's faces and what the network said of them. size: height, width. faces: the largest first.

    tints: by face, a decision about its colour that was made elsewhere (see `Part`).

    One that was made for a picture serves for that picture only, whose pixels must not have changed.
    """

    size: tuple[int, int]
    space: ColourSpace
    faces: tuple[Face, ...]
    predictor: Predictor
    notes: tuple[str, ...] = ()
    ms: dict[str, float] = field(default_factory=dict)
    tints: dict[int, Float] = field(default_factory=dict)
    _parts: OrderedDict[int, Part] = field(default_factory=OrderedDict)
    cache: OrderedDict[str, tuple[Any, Any]] = field(default_factory=OrderedDict)

    def parts(
        self, pixels: NDArray[Any], indices: Sequence[int], run: Run, pyramid: ImagePyramid | None = None
    ) -> list[Part]:
        """Return the crops and components of these faces, predicted now where they are not kept.

        pyramid: the picture's, if it is at hand.
        """
        found = {index: self._parts[index] for index in indices if index in self._parts}
        missing = [index for index in indices if index not in found]
        size = self.predictor.batch  # now: it gets smaller on the way when a device's memory is short
        for first in range(0, len(missing), size):
            batch = missing[first : first + size]
            with run.stage("filter"):
                crops = [_crop(pixels, self.faces[index], self.space, pyramid) for index in batch]
                upright = np.stack([crop.upright(self.space) for crop in crops])
            with run.stage("predict"):
                run.progress("predict", first / len(missing))
                answers = self.predictor.components(upright)
            for index, crop, answer in zip(batch, crops, answers, strict=True):
                found[index] = replace(crop, components=answer)
        for index in indices:
            self._parts[index] = found[index]
            self._parts.move_to_end(index)
        while len(self._parts) > KEPT:
            self._parts.popitem(last=False)
        return [replace(found[index], tint=self.tints.get(index)) for index in indices]

    @property
    def nbytes(self) -> int:
        """The memory that it holds: faces' crops and components, and what is worked out once."""
        return sum(part.nbytes for part in self._parts.values()) + _nbytes(list(self.cache.values()))

    def once(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` returns, made again only when `key` is another than the last time."""
        if name not in self.cache or self.cache[name][0] != key:
            self.cache[name] = (key, make())
        self.cache.move_to_end(name)
        while len(self.cache) > NOTED:
            self.cache.popitem(last=False)
        return self.cache[name][1]

    def frame(self, pixels: NDArray[Any]) -> tuple[Grid, Float]:
        """Return the square around the whole picture, and the picture over it, (S, S, C) working encoding."""
        grid = frame_grid(self.size[1], self.size[0])
        guide: Float = self.once("frame", grid, lambda: take(pixels, grid, self.space))
        return grid, guide


def _nbytes(value: Any) -> int:
    """Return the memory of all arrays in a value: sequences and data classes of them."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (tuple, list)):
        return sum(_nbytes(one) for one in value)
    return sum(_nbytes(one) for one in vars(value).values()) if is_dataclass(value) else 0


def analyse(
    pixels: NDArray[Any],
    predictor: Predictor,
    *,
    icc: bytes | None = None,
    choose: Callable[[Sequence[Face]], Sequence[int]] | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> Analysis:
    """Find the faces of a picture and predict their components.

    pixels: (H, W, C) uint8, uint16 or float32; grey or RGB, with or without alpha, encoded as `icc` says
    (None: sRGB). choose: the indices of the faces to predict, None for all. Raises `BadImage` (samples that
    are no numbers, a broken profile), `Cancelled`, and what the predictor raises.
    """
    run = Run(progress, cancelled)
    with run.stage("faces"):
        check_finite(pixels)
        space = ColourSpace(icc, 3 if pixels.shape[2] >= 3 else 1)
        pyramid = ImagePyramid(pixels, space.channels)
        faces = tuple(_faces(pixels, pyramid, space, cancelled))
    notes = () if faces else (NOBODY,)
    height, width = pixels.shape[:2]
    analysis = Analysis((height, width), space, faces, predictor, notes)
    chosen = range(min(KEPT, len(faces))) if choose is None else choose(faces)
    analysis.parts(pixels, list(chosen)[:KEPT], run, pyramid)
    analysis.ms = run.finish()
    return analysis


def describe(face: Face, used: bool) -> dict[str, Any]:
    """Return a face as PROTOCOL.md has it."""
    x, y, width, height = face.box
    return {
        "box": {"x": x, "y": y, "width": width, "height": height},
        "confidence": round(face.confidence, 3),
        "angle": face.angle,
        "used": used,
    }


def check_finite(pixels: NDArray[Any]) -> None:
    """Raise `BadImage` when a sample is not a number, and say where."""
    if pixels.dtype != np.float32:
        return
    for top in range(0, len(pixels), 256):
        fine = np.isfinite(pixels[top : top + 256])
        if not fine.all():
            row, column = np.argwhere(~fine)[0][:2]
            raise BadImage(
                f"The picture holds samples that are not numbers (the first at x {column}, y {top + row}).",
                "Paint over that spot or clip the values to 0..1, then try again.",
            )


def _faces(
    pixels: NDArray[Any], pyramid: ImagePyramid, space: ColourSpace, cancelled: Callable[[], bool]
) -> list[Face]:
    def copy(longest: int) -> NDArray[np.uint8]:
        half = pyramid.by(step_to(max(pixels.shape[:2]), longest))
        return shrunk(to_eight_bit(half, white_of(pixels), space), longest)

    return find_faces(copy, pixels.shape[1], cancelled)


def _crop(pixels: NDArray[Any], face: Face, space: ColourSpace, pyramid: ImagePyramid | None) -> Part:
    """Return the face's square along the picture's rows, large enough to turn it upright."""
    if face.angle % 90 == 0:
        grid = whole_grid(face.square, round(face.angle / 90))
        return Part(grid, face.angle, take(pixels, grid, space, pyramid=pyramid))
    turn = math.radians(face.angle)
    larger = abs(math.cos(turn)) + abs(math.sin(turn))
    grid = whole_grid(replace(face.square, side=face.square.side * larger))
    return Part(grid, face.angle, take(pixels, grid, space, round(SIZE * larger), pyramid))
