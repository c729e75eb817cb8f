"""Colour casts: made by the light where skin cannot be like that, and only there taken out of a person.

Pale and greenish (flashes of LEDs) or bluish, skin gets a network's correction, gains in linear light over
all of the person. Where it is purple, hues like the skin's are turned: white cloth and teeth stay white.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from model.inference.components import Components, stretched
from model.paper.colour import decode_srgb
from model.smoothstep import rise, smoothstep

from .colour import Float
from .lab import average, chroma, planes, to_lab
from .skin import NO_COLOUR, SIDE, like_hue, skin_weight

# CIE a* (green) and b* (blue) of the skin: below the first a cast is certain, above the second it is not.
GREENISH: Final = (5.0, 9.0)
BLUISH: Final = (2.0, 6.0)
# Hue of the skin, degrees from a* towards b*: up to the second it is too purple for any skin, and a cast is
# certain; from the first on it is not (of 718 studio portraits one in a hundred is below 37, only two are
# below 34). And the most degrees by which it is turned: shoulders beyond the crop are not.
PURPLE: Final = (42.0, 24.0)
TURNED: Final = 10.0
# Share of the skin's weakest channel in its strongest one, linear light, below which no white balance was
# wrong: light of one colour, as on a stage, leaves nothing to be raised but noise.
STAGE: Final = (0.05, 0.12)
CAUTION: Final = 0.6  # share of a certain cast that is taken out, and of the colour that burnt skin gets


def certainty(components: Components) -> float:
    """How certain it is that the light, and not the skin, made the person's colour: 0..1."""
    weight, small = skin_weight(components), to_lab(stretched(components.crop, SIDE))
    # A black-and-white photograph is pale as well, and no light made it so.
    if weight.sum() < 1 or np.percentile(chroma(planes(small)[1:]), 95) < NO_COLOUR:
        return 0.0
    _, a, b = average(small, weight)
    shares = [
        float(np.clip((least - value) / (least - sure), 0, 1))
        for value, (sure, least) in ((a, GREENISH), (b, BLUISH))
    ]
    return float(smoothstep(np.array(max(shares))) * _white(components, weight))


def _white(components: Components, weight: Float) -> float:
    """Return how far the light may have been white, 0..1: light of one colour leaves nothing to be raised."""
    light = average(decode_srgb(stretched(components.crop, SIDE)), weight)
    return float(rise(light.min() / max(float(light.max()), 1e-6), STAGE))


def purple(components: Components, weight: Float, skin: Float, tint: Float | float) -> float:
    """Return the angle in radians by which the hue of purple skin has to turn; 0 for any other.

    weight: the crop's `skin_weight`. skin: (3, N) L*, a*, b* of some of its places. tint: (3,) log-gains in
    linear light that skin will get besides: what they take out, or a series has decided, needs no turn.
    """
    colour = cv2.cvtColor(np.median(skin, axis=1).reshape(1, 1, 3), cv2.COLOR_Lab2LRGB) * np.exp(tint)
    _, a, b = cv2.cvtColor(np.asarray(colour.clip(0, 1), np.float32), cv2.COLOR_LRGB2Lab)[0, 0]
    hue = float(np.degrees(np.arctan2(b, a)))
    if np.hypot(a, b) < NO_COLOUR or hue < -90:  # of a hue that no skin comes near
        return 0.0
    share = CAUTION * float(rise(hue, PURPLE))
    share *= _white(components, weight) if share else 0
    return float(np.radians(min(share * (PURPLE[0] - hue), TURNED)))


def turned(colour: Float, skin: Float, angle: Float) -> Float:
    """Turn the hue of a*, b* (2, h, w) by angles (h, w), as far as it is like that of the skin's, (2,)."""
    turn = angle * like_hue(colour, skin)
    sine, cosine = np.sin(turn), np.cos(turn)
    return np.stack([cosine * colour[0] - sine * colour[1], sine * colour[0] + cosine * colour[1]])
