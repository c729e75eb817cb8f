"""Pasting, filling, shifting, and single pixels."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from gi.repository import Gimp

from .. import enums, pixels
from ..context import context
from ..signature import without_result
from .arguments import takes
from .layers import first
from .selections import sampling

_BUCKET = {0: Gimp.FillType.FOREGROUND, 1: Gimp.FillType.BACKGROUND, 2: Gimp.FillType.PATTERN}
_BLENDS = ("fg_bg_rgb", "fg_bg_hsv_cw", "fg_transparent")
_OFFSETS = (Gimp.OffsetType.COLOR, Gimp.OffsetType.TRANSPARENT)
native_fill = Gimp.Drawable.fill  # taken before `patches` puts GIMP 2's form there
native_offset = Gimp.Drawable.offset


def _fill_type(number: Any) -> Any:
    return enums.native(Gimp.FillType, number)


def _named_paste(drawable: Any, name: str, paste_into: bool = False) -> Any:
    return Gimp.edit_named_paste(drawable, str(name), bool(paste_into))


def _paint_mode(mode: int) -> Any:
    """GIMP 2's fills painted Overlay (legacy) as Soft light."""
    legacy = Gimp.LayerMode.OVERLAY_LEGACY
    return Gimp.LayerMode.SOFTLIGHT_LEGACY if int(mode) == int(legacy) else Gimp.LayerMode(int(mode))


def _bucket_fill(given: SimpleNamespace) -> None:
    drawable, kind = given.drawable, _BUCKET[int(given.fill_mode)]
    painting = {"opacity": given.opacity, "paint_mode": _paint_mode(given.paint_mode)}
    with context(**painting, **sampling(vars(given))):
        if Gimp.Selection.is_empty(drawable.get_image()):
            drawable.edit_bucket_fill(kind, given.x, given.y)
        else:
            drawable.edit_fill(kind)


_bucket_fill_short = takes("drawable fill_mode paint_mode opacity threshold merged x y")(_bucket_fill)
_bucket_fill_full = takes("drawable fill_mode paint_mode opacity threshold merged transparent criterion x y")(
    _bucket_fill
)


@takes(
    "drawable blend_mode paint_mode gradient_type opacity offset repeat reverse supersample max_depth"
    " threshold dither x1 y1 x2 y2"
)
def _blend(given: SimpleNamespace) -> None:
    settings = {
        "opacity": given.opacity,
        "paint_mode": _paint_mode(given.paint_mode),
        "gradient_repeat_mode": given.repeat,
        "gradient_reverse": bool(given.reverse),
        "gradient_blend_color_space": Gimp.GradientBlendColorSpace.RGB_PERCEPTUAL,
    }
    with context(**settings):
        if 0 <= int(given.blend_mode) < len(_BLENDS):
            getattr(Gimp, f"context_set_gradient_{_BLENDS[int(given.blend_mode)]}")()
        depth, limit = min(9, max(1, int(given.max_depth))), min(4.0, max(0.0, float(given.threshold)))
        smooth = bool(given.supersample), depth, limit, bool(given.dither)
        kind = Gimp.GradientType(int(given.gradient_type))
        points = map(float, (given.x1, given.y1, given.x2, given.y2))
        given.drawable.edit_gradient_fill(kind, float(given.offset), *smooth, *points)


def _edit_fill(drawable: Any, fill_type: int) -> None:
    drawable.edit_fill(_fill_type(fill_type))


def _offset(drawable: Any, wrap: int, fill_type: int, x: int, y: int) -> None:
    """GIMP 2's OFFSET_BACKGROUND takes the context's background colour."""
    kind = _OFFSETS[1 if int(fill_type) else 0]
    native_offset(drawable, bool(wrap), kind, Gimp.context_get_background(), int(x), int(y))


def _get_pixel(drawable: Any, x: int, y: int) -> tuple[int, tuple[int, ...]]:
    samples = pixels.get(drawable, int(x), int(y))
    return len(samples), samples


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-edit-paste": lambda drawable, paste_into=False: first(Gimp.edit_paste(drawable, bool(paste_into))),
    "gimp-edit-named-paste": _named_paste,
    "gimp-edit-bucket-fill": _bucket_fill_short,
    "gimp-bucket-fill": _bucket_fill_short,
    "gimp-edit-bucket-fill-full": _bucket_fill_full,
    "gimp-edit-blend": _blend,
    "gimp-blend": _blend,
    "gimp-edit-fill": _edit_fill,
    "gimp-drawable-edit-fill": _edit_fill,
    "gimp-drawable-offset": _offset,
    "gimp-channel-ops-offset": _offset,
    "gimp-drawable-get-pixel": _get_pixel,
    **without_result(
        {
            "gimp-drawable-fill": lambda drawable, fill_type: native_fill(drawable, _fill_type(fill_type)),
            "gimp-drawable-set-pixel": lambda drawable, x, y, channels, pixel: pixels.put(
                drawable, int(x), int(y), pixel
            ),
        }
    ),
}
