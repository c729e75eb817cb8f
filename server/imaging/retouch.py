"""The whole way from a flash photograph to a studio portrait, as one plain function.

Orient, find faces, crop, bilateral filter, predict, lift to full size, reconstruct,
blend. No socket, no file and no GIMP here: the worker, the tests and the benchmark
all call `retouch`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from model.inference.rendering import Rendering
from model.paper.bilateral import filter_crop
from plugin.studio_portrait.link.wire import Box, Problem, Settings

from .blend import Change, Correction, Painted, Reconstruction, Selection, affected
from .colour import ColourSpace, Float
from .crop import frame_grid, take, to_eight_bit, white_of, whole_grid, without_hidden
from .faces import LARGE, Face, find_faces


@runtime_checkable
class Predictor(Protocol):
    """All that the pipeline knows of a network. batch: how many crops it takes at a time."""

    batch: int

    def __call__(self, crops: Float) -> Float:
        """(N, 512, 512, 3) filtered crops, sRGB 0..1 -> the prediction y, same shape, 0..1."""
        ...


class Painter(Protocol):
    """A method that paints pictures instead. frames: whether it can relight a whole frame."""

    batch: int
    frames: bool

    def paint(self, crops: Float) -> Sequence[Rendering]:
        """(N, 512, 512, 3) crops, sRGB 0..1 -> a rendering of each."""
        ...


@dataclass(frozen=True)
class Result:
    """box: the only part of the picture that may have changed, None for nothing.

    faces: one dictionary per face as in PROTOCOL.md. ms: milliseconds by stage.
    notes: sentences for the user. mask: (box height, box width) uint8, only if asked for.
    """

    box: Box | None
    faces: tuple[dict[str, Any], ...]
    ms: dict[str, float]
    notes: tuple[str, ...] = ()
    mask: NDArray[np.uint8] | None = None


@dataclass
class _Run:
    """Progress, cancel and the clock of one call."""

    progress: Callable[[str, float], None]
    cancelled: Callable[[], bool]
    ms: dict[str, float] = field(default_factory=dict)
    start: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.check()
        self.progress(name, 0.0)
        begin = time.perf_counter()
        yield
        self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - begin) * 1e3

    def check(self) -> None:
        if self.cancelled():
            raise Problem("cancelled", "The job was cancelled.")


def retouch(
    pixels: NDArray[Any],
    settings: Settings,
    predictor: Predictor | Painter,
    *,
    icc: bytes | None = None,
    selection: Selection | None = None,
    progress: Callable[[str, float], None] = lambda stage, fraction: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Result:
    """Retouches `pixels` IN PLACE: (H, W, C) uint8, uint16 or float32; grey or RGB, with or without alpha.

    Samples are encoded as `icc` says (None: sRGB). Only samples with a correction are changed;
    alpha never is. Raises `Problem`: ``bad-image`` (not-a-number samples, a broken profile),
    ``cancelled``; the pixels are then undefined.
    """
    if settings.faces == "selection" and selection is None:
        raise Problem("bad-setting", "Faces in the selection were asked for, but nothing is selected.")
    relight = settings.reach == "frame"
    if relight and not getattr(predictor, "frames", True):
        raise Problem(
            "bad-setting",
            "A reference portrait is matched by faces only, not by the whole frame.",
            "Keep the background, or choose another network.",
        )
    run = _Run(progress, cancelled)
    colours = 3 if pixels.shape[2] >= 3 else 1
    with run.stage("faces"):
        _check_finite(pixels)
        space = ColourSpace(icc, colours)
        faces = _faces(pixels, space, cancelled)
        used = _chosen(faces, settings, selection)
    described = tuple(_describe(face, face in used) for face in faces)
    notes = () if faces else ("No face was found.",)
    if settings.strength == 0 or not (used or relight):
        run.ms["total"] = (time.perf_counter() - run.start) * 1e3
        return Result(None, described, run.ms, notes)
    corrections = _predict(pixels, space, used, relight, settings.strength, predictor, run)
    with run.stage("reconstruct"):
        height, width = pixels.shape[:2]
        box = affected(corrections, width, height, selection)
        mask = None
        if box is not None:
            work = Reconstruction(pixels, colours, space.linear, corrections, box, selection, settings.mask)
            work.run(cancelled, lambda share: progress("reconstruct", share))
            mask = work.mask
    run.check()
    run.ms["total"] = (time.perf_counter() - run.start) * 1e3
    return Result(box, described, run.ms, notes, mask)


def _check_finite(pixels: NDArray[Any]) -> None:
    if pixels.dtype != np.float32:
        return
    for top in range(0, len(pixels), 256):
        fine = np.isfinite(pixels[top : top + 256])
        if not fine.all():
            row, column = np.argwhere(~fine)[0][:2]
            raise Problem(
                "bad-image",
                f"The picture holds samples that are not numbers (the first at x {column}, y {top + row}).",
                "Paint over that spot or clip the values to 0..1, then try again.",
            )


def _faces(pixels: NDArray[Any], space: ColourSpace, cancelled: Callable[[], bool]) -> list[Face]:
    height, width = pixels.shape[:2]
    share = min(1.0, LARGE / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    shown = without_hidden(pixels, space.channels)
    small = cv2.resize(shown, size, interpolation=cv2.INTER_AREA) if share < 1 else shown
    rgb = to_eight_bit(small.reshape(size[1], size[0], -1), white_of(pixels), space)
    return find_faces(rgb, width / size[0], cancelled)


def _chosen(faces: list[Face], settings: Settings, selection: Selection | None) -> list[Face]:
    if settings.faces == "largest":
        return faces[:1]
    if settings.faces == "selection" and selection is not None:
        return [face for face in faces if selection.holds(*face.centre)]
    return faces


def _describe(face: Face, used: bool) -> dict[str, Any]:
    x, y, width, height = face.box
    return {
        "box": {"x": x, "y": y, "width": width, "height": height},
        "confidence": round(face.confidence, 3),
        "angle": face.angle,
        "used": used,
    }


def _predict(
    pixels: NDArray[Any],
    space: ColourSpace,
    faces: list[Face],
    relight: bool,
    strength: float,
    predictor: Predictor | Painter,
    run: _Run,
) -> list[Change]:
    """What is to be changed over every crop."""
    height, width = pixels.shape[:2]
    squares = [whole_grid(face.square, face.angle // 90) for face in faces]
    if relight:
        squares.append(frame_grid(width, height))
    changes: list[Change] = []
    for first in range(0, len(squares), predictor.batch):
        batch = squares[first : first + predictor.batch]
        frames = [relight and first + i == len(squares) - 1 for i in range(len(batch))]
        with run.stage("filter"):
            guides = [take(pixels, grid, space) for grid in batch]
            seen = [space.to_srgb(guide) for guide in guides]
            upright = [_upright(crop, grid.turns) for crop, grid in zip(seen, batch, strict=True)]
            if isinstance(predictor, Predictor):
                upright = [filter_crop(crop) for crop in upright]
        with run.stage("predict"):
            run.progress("predict", first / len(squares))
            if not isinstance(predictor, Predictor):
                painted = predictor.paint(np.stack(upright))
                for rendering, grid, frame in zip(painted, batch, frames, strict=True):
                    changes.append(Painted(grid, rendering.turned(-grid.turns), space, strength, frame))
                continue
            predictions = predictor(np.stack(upright))
        for guide, crop, y, grid, frame in zip(guides, seen, predictions, batch, frames, strict=True):
            scaled = _difference(crop, np.rot90(2 * y - 1, -grid.turns), space) * np.float32(strength)
            lifted = np.ascontiguousarray(scaled, dtype=np.float32)
            changes.append(Correction(grid, np.clip(guide, 0, 1), lifted, frame))
    return changes


def _difference(crop: Float, difference: Float, space: ColourSpace) -> Float:
    """Equations (2) and (4) at low resolution: what is to be subtracted, in the working encoding."""
    if not space.is_srgb:
        # Colours outside sRGB stay outside: only the change itself must fit in.
        # Both ends are converted alike, so that what a profile rounds or clips cancels.
        target = np.clip(crop - difference, np.minimum(crop, 0), np.maximum(crop, 1))
        return space.from_srgb(crop) - space.from_srgb(target)
    return space.from_srgb(difference)


def _upright(crop: Float, turns: int) -> Float:
    """An sRGB crop within 0..1, turned upright."""
    return np.ascontiguousarray(np.rot90(np.clip(crop, 0, 1), turns))
