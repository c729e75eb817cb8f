"""Colours, with GIMP 2's 0..255 and -127..127."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import gegl


def _with_gamma(change: Callable[..., None]) -> Callable[..., None]:
    """`change` as GIMP 2 made it: on values with gamma, not in linear light."""

    @functools.wraps(change)  # the adapters' arguments are counted
    def changed(drawable: Any, *arguments: Any) -> None:
        gegl.apply_to_stored(drawable, lambda layer: change(layer, *arguments))

    return changed


def _brightness_contrast(drawable: Any, brightness: int, contrast: int) -> None:
    drawable.brightness_contrast(_within(brightness / 127.0), _within(contrast / 127.0))


def _within(value: float) -> float:
    return min(1.0, max(-1.0, float(value)))


def _levels(
    drawable: Any, channel: int, low: int, high: int, gamma: float, low_out: int, high_out: int
) -> None:
    drawable.levels(
        Gimp.HistogramChannel(int(channel)),
        low / 255.0,
        high / 255.0,
        True,
        float(gamma),
        low_out / 255.0,
        high_out / 255.0,
        True,
    )


def _threshold(drawable: Any, low: int, high: int) -> None:
    drawable.threshold(Gimp.HistogramChannel.VALUE, low / 255.0, high / 255.0)


def _curves_spline(drawable: Any, channel: int, count: int, points: Any) -> None:
    drawable.curves_spline(
        Gimp.HistogramChannel(int(channel)), [_byte(one) / 255.0 for one in points][: int(count)]
    )


def _curves_explicit(drawable: Any, channel: int, count: int, curve: Any) -> None:
    drawable.curves_explicit(
        Gimp.HistogramChannel(int(channel)), [_byte(one) / 255.0 for one in curve][: int(count)]
    )


def _byte(value: Any) -> int:
    return ord(value) if isinstance(value, (str, bytes)) else int(value)


def _hue_saturation(drawable: Any, hue_range: int, hue: float, lightness: float, saturation: float) -> None:
    """GIMP 2.10 halved the lightness; GIMP 3 does not. Both work on values with gamma."""
    drawable.hue_saturation(
        Gimp.HueRange(int(hue_range)), float(hue), lightness / 2.0, float(saturation), 0.0
    )


def _colorize(drawable: Any, hue: float, saturation: float, lightness: float) -> None:
    drawable.colorize_hsl(float(hue), float(saturation), float(lightness))


def _color_balance(drawable: Any, mode: int, preserve: int, red: float, green: float, blue: float) -> None:
    drawable.color_balance(
        Gimp.TransferMode(int(mode)), bool(preserve), float(red), float(green), float(blue)
    )


def _by_histogram(drawable: Any, change: Callable[[Any], object]) -> None:
    """Use the histogram. It counts selected pixels: for them GIMP 3's own way, in linear light, remains."""
    if Gimp.Selection.is_empty(drawable.get_image()):
        gegl.apply_to_stored(drawable, change)
    else:
        change(drawable)


def _equalize(drawable: Any, mask_only: int) -> None:
    _by_histogram(drawable, lambda layer: layer.equalize(bool(mask_only)))


def _levels_stretch(drawable: Any) -> None:
    _by_histogram(drawable, Gimp.Drawable.levels_stretch)


def _desaturate(drawable: Any) -> None:
    drawable.desaturate(Gimp.DesaturateMode.LIGHTNESS)


def _invert(drawable: Any) -> None:
    drawable.invert(False)


def _histogram(drawable: Any, channel: int, start: int, end: int) -> tuple[float, ...]:
    kind = Gimp.HistogramChannel(int(channel))
    _, mean, deviation, median, pixel_count, count, percentile = drawable.histogram(
        kind, start / 255.0, end / 255.0
    )
    scale = 255.0 if max(mean, deviation, median) <= 1.0 else 1.0
    return mean * scale, deviation * scale, median * scale, pixel_count, count, percentile


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-brightness-contrast": _with_gamma(_brightness_contrast),
    "gimp-levels": _with_gamma(_levels),
    "gimp-threshold": _threshold,
    "gimp-curves-spline": _with_gamma(_curves_spline),
    "gimp-curves-explicit": _with_gamma(_curves_explicit),
    "gimp-hue-saturation": _hue_saturation,
    "gimp-colorize": _with_gamma(_colorize),
    "gimp-color-balance": _color_balance,
    "gimp-equalize": _equalize,
    "gimp-levels-auto": _levels_stretch,
    "gimp-levels-stretch": _levels_stretch,
    "gimp-desaturate": _desaturate,
    "gimp-invert": _invert,
    "gimp-histogram": _histogram,
}
