"""Pasting, filling, shifting, and single pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import enums, pixels
from ..context import context
from .layers import first
from .selections import sampling


def _fill_type(number: Any) -> Any:
    return enums.native(Gimp.FillType, number)


def _named_paste(drawable: Any, name: str, paste_into: bool = False) -> Any:
    return Gimp.edit_named_paste(drawable, str(name), bool(paste_into))


_BUCKET = {0: Gimp.FillType.FOREGROUND, 1: Gimp.FillType.BACKGROUND, 2: Gimp.FillType.PATTERN}


def _paint_mode(mode: int) -> Any:
    """GIMP 2's fills painted Overlay (legacy) as Soft light."""
    legacy = Gimp.LayerMode.OVERLAY_LEGACY
    return Gimp.LayerMode.SOFTLIGHT_LEGACY if int(mode) == int(legacy) else Gimp.LayerMode(int(mode))


def _bucket_fill_full(
    drawable: Any,
    fill_mode: int,
    paint_mode: int,
    opacity: float,
    threshold: float,
    merged: int,
    transparent: int,
    criterion: int,
    x: float,
    y: float,
) -> None:
    settings = sampling(min(255, max(0, int(threshold))), merged, transparent, criterion)
    with context(opacity=float(opacity), paint_mode=_paint_mode(paint_mode), **settings):
        if Gimp.Selection.is_empty(drawable.get_image()):
            drawable.edit_bucket_fill(_BUCKET[int(fill_mode)], x, y)
        else:
            drawable.edit_fill(_BUCKET[int(fill_mode)])


def _bucket_fill(
    drawable: Any,
    fill_mode: int,
    paint_mode: int,
    opacity: float,
    threshold: float,
    merged: int,
    x: float,
    y: float,
) -> None:
    _bucket_fill_full(drawable, fill_mode, paint_mode, opacity, threshold, merged, 0, 0, x, y)


_BLENDS = ("fg_bg_rgb", "fg_bg_hsv_cw", "fg_transparent")


def _blend(
    drawable: Any,
    blend_mode: int,
    paint_mode: int,
    gradient_type: int,
    opacity: float,
    offset: float,
    repeat: int,
    reverse: int,
    supersample: int,
    max_depth: int,
    threshold: float,
    dither: int,
    x1: float,
    y1: float,
    x2: float,
    y2: float,
) -> None:
    settings = {
        "opacity": float(opacity),
        "paint_mode": _paint_mode(paint_mode),
        "gradient_repeat_mode": enums.native(Gimp.RepeatMode, repeat),
        "gradient_reverse": bool(reverse),
        "gradient_blend_color_space": Gimp.GradientBlendColorSpace.RGB_PERCEPTUAL,
    }
    with context(**settings):
        if 0 <= int(blend_mode) < len(_BLENDS):
            getattr(Gimp, f"context_set_gradient_{_BLENDS[int(blend_mode)]}")()
        depth, limit = min(9, max(1, int(max_depth))), min(4.0, max(0.0, float(threshold)))
        kind = Gimp.GradientType(int(gradient_type))
        points = (float(x1), float(y1), float(x2), float(y2))
        drawable.edit_gradient_fill(
            kind, float(offset), bool(supersample), depth, limit, bool(dither), *points
        )


def _drawable_fill(drawable: Any, fill_type: int) -> None:
    native_fill(drawable, _fill_type(fill_type))


native_fill = Gimp.Drawable.fill  # taken before `patches` puts GIMP 2's form there
native_offset = Gimp.Drawable.offset


def _edit_fill(drawable: Any, fill_type: int) -> None:
    drawable.edit_fill(_fill_type(fill_type))


_OFFSETS = (Gimp.OffsetType.COLOR, Gimp.OffsetType.TRANSPARENT)


def _offset(drawable: Any, wrap: int, fill_type: int, x: int, y: int) -> None:
    """GIMP 2's OFFSET_BACKGROUND takes the context's background colour."""
    kind = _OFFSETS[1 if int(fill_type) else 0]
    native_offset(drawable, bool(wrap), kind, Gimp.context_get_background(), int(x), int(y))


def _get_pixel(drawable: Any, x: int, y: int) -> tuple[int, tuple[int, ...]]:
    samples = pixels.get(drawable, int(x), int(y))
    return len(samples), samples


def _set_pixel(drawable: Any, x: int, y: int, channels: int, pixel: Any) -> None:
    pixels.put(drawable, int(x), int(y), pixel)


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-edit-paste": lambda drawable, paste_into=False: first(Gimp.edit_paste(drawable, bool(paste_into))),
    "gimp-edit-named-paste": _named_paste,
    "gimp-edit-bucket-fill": _bucket_fill,
    "gimp-bucket-fill": _bucket_fill,
    "gimp-edit-bucket-fill-full": _bucket_fill_full,
    "gimp-edit-blend": _blend,
    "gimp-blend": _blend,
    "gimp-edit-fill": _edit_fill,
    "gimp-drawable-edit-fill": _edit_fill,
    "gimp-drawable-fill": _drawable_fill,
    "gimp-drawable-offset": _offset,
    "gimp-channel-ops-offset": _offset,
    "gimp-drawable-get-pixel": _get_pixel,
    "gimp-drawable-set-pixel": _set_pixel,
}
