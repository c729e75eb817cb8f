"""Selections by shape, colour, layer and path."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from gi.repository import Gimp

from ..context import context
from .arguments import takes

# GIMP 2's procedure: what GIMP 3's image selects by, and GIMP 2's arguments in their order. The first is the
# image or something in it; what is neither of `_HOW` nor a setting says where.
_PROCEDURES = {
    "gimp-rect-select": ("rectangle", "image x y width height operation feather radius"),
    "gimp-ellipse-select": ("ellipse", "image x y width height operation antialias feather radius"),
    "gimp-round-rect-select": (
        "round_rectangle",
        "image x y width height corner_x corner_y operation antialias feather radius_x radius_y",
    ),
    "gimp-free-select": ("polygon", "image count points operation antialias feather radius"),
    "gimp-by-color-select": ("color", "drawable color threshold operation antialias feather radius merged"),
    "gimp-by-color-select-full": (
        "color",
        "drawable color threshold operation antialias feather radius_x radius_y merged transparent criterion",
    ),
    "gimp-fuzzy-select": (
        "contiguous_color",
        "drawable x y threshold operation antialias feather radius merged",
    ),
    "gimp-fuzzy-select-full": (
        "contiguous_color",
        "drawable x y threshold operation antialias feather radius_x radius_y merged transparent criterion",
    ),
    "gimp-selection-load": ("item", "item"),
    "gimp-selection-layer-alpha": ("item", "item"),
    "gimp-selection-combine": ("item", "channel operation"),
    "gimp-vectors-to-selection": ("item", "vectors operation antialias feather radius_x radius_y"),
}
_HOW = (
    "image count operation antialias feather radius radius_x radius_y threshold merged transparent criterion"
)


def _feather(told: dict[str, Any]) -> dict[str, Any]:
    """Return the context of GIMP 2's selections; those without an argument for it had hard edges."""
    radius = [told[name] for name in ("radius", "radius_x", "radius_y") if name in told]
    return {
        "feather": told["feather"],
        "feather_radius": (float(radius[0]), float(radius[-1])),
        "antialias": told.get("antialias", False),
    }


def sampling(told: dict[str, Any]) -> dict[str, Any]:
    """Return what `context` is to hold while colours are compared."""
    return {
        "sample_threshold_int": min(255, max(0, int(told["threshold"]))),
        "sample_merged": told["merged"],
        "sample_transparent": told.get("transparent", False),
        "sample_criterion": told.get("criterion", Gimp.SelectCriterion.COMPOSITE),
    }


def _selecting(method: str, arguments: str) -> Callable[..., Any]:
    @takes(arguments)
    def select(given: SimpleNamespace) -> None:
        told = vars(given)
        first = next(iter(told.values()))
        image = first if "image" in told else first.get_image()
        where = [told[name] for name in told if name not in _HOW.split()]
        if "points" in told:
            where = [told["points"][: told["count"]]]
        settings = {
            **(_feather(told) if "feather" in told else {}),
            **(sampling(told) if "threshold" in told else {}),
        }
        with context(**settings):
            getattr(image, f"select_{method}")(told.get("operation", Gimp.ChannelOps.REPLACE), *where)

    return select


def _selection_float(drawable: Any, x: int, y: int) -> Any:
    return Gimp.Selection.float(drawable.get_image(), [drawable], int(x), int(y))


ADAPTERS: dict[str, Callable[..., Any]] = {
    **{name: _selecting(method, arguments) for name, (method, arguments) in _PROCEDURES.items()},
    "gimp-selection-float": _selection_float,
}
