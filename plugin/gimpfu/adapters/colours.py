"""Colours, with GIMP 2's 0..255 and -127..127."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import gegl
from ..signature import without_result


def _with_gamma(change: Callable[..., None]) -> Callable[..., None]:
    """`change` as GIMP 2 made it: on values with gamma, not in linear light."""

    @functools.wraps(change)  # the adapters' arguments are counted
    def changed(drawable: Any, *arguments: Any) -> None:
        gegl.apply_to_stored(drawable, lambda layer: change(layer, *arguments))

    return changed


def _within(value: float) -> float:
    return min(1.0, max(-1.0, float(value)))


def _levels(
    drawable: Any, channel: int, low: int, high: int, gamma: float, low_out: int, high_out: int
) -> None:
    given, wanted = (low / 255.0, high / 255.0), (low_out / 255.0, high_out / 255.0)
    drawable.levels(_channel(channel), *given, True, float(gamma), *wanted, True)


def _channel(number: int) -> Any:
    return Gimp.HistogramChannel(int(number))


def _curve(count: int, values: Any) -> list[float]:
    return [(ord(one) if isinstance(one, (str, bytes)) else int(one)) / 255.0 for one in values][: int(count)]


def _hue_saturation(drawable: Any, hue_range: int, hue: float, lightness: float, saturation: float) -> None:
    """GIMP 2.10 halved the lightness; GIMP 3 does not. Both work on values with gamma."""
    kind = Gimp.HueRange(int(hue_range))
    drawable.hue_saturation(kind, float(hue), lightness / 2.0, float(saturation), 0.0)


def _color_balance(drawable: Any, mode: int, preserve: int, red: float, green: float, blue: float) -> None:
    kind = Gimp.TransferMode(int(mode))
    drawable.color_balance(kind, bool(preserve), float(red), float(green), float(blue))


def _by_histogram(drawable: Any, change: Callable[[Any], object]) -> None:
    """Use the histogram. It counts selected pixels: for them GIMP 3's own way, in linear light, remains."""
    if Gimp.Selection.is_empty(drawable.get_image()):
        gegl.apply_to_stored(drawable, change)
    else:
        change(drawable)


def _levels_stretch(drawable: Any) -> None:
    _by_histogram(drawable, Gimp.Drawable.levels_stretch)


def _histogram(drawable: Any, channel: int, start: int, end: int) -> tuple[float, ...]:
    _, *found = drawable.histogram(_channel(channel), start / 255.0, end / 255.0)
    scale = 255.0 if max(found[:3]) <= 1.0 else 1.0  # mean, deviation and median
    return *(one * scale for one in found[:3]), *found[3:]


_CHANGES: dict[str, Callable[..., Any]] = {
    "gimp-threshold": lambda drawable, low, high: drawable.threshold(
        Gimp.HistogramChannel.VALUE, low / 255.0, high / 255.0
    ),
    "gimp-hue-saturation": _hue_saturation,
    "gimp-color-balance": _color_balance,
    "gimp-equalize": lambda drawable, mask_only: _by_histogram(
        drawable, lambda layer: layer.equalize(bool(mask_only))
    ),
    "gimp-levels-auto": _levels_stretch,
    "gimp-levels-stretch": _levels_stretch,
    "gimp-desaturate": lambda drawable: drawable.desaturate(Gimp.DesaturateMode.LIGHTNESS),
    "gimp-invert": lambda drawable: drawable.invert(False),
}
_CHANGES_WITH_GAMMA: dict[str, Callable[..., Any]] = {
    "gimp-brightness-contrast": lambda drawable, brightness, contrast: drawable.brightness_contrast(
        _within(brightness / 127.0), _within(contrast / 127.0)
    ),
    "gimp-levels": _levels,
    "gimp-curves-spline": lambda drawable, channel, count, points: drawable.curves_spline(
        _channel(channel), _curve(count, points)
    ),
    "gimp-curves-explicit": lambda drawable, channel, count, curve: drawable.curves_explicit(
        _channel(channel), _curve(count, curve)
    ),
    "gimp-colorize": lambda drawable, hue, saturation, lightness: drawable.colorize_hsl(
        float(hue), float(saturation), float(lightness)
    ),
}
ADAPTERS: dict[str, Callable[..., Any]] = {
    **without_result(_CHANGES),
    **without_result({name: _with_gamma(change) for name, change in _CHANGES_WITH_GAMMA.items()}),
    "gimp-histogram": _histogram,
}
