"""Layers, channels and paths: making, placing, and what a thing is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gimp

from .. import colour


def _layer_new(
    image: Any, width: int, height: int, kind: int, name: str, opacity: float = 100.0, mode: int = 28
) -> Any:
    image_type, layer_mode = Gimp.ImageType(int(kind)), Gimp.LayerMode(int(mode))
    return Gimp.Layer.new(image, str(name), int(width), int(height), image_type, float(opacity), layer_mode)


def _channel_new(image: Any, width: int, height: int, name: str, opacity: float, color: Any) -> Any:
    native = colour.to_gegl(color)
    return Gimp.Channel.new(image, str(name), int(width), int(height), float(opacity), native)


def _add_layer(image: Any, layer: Any, position: int = -1) -> None:
    image.insert_layer(layer, None, int(position))


def _add_channel(image: Any, channel: Any, position: int = -1) -> None:
    insert_channel(image, channel, None, int(position))


def _selection_save(image: Any) -> Any:
    _note_layer(image)
    return Gimp.Selection.save(image)


_native_insert, _native_remove = Gimp.Image.insert_channel, Gimp.Image.remove_channel
_layer_before: dict[int, int] = {}  # image to the layer that was active before a channel was


def _note_layer(image: Any) -> None:
    if chosen := image.get_selected_layers():
        _layer_before[image.get_id()] = chosen[0].get_id()


def insert_channel(image: Any, channel: Any, parent: Any = None, position: int = -1) -> Any:
    """``gimp-image-insert-channel``: the channel becomes the active one."""
    _note_layer(image)
    return _native_insert(image, channel, parent or None, int(position))


def remove_channel(image: Any, channel: Any) -> Any:
    """``gimp-image-remove-channel``: the layer that was active before becomes so again."""
    removed = _native_remove(image, channel)
    layers = image.get_layers()
    if layers and not image.get_selected_layers() and not image.get_selected_channels():
        before = Gimp.Item.get_by_id(_layer_before.get(image.get_id(), 0))
        known = before is not None and before.is_layer() and before.get_image() == image
        image.set_selected_layers([before if known else layers[0]])
    return removed


def _add_vectors(image: Any, vectors: Any, position: int = -1) -> None:
    image.insert_path(vectors, None, int(position))


def _image_scale_full(image: Any, width: int, height: int, interpolation: int) -> None:
    image.scale(int(width), int(height), interpolation)


def _layer_scale_full(layer: Any, width: int, height: int, local_origin: bool, interpolation: int) -> None:
    layer.scale(int(width), int(height), local_origin, interpolation)


def first(items: Sequence[Any]) -> Any:
    """Return the first item, or None."""
    return next(iter(items), None)


def active_vectors(image: Any) -> Any:
    """Return the path that is selected, or None."""
    return first(image.get_selected_paths())


def _set_active_layer(image: Any, layer: Any) -> None:
    image.set_selected_layers([layer])


def _set_active_channel(image: Any, channel: Any) -> None:
    image.set_selected_channels([channel])


def set_active_vectors(image: Any, vectors: Any) -> None:
    """Select one path."""
    image.set_selected_paths([vectors])


def _active_drawable(image: Any) -> Any:
    return active_drawable(image)


def active_drawable(image: Any) -> Any:
    """Return the drawable that GIMP 2 called active: a channel, a layer's mask being edited, or a layer."""
    chosen = first(image.get_selected_drawables())
    if isinstance(chosen, Gimp.Layer) and chosen.get_mask() is not None and chosen.get_edit_mask():
        return chosen.get_mask()
    return chosen


def _layer_copy(layer: Any, add_alpha: bool = False) -> Any:
    copy = Gimp.Layer.copy(layer)
    if add_alpha and not isinstance(copy, Gimp.GroupLayer):
        Gimp.Layer.add_alpha(copy)
    return copy


def _translate(layer: Any, dx: float, dy: float) -> None:
    _, x, y = layer.get_offsets()
    layer.set_offsets(x + int(dx), y + int(dy))


def _add_layer_mask(image: Any, layer: Any, mask: Any) -> None:
    layer.add_mask(mask)


def _remove_layer_mask(image: Any, layer: Any, mode: int) -> None:
    layer.remove_mask(Gimp.MaskApplyMode(int(mode)))


def _drawable_bpp(drawable: Any) -> int:
    return int(drawable.get_bpp())


# GIMP 2 answered with 0 or 1, also for what is gone.


def _is(kind: Any) -> Callable[..., Any]:
    def ask(item: Any) -> int:
        found = Gimp.Item.get_by_id(item) if isinstance(item, int) else item
        return int(isinstance(found, kind) and found.is_valid())

    return ask


def _is_channel(item: Any) -> int:
    return int(isinstance(item, Gimp.Channel) and not isinstance(item, (Gimp.LayerMask, Gimp.Selection)))


def _is_valid(item: Any) -> int:
    found = Gimp.Item.get_by_id(item) if isinstance(item, int) else item
    return int(found is not None and found.is_valid())


def _image_is_valid(image: Any) -> int:
    found = Gimp.Image.get_by_id(image) if isinstance(image, int) else image
    return int(found is not None and found.is_valid())


def _not_linked(item: Any) -> int:
    return int(bool(getattr(item, "linked", False)))


def _set_linked(item: Any, linked: Any) -> None:
    item.linked = bool(linked)


_ITEMS = ("drawable", "layer", "channel", "vectors")
_IS = {
    "layer": Gimp.Layer,
    "text-layer": Gimp.TextLayer,
    "layer-mask": Gimp.LayerMask,
    "drawable": Gimp.Drawable,
    "selection": Gimp.Selection,
    "vectors": Gimp.Path,
    "group": Gimp.GroupLayer,
}

ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-layer-new": _layer_new,
    "gimp-channel-new": _channel_new,
    "gimp-image-add-layer": _add_layer,
    "gimp-image-add-channel": _add_channel,
    "gimp-image-insert-channel": insert_channel,
    "gimp-image-remove-channel": remove_channel,
    "gimp-selection-save": _selection_save,
    "gimp-image-add-vectors": _add_vectors,
    "gimp-image-scale-full": _image_scale_full,
    "gimp-layer-scale-full": _layer_scale_full,
    "gimp-image-get-active-layer": lambda image: first(image.get_selected_layers()),
    "gimp-image-set-active-layer": _set_active_layer,
    "gimp-image-get-active-channel": lambda image: first(image.get_selected_channels()),
    "gimp-image-set-active-channel": _set_active_channel,
    "gimp-image-get-active-vectors": active_vectors,
    "gimp-image-set-active-vectors": set_active_vectors,
    "gimp-image-get-active-drawable": _active_drawable,
    "gimp-image-active-drawable": _active_drawable,
    "gimp-layer-copy": _layer_copy,
    "gimp-layer-group-new": lambda image: Gimp.GroupLayer.new(image, None),
    "gimp-layer-translate": _translate,
    "gimp-layer-mask": lambda layer: layer.get_mask(),
    "gimp-image-add-layer-mask": _add_layer_mask,
    "gimp-image-remove-layer-mask": _remove_layer_mask,
    "gimp-drawable-bpp": _drawable_bpp,
    "gimp-drawable-bytes": _drawable_bpp,
    "gimp-drawable-get-bpp": _drawable_bpp,
    **{f"gimp-item-is-{name}": _is(kind) for name, kind in _IS.items()},
    **{f"gimp-drawable-is-{name}": _is(_IS[name]) for name in ("layer", "text-layer", "layer-mask")},
    **{f"gimp-{item}-is-channel": _is_channel for item in ("item", "drawable")},
    **{f"gimp-{item}-is-valid": _is_valid for item in ("item", *_ITEMS)},
    **{f"gimp-{item}-get-linked": _not_linked for item in ("item", *_ITEMS)},
    **{f"gimp-{item}-set-linked": _set_linked for item in ("item", *_ITEMS)},
    "gimp-image-is-valid": _image_is_valid,
}
