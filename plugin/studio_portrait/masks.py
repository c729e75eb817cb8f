"""Masks of layers and groups, and channels: written from a result's rows, copied, removed."""

from __future__ import annotations

from typing import Any

from gi.repository import Gegl, Gimp
from link.wire import Box
from pixels import MASK_FORMAT, write_rows

Strips = list[tuple[int, int, bytes]]  # row, rows and samples of a mask


def effective(layer: Gimp.Layer) -> Gimp.LayerMask | None:
    """Return the layer's mask, if that has an effect."""
    return layer.get_mask() if layer.get_apply_mask() else None


def add(layer: Gimp.Layer, strips: Strips, result: dict[str, Any], dx: int = 0, dy: int = 0) -> None:
    """Give the layer or group the result's mask. dx, dy: where the picture's corner lies in it."""
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layer.add_mask(mask)
    _write(mask, strips, result, dx, dy)
    _update(mask)


def add_copy(layer: Gimp.Layer, given: Gimp.LayerMask) -> None:
    """Give the layer or group a copy of another one's mask, at the same place."""
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    copy = given.copy()
    mask.combine_masks(copy, Gimp.ChannelOps.INTERSECT, 0, 0)
    copy.delete()
    _update(mask)


def remove(layer: Gimp.Layer) -> None:
    """Remove the layer's mask, if it has one."""
    if layer.get_mask() is not None:
        layer.remove_mask(Gimp.MaskApplyMode.DISCARD)


def add_channel(
    image: Gimp.Image, source: Gimp.Layer, name: str, strips: Strips, result: dict[str, Any]
) -> None:
    """Add a channel of what a part of `source` covers, as far as it lies on its canvas."""
    width, height = image.get_width(), image.get_height()
    Gegl.init(None)
    channel = Gimp.Channel.new(image, name, width, height, 50.0, Gegl.Color.new("black"))
    image.insert_channel(channel, None, 0)
    channel.set_visible(False)
    channel.fill(Gimp.FillType.TRANSPARENT)
    _write(channel, strips, result, *source.get_offsets()[1:])
    _update(channel)


def _write(drawable: Gimp.Drawable, strips: Strips, result: dict[str, Any], dx: int, dy: int) -> None:
    """Write a mask's rows; what lies off the drawable GEGL leaves out."""
    for row, rows, data in strips:
        box = Box(**result["box"])
        write_rows(drawable, (box.x + dx, box.y + row + dy, box.width, rows), MASK_FORMAT, 1, data)


def _update(drawable: Gimp.Drawable) -> None:
    drawable.update(0, 0, drawable.get_width(), drawable.get_height())
