"""The result as a stack of layers, one for each thing that was done, whose opacity is its slider.

The first picture is the photograph; each next one has one thing more done to it, in the order of `LAYERS`. A
layer holds what its picture has over the one before, added to a middle grey as the blend mode grain merge
wants it, and divided by its opacity. What rounding leaves of one layer goes into the next one. Under their
group's mask the layers are divided by it, so that what is left of them there is the single layer, whose
clipping and whose overlaps of faces a mask alone could not give: within one level of 8 bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Box, Settings

from .analysis import Analysis
from .blend import Reconstruction
from .colour import Float
from .corrections import Correction, make_corrections
from .crop import white_of
from .reach import Selection, affected
from .retouch import check_settings, chosen, left_alone
from .run import Progress, Run, never, silent

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
    """Return the sample that changes nothing under grain merge: half of the range (no whole number)."""
    return {"u1": 127.5, "u2": 32767.5}.get(dtype.str[1:], 0.5)


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
    check_settings(settings, selection)
    stack = _Stack(pixels, analysis, settings, selection, Run(progress, cancelled))
    for index, name in enumerate(LAYERS):
        above = [slider for names in list(LAYERS.values())[index + 1 :] for slider in names]
        share = opacity(name, settings)
        if share == 0 or not any(getattr(settings, slider) for slider in LAYERS[name]):
            continue
        nothing: dict[str, Any] = dict.fromkeys(above, 0.0)
        layer = stack.layer(replace(settings, **nothing), share)
        if layer is not None:
            yield Layer(name, share, stack.box, layer)


class _Stack:
    """What the layers so far add. box: where they all lie."""

    def __init__(
        self,
        pixels: NDArray[Any],
        analysis: Analysis,
        settings: Settings,
        selection: Selection | None,
        run: Run,
    ):
        self._pixels, self._analysis, self._run = pixels, analysis, run
        self._used = chosen(analysis.faces, settings, selection)
        self._selection = selection if settings.limit else None
        self._done: Float | None = None
        self._mask: NDArray[np.uint8] | None = None
        self.box = Box(0, 0, 1, 1)
        corrections = self._corrections(settings)
        box = affected(corrections, *analysis.size[::-1], self._selection)
        if box is not None:
            self.box = box
            self._done = np.zeros((box.height, box.width, analysis.space.channels), np.float32)
            if settings.mask:
                self._mask = self._reconstructed(corrections, True)[1]

    def layer(self, settings: Settings, share: float) -> NDArray[Any] | None:
        """Return what the picture has over the layers so far, as a layer; None if that rounds to nothing."""
        if self._done is None:
            return None
        corrections = self._corrections(settings)
        wanted, _ = self._reconstructed(corrections, False)
        if self._mask is not None:
            cover = self._mask[..., None]
            bare, _ = self._reconstructed(corrections, True)
            # Where nothing is seen, the layer is as under a white mask: one may paint there.
            np.divide(wanted, cover * np.float32(1 / 255), out=bare, where=cover > 0)
            wanted = bare
        wanted -= self._done
        wanted /= np.float32(share)
        kind, centre = self._pixels.dtype, np.float32(middle(self._pixels.dtype))
        if kind == np.float32:
            if not wanted.any():
                return None
            layer: NDArray[Any] = wanted + centre
        else:
            if not np.any(np.abs(wanted) > 0.5):
                return None
            # Of the two samples next to the middle the lower one: with it a picture rounds to itself.
            layer = np.clip(np.ceil(wanted + (centre - np.float32(0.5))), 0, white_of(self._pixels)).astype(
                kind
            )
        self._done += (layer.astype(np.float32) - centre) * np.float32(share)
        return layer

    def _corrections(self, settings: Settings) -> list[Correction]:
        return (
            []
            if settings.does_nothing
            else make_corrections(self._pixels, self._analysis, settings, self._used, self._run)
        )

    def _reconstructed(
        self, corrections: list[Correction], mask: bool
    ) -> tuple[Float, NDArray[np.uint8] | None]:
        """Return what the corrections add over the box, and their mask."""
        space = self._analysis.space
        difference = np.zeros((self.box.height, self.box.width, space.channels), np.float32)
        work = Reconstruction(
            self._pixels,
            space.channels,
            space.linear,
            corrections,
            self.box,
            self._selection,
            left_alone(self._analysis, self._used),
            mask,
            difference,
        )
        work.run(self._run.cancelled, lambda share: self._run.progress("reconstruct", share))
        self._run.check()
        return difference, work.mask
