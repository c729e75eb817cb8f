"""The result as a stack of layers, one for each thing that was done, whose opacity is its slider.

The first picture is the photograph; each next one has one thing more done to it, in the order of `LAYERS`. A
layer holds what its picture has over the one before, added to a middle grey as the blend mode grain merge
wants it, and divided by its opacity. What rounding leaves of one layer goes into the next one, so that
photograph and layers add up to the single layer within one level of 8 bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Box, Settings

from .analysis import Analysis
from .blend import Selection
from .crop import white_of
from .retouch import render
from .run import Progress, never, silent

# Names from the bottom up, and the sliders that belong to each; tone is the user's own warmth and brightness.
LAYERS: Final = {
    "shine": ("shine",),
    "light": ("light",),
    "colour": ("colour",),
    "tone": ("warmth", "brightness"),
}


@dataclass(frozen=True)
class Layer:
    """name: of `LAYERS`. opacity: 0..1. box: where it lies. pixels: (height, width, C) of it, no alpha."""

    name: str
    opacity: float
    box: Box
    pixels: NDArray[Any]


def middle(dtype: np.dtype[Any]) -> float:
    """Return the sample that changes nothing under grain merge: 128, 32768, or 0.5."""
    return {"u1": 128.0, "u2": 32768.0}.get(dtype.str[1:], 0.5)


def opacity(name: str, settings: Settings) -> float:
    """Return a layer's opacity: its slider times the strength; the tone's is the strength."""
    slider = getattr(settings, name) if name in ("shine", "light", "colour") else 1.0
    return float(slider * settings.strength)


def layers(
    pixels: NDArray[Any],
    analysis: Analysis,
    settings: Settings,
    *,
    selection: Selection | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Layer]:
    """Yield the layers from the bottom up; those that change nothing are left out.

    pixels: the analysed picture, which stays as it is. With ``settings.mask`` the feather and the matte are
    left out of them all: as the mask of their group they are `render`'s. Raises as `render`.
    """
    colours = analysis.space.channels
    centre = middle(pixels.dtype)
    done: NDArray[np.float32] | None = None  # what the layers below have added
    for index, name in enumerate(LAYERS):
        above = [slider for names in list(LAYERS.values())[index + 1 :] for slider in names]
        share = opacity(name, settings)
        if share == 0 or not any(getattr(settings, slider) for slider in LAYERS[name]):
            continue
        nothing: dict[str, Any] = dict.fromkeys(above, 0.0)
        so_far = replace(settings, **nothing)
        picture = pixels.copy()
        result = render(
            picture, analysis, so_far, selection=selection, progress=progress, cancelled=cancelled
        )
        if result.box is None:
            continue
        box = result.box
        place = np.s_[box.y : box.y + box.height, box.x : box.x + box.width, :colours]
        whole = np.zeros(pixels.shape[:2] + (colours,), np.float32) if done is None else done
        difference = picture[place].astype(np.float32) - pixels[place] - whole[place]
        layer = difference / np.float32(share) + np.float32(centre)
        if pixels.dtype != np.float32:
            layer = np.clip(np.rint(layer), 0, white_of(pixels))
        layer = layer.astype(pixels.dtype)
        whole[place] += (layer.astype(np.float32) - np.float32(centre)) * np.float32(share)
        done = whole
        if not np.all(layer == layer.dtype.type(centre)):
            yield Layer(name, share, box, layer)
