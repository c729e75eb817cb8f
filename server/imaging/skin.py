"""Where a crop shows bare skin, and where eyes, mouth and pupils that the flash made red lie in it.

The networks' map of the skin is coarse: what is darker than skin, of another hue or pale is sorted out here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from model.inference.components import Components, brightest, stretched
from model.smoothstep import rise, smoothstep

from .colour import Float
from .lab import chroma, planes, to_lab

SIDE: Final = 128  # pixels at which colours are compared: they vary slowly
# Ellipses (middle x, y, half axes) in the crop where eyes and mouth lie: framing puts them there, on average.
EYES: Final = ((205.0, 218.0, 28.0, 16.0), (303.0, 218.0, 28.0, 16.0))
MOUTH: Final = (254.0, 325.0, 44.0, 19.0)
# The flash comes back red from wide pupils: a* beyond the skin's from which a spot in an eye may be, and is,
# such a pupil; and its least and largest side in pixels of the crop.
RED_EYE: Final = (14.0, 24.0)
PUPIL: Final = (3, 30)
SHINING: Final = 0.04  # linear light of shine from which a place does not say what colour the skin has
HAIRY: Final = (0.45, 0.65)  # share of the lighter skin's L*: below is no skin, above is
GREY: Final = (0.4, 0.65)  # share of the skin's C*: below is grey hair unless it shines, above is not
OTHER_HUE: Final = (0.6, 0.85)  # cosine of the angle between hues: below is no skin, above is
BURNT: Final = (0.93, 0.98)  # sRGB: from here on a channel says less and less, and nothing
NO_COLOUR: Final = 2.0  # C* of all but the most colourful twentieth of a black-and-white photograph


def skin_weight(components: Components, side: int = SIDE) -> Float:
    """Where the crop says what colour the skin has: not burnt, not shining. (side, side, 1) in [0, 1]."""
    return np.asarray(_unburnt_skin(components, side) * (1 - _shining(components, SHINING, side)), np.float32)


def _shining(components: Components, fully: float, side: int = SIDE) -> Float:
    """(side, side, 1) in [0, 1]: how far its shine reaches this linear light."""
    return np.asarray(
        np.clip(brightest(stretched(components.shine, side)) / fully, 0, 1)[..., None], np.float32
    )


def _unburnt_skin(components: Components, side: int = SIDE) -> Float:
    """(side, side, 1) in [0, 1]: the same where it shines, too."""
    skin, crop = (stretched(m, side) for m in (components.skin[..., None], components.crop))
    return np.asarray(skin * (brightest(crop) < BURNT[1])[..., None], np.float32)


@dataclass(frozen=True)
class CropStatistics:
    """What of a crop no slider changes: worked out once, for `kept`.

    weight: (SIDE, SIDE, 1), where it says what colour the skin has; like: the same, but shining skin counts,
    too; told: (SIDE, SIDE, 2) a* and b* over L*.
    The rest is (H, H) in [0, 1], but for length, that of a* and b*: skin without eyes and mouth, eyes, both,
    how far the brightest channel is burnt, and pupils that the flash made red, None without any.
    """

    weight: Float
    like: Float
    told: Float
    bare: Float
    eyes: Float
    features: Float
    burnt: Float
    length: Float
    red: Float | None

    @classmethod
    def of(cls, components: Components) -> CropStatistics:
        """Look at the crop."""
        crop, lab = components.crop, components.lab
        size = crop.shape[1::-1]
        small, weight = to_lab(stretched(crop, SIDE)), skin_weight(components)
        alike = _alike(small, weight)
        eyes, mouth = _features(size)
        features = np.maximum(eyes, mouth)
        bare = cv2.resize(components.skin, size, interpolation=cv2.INTER_LINEAR) * (1 - features)
        return cls(
            np.asarray(weight * alike, np.float32),
            np.asarray(_unburnt_skin(components) * alike * _coloured(components, small, weight), np.float32),
            np.asarray(small[..., 1:] / np.maximum(small[..., :1], 10), np.float32),
            np.asarray(bare, np.float32),
            eyes,
            features,
            rise(brightest(crop), BURNT),
            chroma(planes(lab)[1:]),
            _red_pupils(lab, eyes, small[..., 1][weight[..., 0] > 0.5]),
        )


def _alike(lab: Float, weight: Float) -> Float:
    """(SIDE, SIDE, 1) in [0, 1]: 0 where what counts as skin is a beard, dark glasses or cloth.

    The skin's map is coarse; such things are darker than most of the skin, or of another hue.
    """
    some = weight[..., 0] > 0.5
    if some.sum() < 16:
        return np.ones_like(weight)
    bright = max(float(np.percentile(lab[..., 0][some], 70)), 1.0)
    light = rise(lab[..., :1] / bright, HAIRY)
    some &= lab[..., 0] > HAIRY[1] * bright
    if not some.any():  # black says nothing
        return np.zeros_like(weight)
    own = np.median(lab[..., 1:][some], axis=0)
    if np.hypot(*own) < NO_COLOUR:
        return np.asarray(light, np.float32)
    return np.asarray(light * like_hue(planes(lab)[1:], own)[..., None], np.float32)


def like_hue(colour: Float, skin: Float) -> Float:
    """Return how far a*, b* (2, h, w) have the hue of the skin's, (2,): (h, w) in [0, 1]; grey has none."""
    along = colour[0] * skin[0] + colour[1] * skin[1]
    cosine = along / (np.maximum(chroma(colour), NO_COLOUR) * np.hypot(*skin))
    return np.asarray(rise(cosine, OTHER_HUE), np.float32)


def _coloured(components: Components, lab: Float, weight: Float) -> Float:
    """(SIDE, SIDE, 1) in [0, 1]: 0 for what is pale though no shine made it so, such as grey hair."""
    length = chroma(planes(lab)[1:])[..., None]
    typical = float(np.median(length[weight > 0.5])) if (weight > 0.5).any() else 0.0
    colour = rise(length / max(typical, NO_COLOUR), GREY)
    return np.asarray(np.maximum(colour, _shining(components, SHINING / 4)), np.float32)


def _red_pupils(lab: Float, eyes: Float, skin: Float) -> Float | None:
    """Return where the flash shines red from the back of the eyes, (H, H) in [0, 1]; None where it does not.

    skin: a* of its places. Only a small, round spot is a pupil: make-up and lids are not.
    """
    if not len(skin):
        return None
    redness = rise((lab[..., 1] - np.median(skin)) * (eyes > 0.5), RED_EYE).astype(np.float32)
    count, labels, found, _ = cv2.connectedComponentsWithStats((redness > 0.5).astype(np.uint8))
    pupils = np.zeros_like(labels, np.uint8)
    for spot in range(1, count):
        *_, wide, high, area = found[spot]
        small = PUPIL[0] <= min(wide, high) and max(wide, high) <= min(PUPIL[1], 2 * min(wide, high))
        if small and area > wide * high / 2:
            pupils[labels == spot] = 1
    if not pupils.any():
        return None
    near = cv2.GaussianBlur(cv2.dilate(pupils, np.ones((5, 5), np.uint8)).astype(np.float32), (0, 0), 1)
    return np.asarray(near * np.maximum(redness, pupils), np.float32)


@functools.lru_cache(4)  # the same for every picture and every move of a slider
def _features(size: tuple[int, int]) -> tuple[Float, Float]:
    """Where eyes and where the mouth lie in a crop of this width and height."""
    eyes, mouth = _ellipses(*EYES), _ellipses(MOUTH)
    linear = cv2.INTER_LINEAR
    return (
        np.asarray(cv2.resize(eyes, size, interpolation=linear), np.float32),
        np.asarray(cv2.resize(mouth, size, interpolation=linear), np.float32),
    )


def _ellipses(*places: tuple[float, float, float, float]) -> Float:
    """(SIDE, SIDE): 1 within the ellipses, given in pixels of a 512 crop, 0 from one and a half times on."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) * (512 / SIDE)
    radii = [np.hypot((x - at_x) / wide, (y - at_y) / high) for at_x, at_y, wide, high in places]
    return smoothstep((1.5 - np.min(radii, axis=0)) / 0.5).astype(np.float32)
