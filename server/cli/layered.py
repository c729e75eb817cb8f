"""``retouch -o NAME.ora``: the photograph, and above it a layer for each thing that was done.

Of the blend modes that GIMP and Krita both know by OpenRaster's names only hard light lightens and darkens
and means the same in both. The server's parts, which are differences, become such layers here, each with the
person's matte as its alpha and its slider as its opacity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.retouching import LAYERS
from plugin.studio_portrait.link.wire import Box, Settings

from ..files.errors import PictureError
from ..files.openraster import HARD_LIGHT, Layer
from ..files.picture import Picture, Samples
from ..remote.sending import OpenPicture, RenderedPicture

NAMES: Final = dict(zip(LAYERS, ("Shine", "Light", "Colour", "Warmth and brightness"), strict=True))
SIXTEEN: Final = 65535
_ROWS: Final = 256  # at a time: what is worked on are floats
CONVERTED = "The colours were converted to sRGB, as OpenRaster wants them."

Float = NDArray[np.float32]


def sixteen_bit(picture: Picture) -> tuple[NDArray[np.uint16], tuple[str, ...]]:
    """Convert to (H, W, 3 or 4) uint16 sRGB, upright, and say what that loses. Raises `PictureError`."""
    pixels = picture.pixels
    colours = 3 if pixels.shape[2] >= 3 else 1
    alpha = pixels.shape[2] > colours
    white = np.float32(1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)
    icc = None if _is_srgb(picture.icc, colours) else picture.icc
    out = np.empty((*pixels.shape[:2], 3 + alpha), np.uint16)
    for rows in _strips(len(pixels)):
        part = pixels[rows].astype(np.float32) / white
        srgb = _to_srgb(part[..., :colours], icc)
        whole = np.concatenate([srgb, part[..., colours:]], -1) if alpha else srgb
        out[rows] = np.rint(np.clip(whole, 0, 1) * SIXTEEN)
    return out, () if icc is None else (CONVERTED,)


def _is_srgb(icc: bytes | None, colours: int) -> bool:
    """Whether the profile is sRGB's under some name: less than half an 8-bit level away."""
    if icc is None:
        return True
    steps = np.linspace(0, 1, 5, dtype=np.float32)
    grid = np.stack(np.meshgrid(*[steps] * colours, indexing="ij"), -1).reshape(1, -1, colours)
    return bool(np.abs(_to_srgb(grid, icc) - grid).max() < 0.5 / 255)


def _to_srgb(samples: Float, icc: bytes | None) -> Float:
    """(H, W, 1 or 3) as the profile has it -> (H, W, 3); through LittleCMS, as in `server.imaging.colour`."""
    if icc is None:
        return np.broadcast_to(samples, (*samples.shape[:2], 3))
    grey = samples.shape[2] == 1
    given = np.ascontiguousarray(samples[..., 0] if grey else samples)
    spaces: dict[str, Any] = {
        "colorspace": "gray" if grey else "rgb",
        "outcolorspace": "rgb",
        "outdtype": "f4",
    }
    try:
        found = imagecodecs.cms_transform(given, icc, imagecodecs.cms_profile("srgb"), **spaces)
        return np.asarray(found, np.float32)
    except (imagecodecs.CmsError, ValueError, TypeError, RuntimeError):
        hint = "Convert the picture to sRGB in an image editor."
        raise PictureError("bad-image", "The picture's colour profile is broken.", hint) from None


def stack(
    photo: NDArray[np.uint16],
    name: str,
    work: OpenPicture,
    settings: Settings,
    deep: bool,
    step: Callable[[float], None],
) -> list[Layer]:
    """Make the layers, from the top down to the photograph. deep: 16 bit. step(share): as it goes on."""
    parts: dict[str, RenderedPicture] = {}
    for number, part in enumerate(LAYERS):
        rendered = work.render(replace(settings, mask=True), part)
        if rendered.header["box"] is not None:
            parts[part] = rendered
        step((number + 1) / len(LAYERS))
    shown = in_depth(photo, np.uint16 if deep else np.uint8)
    return [*_over(photo, shown, parts), Layer(name, shown)]


def _over(photo: NDArray[np.uint16], shown: Samples, parts: dict[str, RenderedPicture]) -> list[Layer]:
    """Make the layers above the photograph, from the top down."""
    layers: list[Layer] = []
    if parts:
        box = Box(**next(iter(parts.values())).header["box"])  # the same of all
        below = _Backdrop(photo, shown, box)
        for part, rendered in parts.items():
            opacity = float(rendered.header["opacity"])
            above = below.above(rendered, opacity)
            layers.insert(0, Layer(NAMES[part], above, box.x, box.y, opacity, HARD_LIGHT))
    return layers


def in_depth(pixels: NDArray[np.uint16], dtype: Any) -> Samples:
    """Round the samples to uint8 or uint16."""
    rounded: Samples = np.rint(pixels * np.float32(np.iinfo(dtype).max / SIXTEEN)).astype(dtype)
    return rounded


class _Backdrop:
    """What the layers so far look like over `box`, as a program sees it that adds them up."""

    def __init__(self, photo: NDArray[np.uint16], shown: Samples, box: Box):
        place = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        self._box = box
        self._white = np.float32(np.iinfo(shown.dtype).max)
        self._dtype = shown.dtype
        self._alpha = shown[place][..., 3:] / self._white if shown.shape[2] == 4 else None
        self._shown = np.asarray(shown[place][..., :3] / self._white, np.float32)
        self._wanted = np.asarray(photo[place][..., :3] / np.float32(SIXTEEN), np.float32)

    def above(self, rendered: RenderedPicture, opacity: float) -> Samples:
        """Make the next layer, (box height, box width, 4), of a part from the server."""
        box = self._box
        out = np.empty((box.height, box.width, 4), self._dtype)
        for rows in _strips(box.height):
            there = np.s_[box.y + rows.start : box.y + rows.stop, box.x : box.x + box.width]
            cover = rendered.mask[there][..., None] / np.float32(255)
            added = rendered.pixels[there][..., :3] / np.float32(SIXTEEN) - np.float32(0.5)
            shown, wanted = self._shown[rows], self._wanted[rows]
            wanted += cover * np.float32(opacity) * added
            cover = np.where(cover > 0, np.maximum(cover, _least(shown, wanted, opacity)), np.float32(0))
            share = cover * np.float32(opacity)
            np.divide(wanted - shown, share, out=added, where=cover > 0)
            layer = _hard_light_layer(shown, np.clip(shown + added, 0, 1), self._white)
            shown += share * (hard_light(shown, layer / self._white) - shown)
            alpha = cover if self._alpha is None else cover * self._alpha[rows]
            out[rows] = np.concatenate([layer, np.rint(alpha * self._white)], -1)
        return out


def _least(below: Float, wanted: Float, opacity: float) -> Float:
    """Find the alpha, (rows, columns, 1) of 1/255s, below which no layer turns `below` into `wanted`."""
    change = np.clip(wanted, 0, 1) - below
    room = np.where(change > 0, 1 - below, below)
    least = np.max(np.abs(change) / np.maximum(room, 1e-6), -1, keepdims=True)
    return np.asarray(np.ceil(np.clip(least / opacity, 0, 1) * 255) / 255, np.float32)


def hard_light(below: Float, layer: Float) -> Float:
    """Blend samples 0..1."""
    darker, lighter = 2 * below * layer, 1 - 2 * (1 - below) * (1 - layer)
    return np.asarray(np.where(layer <= 0.5, darker, lighter), np.float32)


def _hard_light_layer(below: Float, target: Float, white: np.float32) -> Float:
    """Find the whole samples 0..white of a layer that turns `below` into `target` as nearly as can be."""
    tiny = np.float32(1e-6)
    darker = np.where(below > 0, target / np.maximum(below, tiny), 1)
    lighter = np.where(below < 1, 1 + (target - below) / np.maximum(1 - below, tiny), 1)
    low = np.floor(np.where(target <= below, darker, lighter) * (white / 2))
    high = np.minimum(low + 1, white)
    off = [np.abs(hard_light(below, np.asarray(layer / white)) - target) for layer in (low, high)]
    return np.asarray(np.where(off[0] <= off[1], low, high), np.float32)


def _strips(height: int) -> Iterator[slice]:
    for top in range(0, height, _ROWS):
        yield slice(top, min(height, top + _ROWS))
