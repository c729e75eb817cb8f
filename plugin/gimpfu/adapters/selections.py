"""Selections by shape, colour, layer and path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import colour, enums
from ..context import context


def _select_item(item: Any) -> None:
    item.get_image().select_item(Gimp.ChannelOps.REPLACE, item)


def _selection_combine(channel: Any, operation: int) -> None:
    channel.get_image().select_item(Gimp.ChannelOps(int(operation)), channel)


def _feather(on: Any, x: float, y: float | None = None, antialias: Any = None) -> Any:
    """Return the context of GIMP 2's selections; `antialias` where they had it."""
    radius = (float(x), float(x if y is None else y))
    settings: dict[str, Any] = {"feather": bool(on), "feather_radius": radius}
    if antialias is not None:
        settings["antialias"] = bool(antialias)
    return context(**settings)


def _rect_select(
    image: Any, x: float, y: float, width: float, height: float, operation: int, feather: int, radius: float
) -> None:
    with _feather(feather, radius, antialias=False):
        image.select_rectangle(Gimp.ChannelOps(int(operation)), x, y, width, height)


def _ellipse_select(
    image: Any,
    x: float,
    y: float,
    width: float,
    height: float,
    operation: int,
    antialias: int,
    feather: int,
    radius: float,
) -> None:
    with _feather(feather, radius, antialias=antialias):
        image.select_ellipse(Gimp.ChannelOps(int(operation)), x, y, width, height)


def _round_rect_select(
    image: Any,
    x: float,
    y: float,
    width: float,
    height: float,
    corner_x: float,
    corner_y: float,
    operation: int,
    antialias: int,
    feather: int,
    radius_x: float,
    radius_y: float,
) -> None:
    with _feather(feather, radius_x, radius_y, antialias):
        image.select_round_rectangle(Gimp.ChannelOps(int(operation)), x, y, width, height, corner_x, corner_y)


def _free_select(
    image: Any, count: int, points: Any, operation: int, antialias: int, feather: int, radius: float
) -> None:
    with _feather(feather, radius, antialias=antialias):
        flat = [float(number) for number in points][: int(count)]
        image.select_polygon(Gimp.ChannelOps(int(operation)), flat)


def sampling(threshold: int, merged: int, transparent: int = 0, criterion: int = 0) -> dict[str, Any]:
    """Return what `context` is to hold while colours are compared."""
    return {
        "sample_threshold_int": int(threshold),
        "sample_merged": bool(merged),
        "sample_transparent": bool(transparent),
        "sample_criterion": enums.native(Gimp.SelectCriterion, criterion),
    }


def _by_color_select_full(
    drawable: Any,
    color: Any,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius_x: float,
    radius_y: float,
    merged: int,
    transparent: int,
    criterion: int,
) -> None:
    with (
        _feather(feather, radius_x, radius_y, antialias),
        context(**sampling(threshold, merged, transparent, criterion)),
    ):
        image = drawable.get_image()
        image.select_color(Gimp.ChannelOps(int(operation)), drawable, colour.to_gegl(color))


def _by_color_select(
    drawable: Any,
    color: Any,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius: float,
    merged: int,
) -> None:
    _by_color_select_full(
        drawable, color, threshold, operation, antialias, feather, radius, radius, merged, 0, 0
    )


def _fuzzy_select_full(
    drawable: Any,
    x: float,
    y: float,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius_x: float,
    radius_y: float,
    merged: int,
    transparent: int,
    criterion: int,
) -> None:
    with (
        _feather(feather, radius_x, radius_y, antialias),
        context(**sampling(threshold, merged, transparent, criterion)),
    ):
        drawable.get_image().select_contiguous_color(Gimp.ChannelOps(int(operation)), drawable, x, y)


def _fuzzy_select(
    drawable: Any,
    x: float,
    y: float,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius: float,
    merged: int,
) -> None:
    _fuzzy_select_full(drawable, x, y, threshold, operation, antialias, feather, radius, radius, merged, 0, 0)


def _selection_float(drawable: Any, x: int, y: int) -> Any:
    return Gimp.Selection.float(drawable.get_image(), [drawable], int(x), int(y))


def vectors_to_selection(
    vectors: Any, operation: int, antialias: int, feather: int, radius_x: float, radius_y: float
) -> None:
    """Select what the path encloses, as ``gimp-vectors-to-selection`` does."""
    with _feather(feather, radius_x, radius_y, antialias):
        vectors.get_image().select_item(Gimp.ChannelOps(int(operation)), vectors)


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-selection-load": _select_item,
    "gimp-selection-layer-alpha": _select_item,
    "gimp-selection-combine": _selection_combine,
    "gimp-rect-select": _rect_select,
    "gimp-ellipse-select": _ellipse_select,
    "gimp-round-rect-select": _round_rect_select,
    "gimp-free-select": _free_select,
    "gimp-by-color-select": _by_color_select,
    "gimp-by-color-select-full": _by_color_select_full,
    "gimp-fuzzy-select": _fuzzy_select,
    "gimp-fuzzy-select-full": _fuzzy_select_full,
    "gimp-selection-float": _selection_float,
    "gimp-vectors-to-selection": vectors_to_selection,
}
