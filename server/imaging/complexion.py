"""One decision about a person's colour: leave it alone, unless a cast is certain.

Skin tone and exposure cannot be told apart in one photograph, and a client forgives shine that stays, never a
changed complexion. What a network changes of colour (CIE a*, b*) slowly from place to place is therefore
taken back; lightness, and what differs within a few pixels or under shine, stay. Only where skin cannot be
like that, pale and greenish (flashes of LEDs) or bluish, the average is a correction, and then it is made
once, as gains in linear light, over all of the person.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.inference.components import Components, stretched, to_linear, to_srgb
from model.paper.colour import LUMINANCE

from .colour import Float

SIDE: Final = 128  # pixels at which colours are compared: they vary slowly
SMOOTH: Final = 6.0  # pixels at `SIDE`: sigma of what counts as slow
SHINY: Final = (
    0.5  # weight of skin that shines, beside that of skin that does not, in finding what changes slowly
)
FAINT: Final = 0.02  # weight of what is no bare skin, in finding what changes slowly
LEAST: Final = 0.05  # slow change, in a*, b*, below which there is nothing to take back
SHINING: Final = 0.04  # linear light of shine from which a place does not say what colour the skin has
BURNT: Final = 0.97  # sRGB
# CIE a* (green) and b* (blue) of the skin: below the first a cast is certain, above the second it is not.
GREENISH: Final = (5.0, 9.0)
BLUISH: Final = (2.0, 6.0)
CAUTION: Final = 0.6  # share of a certain cast that is taken out: its direction is surer than its size
BRIGHTNESS: Final = 0.7  # log-gain of the luminance at brightness 1: a factor of 2
WARMTH: Final = np.array([0.14, 0.0, -0.30], np.float32)  # log-gains of R, G, B at warmth 1, before luminance


def skin_weight(components: Components, side: int = SIDE) -> Float:
    """Where the crop says what colour the skin has: not burnt, not shining. (side, side, 1) in [0, 1]."""
    skin, shine = (_small(m, side) for m in (components.skin[..., None], components.shine))
    crop = _small(components.crop, side)
    dull = 1 - np.clip(shine.max(-1, keepdims=True) / SHINING, 0, 1)
    return np.asarray(skin * dull * (crop.max(-1, keepdims=True) < BURNT), np.float32)


def certainty(components: Components) -> float:
    """How certain it is that the light, and not the skin, made the person's colour: 0..1."""
    weight = skin_weight(components)
    if weight.sum() < 1:
        return 0.0
    _, a, b = _mean(_lab(_small(components.crop, SIDE)), weight)
    shares = [
        float(np.clip((least - value) / (least - sure), 0, 1))
        for value, (sure, least) in ((a, GREENISH), (b, BLUISH))
    ]
    share = max(shares)
    return share * share * (3 - 2 * share)


def kept(components: Components, out: Float) -> Float:
    """`out`, BL(o) as predicted without the colour component, with the colours of BL(x) as seen from afar.

    What a network changes of a* and b* slowly from place to place is no correction of a person's colour:
    face, neck and hands would part. Skin that shines or is burnt out counts less in measuring it: it may get
    its colour back. out: (H, H, 3) sRGB in [0, 1], upright as `components.crop`. Returns the same shape;
    `out` itself where nothing is to be done.
    """
    weight = skin_weight(components)
    if weight.sum() < 1:
        return out
    before, after = (_lab(_small(image, SIDE)) for image in (components.crop, out))
    change = (after - before)[..., 1:]
    average = _mean(change, weight)
    # Where no skin is near, the average holds.
    skin = _small(components.skin[..., None], SIDE)
    weight = weight + np.float32(SHINY) * skin + np.float32(FAINT)
    blurred = cv2.GaussianBlur(np.concatenate([(change - average) * weight, weight], -1), (0, 0), SMOOTH)
    slow = np.asarray(average + blurred[..., :2] / blurred[..., 2:], np.float32)
    if float(np.abs(slow).max()) < LEAST:
        return out
    lab = _lab(out)
    lab[..., 1:] -= cv2.resize(slow, out.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB).clip(0, 1), np.float32)


def gains(colour: NDArray[Any], warmth: float, brightness: float) -> tuple[Float, float]:
    """Log-gains (3,) that leave the luminance, and the log-gain of the luminance."""
    return np.asarray(colour + np.float32(warmth) * WARMTH, np.float32), BRIGHTNESS * brightness


def tinted(image: Float, tint: Float, exposure: float) -> Float:
    """(H, W, 3) sRGB in [0, 1] under gains of colour and of luminance, each without the other's effect."""
    if not tint.any() and not exposure:
        return image
    value = to_linear(image)
    if tint.any():
        before = value @ LUMINANCE
        value *= np.exp(tint)
        value *= (before / np.maximum(value @ LUMINANCE, 1e-6))[..., None]
    if exposure:
        value *= np.float32(np.exp(exposure))
    return to_srgb(value)


def _small(image: Float, side: int) -> Float:
    return stretched(image, side)


def _lab(image: Float) -> Float:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2Lab), np.float32)


def _mean(image: Float, weight: Float) -> Float:
    return np.asarray((image * weight).sum((0, 1)) / weight.sum(), np.float32)
