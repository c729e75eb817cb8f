"""A network's answer as components with a meaning, and the one function that puts them together again.

In linear light, for L = linear(BL(x)): shine is subtracted, the person's colour and the light are gains,
fill is added where channels were clipped. What a network changes beyond that is kept as `rest`, so that all
components together give eq. (2)'s y of the network exactly, and each can be had alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.colour import LUMINANCE, decode_srgb, encode_srgb

from ..smoothstep import rise
from .mattes import mattes
from .rendering import Rendering
from .strips import in_strips

Array = NDArray[np.float32]

SIDE: Final = 256  # pixels of the decomposed maps
DARK: Final = 0.02  # linear light, added before a ratio is taken: no gain out of noise
SMOOTH: Final = 14.0  # pixels at `SIDE`: sigma of the light
BASE: Final = 14.0  # pixels at `SIDE`: sigma of what a highlight is compared with
BRIGHTER: Final = (1.02, 1.25)  # than its base, in sRGB luma: where a highlight begins and counts in full
LIMIT: Final = 1.6  # |log-gain| stays below: a factor of 5 in linear light


@dataclass(frozen=True)
class Components:
    """A network's answer for one crop.

    Maps are square, each at its own resolution. colour: (3,) log-gains in linear light, one decision for the
    whole person, neutral in luminance. light: (h, w, 1) smooth log-gain. shine: (h, w, 3) linear light >= 0
    that is subtracted first. fill: (h, w, 3) linear light that is added last, only where channels are
    clipped. person, skin: (h, w) in [0, 1]. rest: (H, W, 3) sRGB difference at the crop's own resolution,
    what the network changes beyond these. crop: (H, W, 3) BL(x), sRGB in [0, 1], that it answers. rendering:
    a painter's own answer for rows of any size, None for a network that answers y.
    """

    colour: Array
    light: Array
    shine: Array
    fill: Array
    person: Array
    skin: Array
    rest: Array
    crop: Array
    rendering: Rendering | None = None

    @cached_property
    def linear(self) -> Array:
        """Return the crop in linear light."""
        linear = np.empty_like(self.crop)

        def decoded(rows: slice) -> None:
            linear[rows] = decode_srgb(self.crop[rows])

        in_strips(len(linear), decoded)
        return linear

    @cached_property
    def lab(self) -> Array:
        """Return the crop in CIE Lab."""
        return np.asarray(cv2.cvtColor(self.crop, cv2.COLOR_RGB2Lab), np.float32)

    def turned(self, turns: int) -> Components:
        """Return the same for the square turned by quarter turns counter-clockwise, as `numpy.rot90`."""
        maps = {name: np.rot90(getattr(self, name), turns).copy() for name in MAPS}
        return replace(self, **maps, rendering=self.rendering and self.rendering.turned(turns))


MAPS: Final = ("light", "shine", "fill", "person", "skin", "rest", "crop")


def difference(
    components: Components,
    crop: Array | None = None,
    *,
    strength: float = 1,
    shine: float = 1,
    light: float = 1,
    colour: float = 1,
    extra: Sequence[float] = (0, 0, 0),
) -> Array:
    """Put the components together to 2y - 1: what eq. (4) subtracts from the photograph, (H, H, 3) sRGB.

    With all settings 1, y is the network's own, but for rounding.
    crop: (H, H, 3) BL(x), sRGB in [0, 1], None for the components' own; for another size the maps are
    stretched. strength, shine, light, colour: 0..1, how much of all and of each; `rest` goes with light.
    extra: (3,) log-gains in linear light on the person, the user's own.
    """
    crop = components.crop if crop is None else crop
    side = len(crop)
    linear = components.linear if crop is components.crop else None
    gains = np.asarray(extra, np.float32) + np.float32(colour) * components.colour
    log_gain: Array = np.zeros((1, 1, 1), np.float32)
    if gains.any():
        log_gain = np.asarray(gains * stretched(components.person[..., None], side), np.float32)
    if light:
        log_gain = np.asarray(log_gain + light * stretched(components.light, side), np.float32)
    brighter, touched = log_gain.any(), shine or log_gain.any()
    taken = stretched(components.shine, side) if shine else None
    fill = stretched(components.fill, side) if shine and components.fill.any() else None
    rest = stretched(components.rest, side) if light else None
    result = np.empty_like(crop)

    def subtracted(rows: slice) -> None:
        part = crop[rows]
        change = np.zeros_like(part)
        if touched:
            value = decode_srgb(part) if linear is None else linear[rows].copy()
            if taken is not None:
                value -= np.float32(shine) * taken[rows]
            if brighter:
                value *= _three(np.exp(log_gain[rows] if len(log_gain) > 1 else log_gain))
            if fill is not None:
                value += np.float32(shine) * fill[rows]
            change = encode_srgb(np.clip(value, 0, 1, out=value))
            change -= part
        if rest is not None:
            change += np.float32(light) * rest[rows]
        np.multiply(change, -np.float32(strength), out=result[rows])

    in_strips(side, subtracted)
    return result


def decompose(
    bl_x: Array,
    y: Array,
    *,
    person: Array | None = None,
    skin: Array | None = None,
    shine: Array | None = None,
    rendering: Rendering | None = None,
) -> Components:
    """Take a network's y apart, for a network that predicts no components of its own.

    bl_x, y: (512, 512, 3), of eq. (2). person, skin, shine: (h, w) in [0, 1] where the network sees them, if
    it says so; see `mattes` for what becomes of the first two, and shine is what is brighter than the skin
    about it.
    Colour: the log-ratio of the means of the predicted BL(o) and BL(x) over unburnt skin, made neutral in
    luminance. Light: the luminance's log-ratio, smoothed within the person and outside of it separately.
    Shine: what is then still darkened in highlights of the person. Rest: all else.
    """
    after = y * np.float32(-2)  # in place, here and below: each new array costs more than what is computed
    after += bl_x
    after += 1
    np.clip(after, 0, 1, out=after)
    person, skin = mattes(bl_x, person, skin)
    small, target = (_shrunk(image) for image in (bl_x, after))
    matte, bare = (stretched(mask[..., None], SIDE) for mask in (person, skin))
    before_linear, after_linear = decode_srgb(small), decode_srgb(target)
    highlight = _highlight(small, matte)
    if shine is not None:  # the network's word counts, and half of what is merely bright
        highlight = np.maximum(highlight * np.float32(0.5), stretched(shine[..., None], SIDE))
    unburnt = brightest(small)[..., None] < 0.97
    sure = np.asarray(bare * (1 - highlight) * unburnt + 1e-4 * matte + 1e-8, np.float32)
    mean = _mean(before_linear, sure)
    colour = np.log((_mean(after_linear, sure) + 1e-4) / (mean + 1e-4))
    share = LUMINANCE * mean
    colour = np.asarray((colour - (share * colour).sum() / share.sum()).clip(-LIMIT, LIMIT), np.float32)
    tinted = before_linear * _gain(matte, colour)
    ratio = np.log((after_linear @ LUMINANCE + DARK) / (tinted @ LUMINANCE + DARK))[..., None]
    trusted = 1.001 - highlight
    inside, outside = (_smooth(ratio, part * trusted) for part in (matte + 1e-4, 1.0001 - matte))
    light = np.asarray((outside + matte * (inside - outside)).clip(-LIMIT, LIMIT), np.float32)
    left = before_linear - after_linear / _gain(matte, colour, light)
    amount = np.asarray(left.clip(0, None) * _three(highlight * matte), np.float32)
    nothing = np.zeros((1, 1, 3), np.float32)
    parts = Components(colour, light, amount, nothing, person, skin, np.zeros_like(bl_x), bl_x, rendering)
    rest = difference(parts)
    rest -= y
    rest -= y
    rest += 1
    whole = replace(parts, rest=rest)
    vars(whole)["linear"] = parts.linear  # worked out already
    return whole


def _gain(matte: Array, colour: Array, light: Array | float = 0) -> Array:
    """Return ``exp(colour * matte + light)``, (h, w, 3), of (h, w, 1), (3,) and (h, w, 1)."""
    return np.asarray(cv2.exp(cv2.merge([matte * gain + light for gain in colour])), np.float32)


def _three(values: Array) -> Array:
    """(h, w, 1 or 3) -> (h, w, 3), where it pays: numpy is slow at repeating the last axis by itself."""
    repeated = values if values.shape[2] == 3 or len(values) == 1 else cv2.merge([values] * 3)
    return np.asarray(repeated, np.float32)


def brightest(image: Array) -> Array:
    """Return the largest of the three channels, (h, w). Ten times as quick as `max` over so short an axis."""
    return np.asarray(np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2]), np.float32)


def stretched(values: Array, side: int) -> Array:
    """Bring a square map (h, h, C) to (side, side, C): bilinear, pixel centres aligned; smaller by area."""
    if len(values) == side:
        return values
    way = cv2.INTER_LINEAR if len(values) < side else cv2.INTER_AREA
    return np.asarray(cv2.resize(values, (side, side), interpolation=way).reshape(side, side, -1), np.float32)


def _shrunk(image: Array) -> Array:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _mean(image: Array, weight: Array) -> Array:
    """Return the mean, (C,), of (h, w, C); a product of matrices is twenty times as quick as a sum of one."""
    sums = weight.reshape(1, -1) @ image.reshape(weight.size, -1)
    return np.asarray(sums[0] / weight.sum(), np.float32)


def _smooth(image: Array, weight: Array, sigma: float = SMOOTH) -> Array:
    """Normalised Gaussian of (h, w, 1), on a quarter of the pixels: it is smooth."""
    pair = np.concatenate([image * weight, weight], -1).astype(np.float32)
    small = cv2.resize(pair, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return stretched(np.asarray(small[..., :1] / small[..., 1:], np.float32), len(image))


def _highlight(small: Array, matte: Array) -> Array:
    """How surely a place is brighter than the person about it, (h, w, 1) in [0, 1].

    Twice: the second time highlights do not count in what they are compared with.
    """
    luma = (small @ LUMINANCE)[..., None]
    found: Array = np.zeros_like(luma)
    for _ in range(2):
        base = _smooth(luma, (matte + np.float32(1e-4)) * (np.float32(1.001) - found), BASE)
        found = np.asarray(rise(luma / (base + 1e-3), BRIGHTER), np.float32)
    return found
