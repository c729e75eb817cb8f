"""From components and settings to what is to be subtracted from the picture, at low resolution.

The only place where settings meet components: the full-size step, previews and layers all read its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.inference.components import difference, stretched
from model.inference.rendering import Place, Rendering
from model.paper.colour import luminance
from plugin.studio_portrait.link.sliders import SLIDERS
from plugin.studio_portrait.link.wire import Settings

from . import casts, complexion, skin
from .analysis import Analysis, Part
from .colour import ColourSpace, Float
from .crop import SIZE, face_oval, rim
from .lift import Grid, guided_coefficients, guided_matte, windows_of
from .run import Run

GREY = 1 / 255  # difference of channels up to which a picture has no colour


@dataclass(frozen=True)
class Painted:
    """A painter's change, which it computes for rows of any size. strength: 0..1."""

    rendering: Rendering
    space: ColourSpace
    strength: float
    grid: Grid

    def difference(self, working: Float, top: float, left: float, step: float = 1) -> Float:
        """Return what to subtract from (rows, columns, C), working encoding, at the picture's top, left.

        step: how many of the picture's pixels one of the samples stands for.
        """
        place = Place((top - self.grid.y) / step, (left - self.grid.x) / step, self.grid.side / step)
        srgb = self.space.to_srgb(working)
        shown = np.clip(srgb, 0, 1)
        change = (shown - self.rendering.rows(shown, place)) * np.float32(self.strength)
        if not self.space.is_srgb:
            # Both ends are converted alike, so that what a profile rounds or clips cancels.
            return self.space.from_srgb(srgb) - self.space.from_srgb(srgb - change)
        return self.space.from_srgb(change)


@dataclass(frozen=True)
class Correction:
    """What is to be changed over one square, in the form that is read at any size.

    Of the picture x, working encoding, ``slope * x + offset`` is to be subtracted, times the matte
    ``clip(matte_slope * grey + matte_offset, 0, 1)``. All are (S, S, C) or (S, S, 1) over `grid`. matte: None
    where it is 1 everywhere. frame: this is the whole picture's, which only counts where no face's does.
    painted: to be subtracted as well, under the same matte.
    """

    grid: Grid
    slope: Float
    offset: Float
    matte: tuple[Float, Float] | None = None
    frame: bool = False
    painted: Painted | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is to be subtracted at all."""
        return self.painted is not None or bool(self.slope.any() or self.offset.any())


def make_corrections(
    pixels: NDArray[Any], analysis: Analysis, settings: Settings, used: Sequence[int], run: Run
) -> list[Correction]:
    """Return the corrections of the faces `used` and, for reach ``frame``, of the whole picture."""
    parts = analysis.parts(pixels, used, run)
    with run.stage("reconstruct"):
        corrections = [_of_part(part, analysis, settings) for part in parts]
        if settings.reach == "frame":
            corrections += _of_frame(pixels, analysis, settings, parts)
    return corrections


def _of_part(part: Part, analysis: Analysis, settings: Settings) -> Correction:
    found = part.components
    assert found is not None
    space, guide = analysis.space, np.clip(part.guide, 0, 1)
    change = _change(part, analysis, settings)
    painted = None
    # A painter has a full-size answer of its own, all sliders at 1, for squares along the picture's rows; on
    # a face that is rolled between these, its change is lifted like every network's.
    if found.rendering is not None and part.angle % 90 == 0:
        painted = Painted(found.rendering.turned(-part.grid.turns), space, settings.strength, part.grid)
        whole = analysis.once(f"whole {part.grid}", None, lambda: difference(found))  # of no slider
        change = change - np.float32(settings.strength) * whole
    known = analysis.once(f"windows {part.grid}", None, lambda: windows_of(guide))
    coloured = bool(settings.warmth) or found.rendering is not None  # it is asked for
    change = _in_working(part.guide, part.back(change), space, coloured)
    slope, offset = guided_coefficients(guide, change, known)
    # The same for every move of a slider.
    matte = analysis.once(f"matte {part.grid}", settings.reach, lambda: _matte(part, guide, settings.reach))
    return Correction(part.grid, slope, offset, matte, painted=painted)


def _change(part: Part, analysis: Analysis, settings: Settings) -> Float:
    """Return what is to be subtracted from the upright crop, (512, 512, 3) sRGB, strength included."""
    found = part.components
    assert found is not None
    painted = found.rendering is not None
    # Where there is no shine, only rounding would be left of it.
    shine = settings.shine if painted or found.shine.any() or found.fill.any() else 0.0
    # A painter's colours are what it was chosen for, such as those of a reference portrait: no caution there.
    colour = min(1.0, settings.colour / SLIDERS["colour"].default)
    change = difference(found, shine=shine, light=settings.light, colour=colour if painted else 0.0)
    out = found.crop - change
    np.clip(out, 0, 1, out=out)  # in place: a new array costs more than what is computed
    after, decided = out, _decided(part, settings)
    if not painted and (settings.shine or settings.light):
        seen = analysis.once(f"seen {part.grid}", None, lambda: skin.CropStatistics.of(found))
        after = complexion.kept(found, out, settings.shine, settings.light, colour, seen, decided)
    tint, exposure = complexion.gains(decided, settings.warmth, settings.brightness)
    after = complexion.tinted(after, tint, exposure)
    if after is not out:
        change += out
        change -= after
    change *= np.float32(settings.strength)
    return change


def _decided(part: Part, settings: Settings) -> Float:
    decided = part.tint if part.tint is not None else own_tint(part)
    return np.asarray(np.float32(settings.colour) * decided, np.float32)


def own_tint(part: Part) -> Float:
    """Return the decision about the colour that this picture alone leads to: (3,) log-gains in linear light.

    Zeros for a painter, whose colours are taken as they are.
    """
    found = part.components
    assert found is not None
    certain = casts.certainty(found) if found.colour.any() and found.rendering is None else 0.0
    return np.float32(certain) * found.colour


def _of_frame(
    pixels: NDArray[Any], analysis: Analysis, settings: Settings, parts: Sequence[Part]
) -> list[Correction]:
    """Return what was decided once for the persons, applied to the whole picture."""
    decided = [_decided(part, settings) for part in parts] or [np.zeros(3, np.float32)]
    tint, exposure = complexion.gains(np.mean(decided, axis=0), settings.warmth, settings.brightness)
    if parts:
        exposure += settings.light * float(np.mean([_mean_light(part) for part in parts]))
    if not tint.any() and not exposure:
        return []
    grid, guide = analysis.frame(pixels)
    crop = np.clip(analysis.space.to_srgb(guide), 0, 1)
    change = (crop - complexion.tinted(crop, tint, exposure)) * np.float32(settings.strength)
    change = _in_working(guide, change, analysis.space, bool(settings.warmth))
    slope, offset = guided_coefficients(np.clip(guide, 0, 1), change)
    return [Correction(grid, slope, offset, frame=True)]


def _mean_light(part: Part) -> float:
    """Return the log-gain that the person as a whole is lit with."""
    found = part.components
    assert found is not None
    weight = skin.skin_weight(found)
    total = float(weight.sum())
    return float((stretched(found.light, len(weight)) * weight).sum()) / total if total > 1 else 0.0


def _in_working(guide: Float, change: Float, space: ColourSpace, coloured: bool) -> Float:
    """Equations (2) and (4) at low resolution: what is to be subtracted, in the working encoding.

    guide: (S, S, C) working encoding; change: (S, S, 3) sRGB. coloured: a black-and-white picture may get
    colour; else no network's colours and no rounding tint it.
    """
    change = _converted(guide, change, space)
    if coloured or not _is_grey(guide):
        return change
    return np.repeat(luminance(change)[..., None], 3, axis=2)


def _is_grey(image: Float) -> bool:
    """Whether a picture of three channels (h, w, C) has no colour anywhere; a few pixels mostly tell."""
    return image.shape[2] == 3 and all(
        bool((np.abs(part[..., :1] - part[..., 1:]) <= GREY).all()) for part in (image[::32, ::32], image)
    )


def _converted(guide: Float, change: Float, space: ColourSpace) -> Float:
    if space.is_srgb:
        return space.from_srgb(change)
    # Colours outside sRGB stay outside: only the change itself must fit in.
    # Both ends are converted alike, so that what a profile rounds or clips cancels.
    crop = space.to_srgb(guide)
    target = np.clip(crop - change, np.minimum(crop, 0), np.maximum(crop, 1))
    return np.asarray(space.from_srgb(crop) - space.from_srgb(target), np.float32)


def _matte(part: Part, guide: Float, reach: str) -> tuple[Float, Float] | None:
    found = part.components
    assert found is not None
    if reach == "frame":
        if part.angle % 90 == 0:
            return None
        upright = np.ones((SIZE, SIZE, 1), np.float32)
    else:
        upright = stretched((found.skin if reach == "skin" else found.person)[..., None], SIZE)
    if reach == "face":
        upright = upright * face_oval()
    if part.angle % 90:
        upright = upright * rim()
    return guided_matte(guide, part.back(upright))
