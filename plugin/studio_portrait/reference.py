"""The reference portrait: a file that GIMP opens for us, sent as 8-bit sRGB.

GIMP reads more formats than the server does, turns the picture upright and knows its profile; and a
path would mean nothing to a server on another machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gi.repository import Gimp, Gio, GLib
from link.wire import MAX_REFERENCE_SIDE, ImageSpec, Problem
from pixels import Source, layout


@contextmanager
def opened(path: str) -> Iterator[tuple[ImageSpec, Any] | None]:
    """Yield the portrait's size and the reader of its rows while inside; None for no path.

    Raises `Problem`.
    """
    if not path:
        yield None
        return
    image = _load(path)
    try:
        layer = _prepared(image)
        how = layout(layer)
        yield how.image, Source(layer, how).read
    finally:
        image.delete()


def _load(path: str) -> Gimp.Image:
    try:
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    except GLib.Error:
        image = None
    if image is None:
        raise Problem(
            "bad-setting", f"The reference portrait {path} cannot be opened.", "Choose the file of a picture."
        )
    return image


def _prepared(image: Gimp.Image) -> Gimp.Layer:
    """Upright, one opaque layer of 8-bit sRGB, no larger than is of use."""
    image.undo_disable()
    image.policy_rotate(False)
    longest = max(image.get_width(), image.get_height())
    if longest > MAX_REFERENCE_SIDE:
        share = MAX_REFERENCE_SIDE / longest
        size = (max(1, round(side * share)) for side in (image.get_width(), image.get_height()))
        image.scale(*size)
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        image.convert_rgb()
    image.convert_color_profile(
        Gimp.ColorProfile.new_rgb_srgb(), Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, True
    )
    if image.get_precision() != Gimp.Precision.U8_NON_LINEAR:
        image.convert_precision(Gimp.Precision.U8_NON_LINEAR)
    return image.flatten()
