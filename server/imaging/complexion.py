"""One decision about a person's colour: leave it alone, unless a cast is certain.

Skin tone and exposure cannot be told apart in one photograph, and a client forgives shine that stays, never a
changed complexion. Of what a network changes only lightness is therefore taken; colour (CIE a*, b*) stays the
photograph's, but for places that shine has washed out and for blotches, which come nearer to the colour of
most of the skin. Only where skin cannot be like that, pale and greenish (flashes of LEDs) or bluish, the
average is a correction (`casts`).
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.inference.components import Components, stretched
from model.inference.strips import in_strips
from model.paper.colour import LUMINANCE, decode_srgb, encode_srgb
from model.smoothstep import rise, smoothstep

from . import casts
from .casts import CAUTION
from .colour import Float
from .lab import average, chroma, planes, to_lab
from .skin import SIDE, CropStatistics

SMOOTH: Final = 8.0  # pixels at `SIDE`: sigma of what counts as near
FAINT: Final = 0.2  # weight of the average among the skin that is near
EDGE: Final = 2.0  # pixels of the crop: sigma over which the shine's removal is looked at
WASHED: Final = 6.0  # L* taken away from which the place has lost its colour to the shine
# The share of a red pupil's L* that stays.
BLACK: Final = 0.35
MORE: Final = 4.0  # times what shine has washed out of a place comes back: some shine is always left
FADED: Final = 4.0  # C* that a place must lack before it gets the colour of the skin near by in full
EXPOSED: Final = 0.08  # log-gain beyond what shine took,
MOST: Final = 0.12  # and of both together
DARK_MORE: Final = 0.5  # share of that which dark skin gets on top: it looks dull sooner
FULL: Final = 0.6  # of the sliders for shine and light: from here on the exposure is the studio's
SOFT: Final = 0.3  # share of the highlights' light that comes back as a broad, soft highlight
BROAD: Final = 6.0  # pixels at `SIDE`: its sigma
RICHER: Final = 0.15  # share of the exposure that colour gets
LIGHT_FACE: Final = (64.0, 74.0)  # L* of the skin: from the first on it gets less, from the second none
# C* of the skin, and L* above which it counts: who is rich in colour and not dark has light enough.
RICH: Final = (25.0, 31.0)
NOT_DARK: Final = (48.0, 56.0)
# Share by which what is darker, and what is lighter, than most of the skin moves away from it.
DEEPER: Final = 0.4
LIGHTER: Final = 0.1
# L* above most of the skin from which light on it is still shine, and the share of that which goes.
GLOSSY: Final = 8.0
MATTE: Final = 0.35
WHITE: Final = 8.0  # L* below 100 from which on a place is not white
# A flash shows every blotch: the share by which skin moves to the colour of most of it; pixels at `SIDE`, the
# sigma over which a colour is looked at; and the a*, b* of that way which count at most.
EVENER: Final = 0.75
BLOTCH: Final = 3.0
BLOTCHED: Final = 8.0
# Frontal light leaves skin rich in colour: the share that it loses, and the median C* between which it does;
# the share of a* that ruddy skin loses, and its hue, in degrees from a* towards b*; and the L* up to which
# skin loses nothing: brown and dark skin is rich in colour by itself.
CALMER: Final = 0.08
TOO_RICH: Final = (24.0, 32.0)
PALER: Final = 0.06
RUDDY: Final = (50.0, 38.0)
NOT_BROWN: Final = (56.0, 66.0)
# Pale skin looks grey, above all without its shine: the shares of a* and b* that it gains, and the median C*
# up to which it gains them in full, and from which on nothing.
WARMER: Final = (0.07, 0.13)
PALE: Final = (16.0, 23.0)
DARK_WARMER: Final = (0.03, 0.06)  # the least that dark skin gains
BRIGHTNESS: Final = 0.7  # log-gain of the luminance at brightness 1: a factor of 2
WARMTH: Final = np.array([0.14, 0.0, -0.30], np.float32)  # log-gains of R, G, B at warmth 1, before luminance


def kept(
    components: Components,
    out: Float,
    shine: float = 0,
    light: float = 0,
    colour: float = 0,
    seen: CropStatistics | None = None,
    tint: Float | float = 0.0,
) -> Float:
    """`out`, BL(o) as predicted without the colour component, with the colours of BL(x).

    Lightness is the prediction's. Colour (CIE a*, b*) is the photograph's under that light, so that face,
    neck and hands stay one person: more light on a place is more of its colour, else lifted shadows turn
    ashen; shine is white light on top of it, and what is left when that is subtracted is the skin's. That
    makes no place more saturated than the dull skin near by, whose colour burnt places get, in proportion to
    their lightness; none gets darker than that skin, and eyes stay as they were.

    Where both sliders take part, the person is lit as in a studio: more light, for the highlights that were
    taken a broad, soft one, and the form that a light beside the lens has flattened, without its gloss. With
    the slider for colour, too, blotches are evened out, who is too rich in colour, or ruddy, is calmed, and
    purple skin gets the hue of skin.

    out: (H, H, 3) sRGB in [0, 1], upright as `components.crop`. shine, light: the settings that `out` was
    made with. colour: that slider's share of its default. seen: of these components, if at hand. tint: (3,)
    log-gains that the person gets besides. Returns the same shape; `out` itself where no skin says what its
    colour is.
    """
    seen = seen or CropStatistics.of(components)
    if seen.weight.sum() < 1:
        return out
    height, width = out.shape[:2]
    before = components.lab
    after = np.empty((3, height, width), np.float32)  # L*, a*, b*: channels apart are quicker
    taken = np.empty((height, width), np.float32)

    def predicted(rows: slice) -> None:
        lab = to_lab(out[rows])
        for channel in range(3):
            plane, was = lab[..., channel], before[rows, :, channel]
            after[channel, rows] = plane + seen.eyes[rows] * (was - plane)
        np.subtract(before[rows, :, 0], after[0, rows], out=taken[rows])

    in_strips(height, predicted)
    edge = np.asarray(cv2.GaussianBlur(taken, (0, 0), EDGE), np.float32)
    near = cv2.resize(_near(seen, out), (width, height), interpolation=cv2.INTER_LINEAR)
    gain = np.float32(light) * stretched(components.light, width)[..., 0]
    studio = min(shine, light, FULL) / FULL
    broad = _broad(np.maximum(taken, 0) * seen.bare) if studio else taken

    def coloured(rows: slice) -> None:
        was, features, bare = planes(before[rows]), seen.features[rows], seen.bare[rows]
        like, lightest = np.stack([near[rows, :, 0], near[rows, :, 1]]), near[rows, :, 2]
        lightness = after[0, rows]
        washed = bare * smoothstep(edge[rows] * np.float32(1 / WASHED))
        lightness += washed * np.maximum(np.minimum(was[0], lightest) - lightness, 0)
        if studio:
            lightness += np.float32(SOFT * studio) * bare * broad[rows]
        own = _without_shine(components.linear[rows], lightness, gain[rows])
        # Shine that is left is not skin: it counts as no lightness beyond that of the skin near by.
        like *= np.minimum(lightness, lightest)
        length, most = chroma(own), chroma(like)
        # Only a place that has less colour than the skin near by gets that colour, never one that has more.
        lacking = np.maximum(most - length, 0)
        share = washed * np.clip(MORE * (length - seen.length[rows]) / np.maximum(lacking, 1e-3), 0, 1)
        share *= smoothstep(lacking * np.float32(1 / FADED))
        own *= np.minimum(1, np.maximum(seen.length[rows], most) / np.maximum(length, 1e-3))
        own += features * (was[1:] - own)  # painted, or not skin at all
        share = np.maximum(share, np.float32(CAUTION) * washed * seen.burnt[rows])
        after[1:, rows] = own + share * (like - own)

    in_strips(height, coloured)
    some = seen.bare[::4, ::4] > 0.5  # a sixteenth of the skin says what it is like as a whole
    skin = after[:, ::4, ::4][:, some]
    studio = studio if skin.shape[1] >= 16 else 0
    factor = np.float32(np.exp(_exposure(skin, before[::4, ::4, 0][some]) * studio / 3)) if studio else 1
    middle = float((np.median(skin[0]) + 16) * factor - 16) if studio else 0.0
    calmer = np.float32(studio * colour) * _too_much(skin) if studio else np.zeros(2, np.float32)
    turn = studio * colour * casts.purple(components, seen.weight, skin, tint) if studio and colour else 0
    hue = np.median(skin[1:], axis=1) if turn else None
    blotches = np.float32(EVENER * studio * colour) * _blotches(after, seen) if studio and colour else None
    result = np.empty_like(out)

    def exposed(rows: slice) -> None:
        lab = after[:, rows]
        if blotches is not None:
            lab[1:] -= blotches[:, rows] * seen.bare[rows]
        if factor != 1:
            lab[0] = (lab[0] + 16) * factor - 16
            # Lightness alone looks grey, above all on dark skin; with all of its colour skin looks red.
            lab[1:] *= factor**RICHER
        if studio:
            gloss = _gloss(lab[0], middle) * seen.bare[rows]
            lab[0] += np.float32(studio) * (_form(lab[0], middle) - np.float32(MATTE) * gloss)
        if seen.red is not None and shine:
            gone = min(shine / FULL, 1) * seen.red[rows]
            lab[0] *= 1 - (1 - BLACK) * gone
            lab[1:] *= 1 - gone
        if calmer.any():
            lab[1:] *= 1 - calmer[:, None, None] * (1 - seen.features[rows])
        if hue is not None:
            lab[1:] = casts.turned(lab[1:], hue, np.float32(turn) * (1 - seen.features[rows]))
        result[rows] = cv2.cvtColor(cv2.merge(list(lab)), cv2.COLOR_Lab2RGB).clip(0, 1)

    in_strips(height, exposed)
    return result


def _broad(taken: Float) -> Float:
    """Spread L* (H, H) that was taken from highlights: a studio's light is large, and so is its highlight."""
    small = cv2.resize(taken, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), BROAD)
    return np.asarray(cv2.resize(wide, taken.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _exposure(skin: Float, before: Float) -> float:
    """Return the log-gain in linear light by which a studio would expose the person more.

    A camera exposes for the highlights: without their shine a dark face is too dark, and looks dull. The
    brightest skin gets as bright as it was with shine, and a little brighter. A face that is light or
    rich in colour already gets less of that, or none.
    skin: (3, N) L*, a*, b*. before: (N,) L* of the same places in the photograph.
    """
    now, median = np.percentile(skin[0], (95, 50))
    dim, bright = LIGHT_FACE
    lost = 3 * float(np.log((np.percentile(before, 95) + 16) / (now + 16)))
    richness = float(np.median(chroma(skin[1:])))
    light = float(rise(median, NOT_DARK))
    room = float(np.clip((bright - median) / (bright - dim), 0, 1)) * (
        1 - float(rise(richness, RICH)) * light
    )
    more = 1 + DARK_MORE * (1 - light)
    return room * min(max(lost, 0.0) + EXPOSED * more, MOST * more)


def _too_much(skin: Float) -> Float:
    """Return the share of a* and b*, (2,), that is too much; below 0: lacks. skin: (3, N) L*, a*, b*."""
    lightness, a, b = np.median(skin, axis=1)
    lacking = np.array(WARMER, np.float32) * np.float32(1 - rise(np.hypot(a, b), PALE))
    rich = CALMER * float(rise(np.hypot(a, b), TOO_RICH))
    ruddy = PALER * float(rise(np.degrees(np.arctan2(b, a)), RUDDY))
    # Dark skin is rich in colour by itself, and soon looks ashen.
    light = np.float32(rise(lightness, NOT_DARK))
    calm = np.float32(rise(lightness, NOT_BROWN))
    lacking = np.maximum(lacking, (1 - light) * np.array(DARK_WARMER, np.float32))
    return np.asarray(np.array([rich + ruddy, rich], np.float32) * calm - lacking, np.float32)


def _form(lightness: Float, middle: float) -> Float:
    """Return how much darker and lighter than the skin's middle L* its places become, (h, w).

    A flash beside the lens leaves no form: a studio's light comes from one side. Black and white stay.
    """
    at = np.float32(np.clip(middle, 1, 99))
    darker = np.minimum(lightness - at, 0) * np.clip(lightness / at, 0, 1)
    lighter = np.maximum(lightness - at, 0) * np.clip((100 - lightness) / (100 - at), 0, 1)
    return np.asarray(np.float32(DEEPER) * darker + np.float32(LIGHTER) * lighter, np.float32)


def _gloss(lightness: Float, middle: float) -> Float:
    """Return by how much L* (h, w) is beyond that of skin without shine; 0 for white, which is no skin."""
    over = np.maximum(lightness - np.float32(middle + GLOSSY), 0)
    return np.asarray(over * np.clip((100 - lightness) / np.float32(WHITE), 0, 1), np.float32)


def _blotches(after: Float, seen: CropStatistics) -> Float:
    """Return how far a* and b* of the skin near by are from those of most skin; (3, H, W) -> (2, H, W)."""
    small = cv2.merge([cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for plane in after[1:]])
    some = seen.weight[..., 0] > 0.5
    if some.sum() < 16:
        return np.zeros((2, *after.shape[1:]), np.float32)
    off = np.concatenate([(small - np.median(small[some], axis=0)) * seen.like, seen.like], -1)
    summed = cv2.GaussianBlur(np.asarray(off, np.float32), (0, 0), BLOTCH)
    near = np.clip(summed[..., :2] / (summed[..., 2:] + FAINT / 2), -BLOTCHED, BLOTCHED)
    near *= np.clip(2 * summed[..., 2:], 0, 1)  # hair, a beard and whatever lies on the skin are left alone
    return planes(cv2.resize(near, after.shape[:0:-1], interpolation=cv2.INTER_LINEAR))


def _without_shine(linear: Float, lightness: Float, gain: Float) -> Float:
    """Return a*, b* (2, h, w) of linear light (h, w, 3) that a gain and white light give this L* (h, w)."""
    value = planes(linear) * np.exp(gain)
    now = np.maximum(_luminance(value), np.float32(1e-4))
    root = (lightness + np.float32(16)) * np.float32(1 / 116)
    wanted = np.where(root > 6 / 29, root * root * root, (root - np.float32(4 / 29)) * np.float32(108 / 841))
    value *= np.maximum(wanted / now, 1)
    value -= np.maximum(now - wanted, 0)
    lab = cv2.cvtColor(cv2.merge(list(np.clip(value, 0, 1, out=value))), cv2.COLOR_LRGB2Lab)
    return planes(lab)[1:]


def _luminance(planes: Float) -> Float:
    """(3, h, w) linear light -> (h, w)."""
    red, green, blue = LUMINANCE
    return np.asarray(red * planes[0] + green * planes[1] + blue * planes[2], np.float32)


def _near(seen: CropStatistics, out: Float) -> Float:
    """(SIDE, SIDE, 3): a* and b* over L*, and `out`'s L*, of the skin without shine around each place."""
    told = np.concatenate([seen.told, to_lab(stretched(out, SIDE))[..., :1]], -1)
    middle, weight = average(told, seen.weight), seen.weight
    summed = cv2.GaussianBlur(np.concatenate([(told - middle) * weight, weight], -1), (0, 0), SMOOTH)
    # Where no such skin is near, the middle holds.
    return np.asarray(middle + summed[..., :3] / (summed[..., 3:] + FAINT), np.float32)


def gains(colour: NDArray[Any], warmth: float, brightness: float) -> tuple[Float, float]:
    """Log-gains (3,) that leave the luminance, and the log-gain of the luminance."""
    return np.asarray(colour + np.float32(warmth) * WARMTH, np.float32), BRIGHTNESS * brightness


def tinted(image: Float, tint: Float, exposure: float) -> Float:
    """(H, W, 3) sRGB in [0, 1] under gains of colour and of luminance, each without the other's effect."""
    if not tint.any() and not exposure:
        return image
    result = np.empty_like(image)
    factor = np.float32(np.exp(exposure))

    def lit(rows: slice) -> None:
        value = planes(decode_srgb(image[rows]))
        if tint.any():
            before = _luminance(value)
            value *= np.exp(tint)[:, None, None]
            value *= before / np.maximum(_luminance(value), 1e-6)
        result[rows] = cv2.merge(list(encode_srgb((value * factor).clip(0, 1))))

    in_strips(len(image), lit)
    return result
