"""Puts a finished result into the image, as one undo step, so that the picture is never counted twice.

A layer that covers what is below it (opaque, Normal, 100 %, no mask) stays as it is, and the result lies
right above. Of any other the result takes the place: it gets the same opacity, mode and mask, and the old
layer is hidden, for both together would show twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import origin
from gi.repository import Gegl, Gimp
from link.version import VERSION
from link.wire import Box, Settings
from origin import Origin
from pixels import Layout, Target, write_mask

_NORMAL = (Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY)
_STRIP_ROWS = 256
SUFFIX = " - studio portrait"


@dataclass
class Parts:
    """What came of a job: the copy with the result's rows in it, and the mask's rows."""

    copy: Gimp.Layer
    target: Target
    mask: list[tuple[int, int, bytes]] = field(default_factory=list)

    @classmethod
    def of(cls, layer: Gimp.Layer, how: Layout) -> Parts:
        """A copy of `layer` that may be written to; GIMP ends a plug-in that writes to a locked one."""
        copy = layer.copy()
        copy.set_lock_content(False)
        copy.set_lock_position(False)
        copy.set_lock_visibility(False)
        return cls(copy, Target(copy, how))

    def write(self, plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        """Take rows: pixels go into the copy, the mask waits for the copy to be in the image."""
        raw = bytes(data)
        if plane == "mask":
            self.mask.append((row, rows, raw))
        else:
            self.target.write(Box(**result["box"]), row, rows, raw)

    def drop(self) -> None:
        """Forget the copy; it is gone already when its image was closed."""
        if self.copy.is_valid():
            self.copy.delete()


def insert(image: Gimp.Image, found: Origin, parts: Parts, result: dict[str, Any], settings: Settings) -> Any:
    """Put the result above its picture, or in the place of an earlier one; returns the layer or group."""
    source = found.source
    covers = is_covering(source)
    image.undo_group_start()
    made: list[Gimp.Layer] = []
    try:
        put = _Place(image, found, made)
        if settings.mask and not covers:
            top = _masked_in_group(put, source, parts, result)
        else:
            top = put(parts.copy)
            if settings.mask:
                _set_mask(parts.copy, parts, result)
        top.set_visible(True)
        origin.attach(top, account(result, settings, source))
        name = found.made.get_name() if found.made else source.get_name() + SUFFIX
        if found.made is not None:
            image.remove_layer(found.made)
        top.set_name(name)  # last: GIMP numbers a name that is still taken
        if not covers:
            _show_only(image, source, top)
        image.set_selected_layers([top])
    except BaseException:
        for layer in made:
            if layer.is_valid() and image.get_item_position(layer) >= 0:
                image.remove_layer(layer)
        raise
    finally:
        image.undo_group_end()
    return top


class _Place:
    """Inserts a layer where the result belongs, at its picture's offsets."""

    def __init__(self, image: Gimp.Image, found: Origin, made: list[Gimp.Layer]):
        self.image = image
        self._beside = found.made or found.source
        self._offsets = found.source.get_offsets()[1:]
        self._made = made

    def __call__(self, layer: Gimp.Layer) -> Gimp.Layer:
        position = self.image.get_item_position(self._beside)
        self.image.insert_layer(layer, self._beside.get_parent(), position)
        self._made.append(layer)
        layer.set_offsets(*self._offsets)
        return layer

    def into(self, group: Gimp.GroupLayer, layer: Gimp.Layer) -> None:
        """Insert as the top layer of `group`."""
        self.image.insert_layer(layer, group, 0)
        layer.set_offsets(*self._offsets)


def is_covering(layer: Gimp.Layer) -> bool:
    """Whether a layer of the same kind right above would hide it wholly."""
    whole = layer.get_opacity() >= 100.0 and layer.get_mode() in _NORMAL
    return whole and _mask(layer) is None and _is_opaque(layer)


def _mask(layer: Gimp.Layer) -> Gimp.LayerMask | None:
    """Its mask, if that has an effect."""
    return layer.get_mask() if layer.get_apply_mask() else None


def _is_opaque(layer: Gimp.Layer) -> bool:
    if not layer.has_alpha():
        return True
    width, height = layer.get_width(), layer.get_height()
    for row in range(0, height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, height - row)
        part = Gegl.Rectangle.new(0, row, width, rows)
        alpha = layer.get_buffer().get(part, 1.0, "A u8", Gegl.AbyssPolicy.NONE)
        if alpha.count(b"\xff") != len(alpha):
            return False
    return True


def _masked_in_group(put: _Place, source: Gimp.Layer, parts: Parts, result: dict[str, Any]) -> Any:
    """A group with the picture's opacity, mode and mask; in it the picture, and above it the result, masked.

    The result is made opaque and clipped to the picture, so that its alpha does not count again.
    """
    group = put(Gimp.GroupLayer.new(put.image, "group"))
    picture = source.copy()
    for layer in (picture, parts.copy):
        put.into(group, layer)
        _make_plain(layer)
    parts.copy.set_composite_mode(Gimp.LayerCompositeMode.CLIP_TO_BACKDROP)
    if parts.copy.has_alpha():
        alpha = Gimp.HistogramChannel.ALPHA
        parts.copy.levels(alpha, 0.0, 1.0, False, 1.0, 1.0, 1.0, False)
    parts.copy.set_name("Studio portrait")
    _set_mask(parts.copy, parts, result)
    _take_over(group, source)
    return group


def _make_plain(layer: Gimp.Layer) -> None:
    layer.set_opacity(100.0)
    layer.set_mode(Gimp.LayerMode.NORMAL)
    layer.set_visible(True)
    if layer.get_mask() is not None:
        layer.remove_mask(Gimp.MaskApplyMode.DISCARD)


def _take_over(group: Gimp.GroupLayer, source: Gimp.Layer) -> None:
    """Give the group what the picture had: opacity, mode and mask."""
    group.set_opacity(source.get_opacity())
    group.set_mode(source.get_mode())
    group.set_blend_space(source.get_blend_space())
    group.set_composite_space(source.get_composite_space())
    group.set_composite_mode(source.get_composite_mode())
    if _mask(source) is not None:
        mask = group.create_mask(Gimp.AddMaskType.WHITE)
        group.add_mask(mask)
        _limit(mask, source.get_mask().copy())


def _show_only(image: Gimp.Image, source: Gimp.Layer, top: Gimp.Layer) -> None:
    """Hide the picture, and every earlier result from it."""
    source.set_visible(False)
    for other in origin.results_of(image, source):
        if other != top:
            other.set_visible(False)


def _set_mask(copy: Gimp.Layer, parts: Parts, result: dict[str, Any]) -> None:
    """Give the copy the result's mask."""
    mask = copy.create_mask(Gimp.AddMaskType.BLACK)
    copy.add_mask(mask)
    for row, rows, data in parts.mask:
        write_mask(mask, Box(**result["box"]), row, rows, data)
    mask.update(0, 0, mask.get_width(), mask.get_height())


def _limit(mask: Gimp.LayerMask, other: Gimp.LayerMask) -> None:
    mask.combine_masks(other, Gimp.ChannelOps.INTERSECT, 0, 0)
    other.delete()
    mask.update(0, 0, mask.get_width(), mask.get_height())


def account(result: dict[str, Any], settings: Settings, source: Gimp.Layer) -> dict[str, Any]:
    """What the parasite says: enough to find the picture, and to make the same result again."""
    told = {
        name: result.get(name) for name in ("engine", "device", "network", "weights", "faces", "box", "ms")
    }
    return {"version": VERSION, "source": source.get_tattoo(), "settings": settings.as_dict(), **told}
