"""Headshot style transfer: Shih et al. 2014, Style Transfer for Headshot Portraits. Nothing is trained.

The look of an example portrait is moved to the photograph scale by scale: both are decomposed into Laplacian
stacks of six levels for each channel of CIE Lab, and each level of the input is amplified until its local
energy is the example's (section 4.2: stacks, local energy, robust transfer with the gain clamped and
smoothed); the residual, the lowest frequencies, is the example's own. Energy and residual of the example are
warped to the input by a dense correspondence (4.1). All of it within a mask of the head.

Departures. Correspondence: landmarks with an affine map and a thin-plate spline (`correspondence.py`), where
the paper morphs by landmarks and then refines by SIFT flow. Mask: GrabCut, no matting. The example is chosen
by dlib's face embedding (`example.py`), where the paper has a descriptor of its own. Eye highlights (4.3) are
not drawn and the background is kept, not replaced. Scale: the levels are those of our 512-pixel crop,
where a face is about 230 pixels wide, so the residual is smoother in relation to the face than in the paper.

Full size: everything coarser than level 0 is smooth and is stretched from 512 pixels; level 0, with the
detail of the full-size photograph, is `gain * (x - blur)`, so a full-size pixel is `a * Lab(x) + b`
with two stretched maps. Blurs of 8 pixels and more are done on shrunken copies.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import cv2
import numpy as np

from model.inference.rendering import Array, Place
from model.paper.bilateral import SIZE

from .headshot_correspondence import correspondence, head
from .headshot_example import Face, framed, nearest

LEVELS: Final = 6
LAB: Final = 100.0  # L*, a* and b* are divided by it, as the constant below expects
EPSILON: Final = 0.01**2
GAINS: Final = (0.9, 2.8)  # theta_l, theta_h
SMOOTH: Final = 3.0  # beta: the gain of level l is blurred by beta 2^l
FURTHEST: Final = (12.0, 6.0, 6.0)  # of L*, a*, b*: how far the residual moves at most
ELSEWHERE: Final = 1e-3  # what a pixel outside the mask counts, so that blurs are defined everywhere


def blur(image: Any, sigma: float) -> Array:
    """Gaussian, on a copy shrunken to a sigma of 4 to 8 pixels where it is wider."""
    factor = 2 ** max(0, int(np.log2(sigma / 4)))
    size = image.shape[1::-1]
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    small = cv2.resize(image, (size[0] // factor, size[1] // factor), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)


def masked_blur(image: Array, mask: Array, sigma: float) -> Array:
    """Gaussian of (H, W, 3) over the mask (H, W) only."""
    weight = mask + np.float32(ELSEWHERE)
    return np.asarray(blur(image * weight[..., None], sigma) / blur(weight, sigma)[..., None], np.float32)


def stack(image: Array, mask: Array) -> tuple[list[Array], Array]:
    """Equations 1 and 2: the levels, finest first, and the residual; they add up to the image."""
    blurred = [masked_blur(image, mask, 2.0 ** (level + 1)) for level in range(LEVELS)]
    levels = [finer - coarser for finer, coarser in zip([image, *blurred], blurred, strict=False)]
    return levels, blurred[-1]


def energy(levels: Sequence[Array], mask: Array) -> list[Array]:
    """Equation 3: each level's square, averaged by a Gaussian of 2^(l + 1) pixels."""
    return [masked_blur(level * level, mask, 2.0 ** (i + 1)) for i, level in enumerate(levels)]


def gain(example: Array, own: Array, mask: Array, level: int) -> Array:
    """Robust transfer: the factor that gives a level the example's energy; clamped, then smoothed."""
    factor = np.sqrt(example / (own + EPSILON)).clip(*GAINS).astype(np.float32)
    return masked_blur(factor, mask, SMOOTH * 2.0**level)


def to_lab(rgb: Any) -> Array:
    """sRGB float32 in [0, 1] -> Lab / 100."""
    return np.asarray(cv2.cvtColor(np.asarray(rgb, np.float32), cv2.COLOR_RGB2Lab) / LAB, np.float32)


@dataclass(frozen=True)
class Decomposed:
    """A face with its head's mask, stack and energies."""

    face: Face

    @cached_property
    def mask(self) -> Array:
        """(512, 512)."""
        return head(self.face.crop, self.face.landmarks)

    @cached_property
    def stack(self) -> tuple[list[Array], Array]:
        """Levels and residual of Lab / 100."""
        return stack(to_lab(np.float32(self.face.crop / 255)), self.mask)

    @cached_property
    def energy(self) -> list[Array]:
        """Of the levels."""
        return energy(self.stack[0], self.mask)


@dataclass(frozen=True)
class Matched:
    """What to do with each pixel: a `model.inference.rendering.Rendering`.

    a, b: (512, 512, 3), Lab / 100 of the result is `a * Lab(x) + b`; mask: (512, 512, 1), how much it counts.
    """

    a: Array
    b: Array
    mask: Array

    def turned(self, turns: int) -> Matched:
        """Turn the maps with the picture."""
        return Matched(*(np.ascontiguousarray(np.rot90(part, turns)) for part in (self.a, self.b, self.mask)))

    def rows(self, x: Array, place: Place) -> Array:
        """As `model.inference.rendering.Rendering` says."""
        a, b, mask = (_stretched(part, place, x.shape) for part in (self.a, self.b, self.mask))
        lab = (to_lab(x) * a + b) * np.float32(LAB)
        after = cv2.cvtColor(np.ascontiguousarray(lab), cv2.COLOR_Lab2RGB).clip(0, 1)
        return np.asarray(x + mask * (after - x), np.float32)


def _stretched(values: Array, place: Place, shape: Sequence[int]) -> Array:
    """Read maps (512, 512, K) at rows and columns of the photograph: bilinear, edges repeated."""
    size = len(values)
    at = (place.down(shape[0]) * size - 0.5).clip(0, size - 1)
    low = np.minimum(at.astype(np.int64), size - 2)
    share = (at - low)[:, None, None]
    lines = np.ascontiguousarray(values[low] * (1 - share) + values[low + 1] * share, np.float32)
    across = (place.across(shape[1]) * size - 0.5).clip(0, size - 1)
    low = np.minimum(across.astype(np.int64), size - 2)
    share = (across - low)[None, :, None]
    return np.asarray(lines[:, low] * (1 - share) + lines[:, low + 1] * share, np.float32)


class Headshot:
    """The method with its examples. Calling it: one crop x, (512, 512, 3) sRGB in [0, 1] -> `Matched`."""

    def __init__(self, examples: Sequence[Face], as_published: bool = False) -> None:
        """examples: one or more; of several the one with the most similar face is taken for each crop.

        as_published: take over the example's residual however far it lies from the photograph's.
        """
        self._furthest = None if as_published else np.array(FURTHEST, np.float32) / np.float32(LAB)
        self._examples = [Decomposed(face) for face in examples]
        self._lock = threading.Lock()

    def __call__(self, crop: Array) -> Matched:
        """Match the crop, (512, 512, 3) sRGB in [0, 1], to the example nearest to it."""
        face = framed(np.ascontiguousarray((crop.clip(0, 1) * 255 + 0.5).astype(np.uint8)))
        chosen = nearest(face, [example.face for example in self._examples])
        with self._lock:  # an example is decomposed once
            example = next(one for one in self._examples if one.face is chosen)
            known = (example.energy, example.stack[1])
        where = correspondence(face.landmarks, chosen.landmarks)
        return transfer(face, crop, known, where, self._furthest)


def transfer(
    face: Face, crop: Array, example: tuple[list[Array], Array], where: Array, furthest: Array | None = None
) -> Matched:
    """Section 4.2. example: its energies and its residual; where: the correspondence, (512, 512, 2).

    furthest: (3,), Lab / 100, how far the residual may move; None for as far as the example's lies.
    """

    x, y = (np.ascontiguousarray(where[..., i]) for i in (0, 1))

    def warped(plane: Array) -> Array:
        found = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)

    mask = head(face.crop, face.landmarks)
    lab = to_lab(crop)
    levels, residual = stack(lab, mask)
    own = energy(levels, mask)
    gains = [gain(warped(example[0][i]), own[i], mask, i) for i in range(LEVELS)]
    coarse = warped(example[1])
    if furthest is not None:
        coarse = np.asarray(residual + furthest * np.tanh((coarse - residual) / furthest), np.float32)
    for level, factor in zip(levels[1:], gains[1:], strict=True):
        coarse = coarse + level * factor
    below = lab - levels[0]  # what level 0 is the detail above
    return Matched(gains[0], np.asarray(coarse - gains[0] * below, np.float32), mask[..., None])


assert SIZE == 2 ** (LEVELS + 3)  # the blurs' shrunken copies come out even
