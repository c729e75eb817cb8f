"""Layers, channels and paths: making, placing, and what a thing is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gimp

from .. import colour
from ..signature import without_result


def new_layer(
    image: Any, width: int, height: int, kind: int, name: str, opacity: float = 100.0, mode: int = 28
) -> Any:
    """Return a new layer, which is in no image yet."""
    image_type, layer_mode = Gimp.ImageType(int(kind)), Gimp.LayerMode(int(mode))
    return Gimp.Layer.new(image, str(name), int(width), int(height), image_type, float(opacity), layer_mode)


def new_channel(image: Any, width: int, height: int, name: str, opacity: float, color: Any) -> Any:
    """Return a new channel, which is in no image yet."""
    native = colour.to_gegl(color)
    return Gimp.Channel.new(image, str(name), int(width), int(height), float(opacity), native)


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


def first(items: Sequence[Any]) -> Any:
    """Return the first item, or None."""
    return next(iter(items), None)


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


def _drawable_bpp(drawable: Any) -> int:
    return int(drawable.get_bpp())


# GIMP 2 answered with 0 or 1, also for what is gone.


def _known(thing: Any, kind: Any = Gimp.Item) -> Any:
    return kind.get_by_id(thing) if isinstance(thing, int) else thing


def _is(kind: Any) -> Callable[..., Any]:
    def ask(item: Any) -> int:
        found = _known(item)
        return int(isinstance(found, kind) and found.is_valid())

    return ask


def _is_valid(kind: Any) -> Callable[..., Any]:
    def ask(item: Any) -> int:
        found = _known(item, kind)
        return int(found is not None and found.is_valid())

    return ask


def _is_channel(item: Any) -> int:
    return int(isinstance(item, Gimp.Channel) and not isinstance(item, (Gimp.LayerMask, Gimp.Selection)))


def _get_linked(item: Any) -> int:
    return int(bool(getattr(item, "linked", False)))


def _set_linked(item: Any, linked: Any) -> None:
    item.linked = bool(linked)


ITEMS = ("drawable", "layer", "channel", "vectors")
_SELECTED = {"layer": "layers", "channel": "channels", "vectors": "paths"}
_IS = {
    "layer": Gimp.Layer,
    "text-layer": Gimp.TextLayer,
    "layer-mask": Gimp.LayerMask,
    "drawable": Gimp.Drawable,
    "selection": Gimp.Selection,
    "vectors": Gimp.Path,
    "group": Gimp.GroupLayer,
}


def _get_active(kind: str) -> Callable[..., Any]:
    return lambda image: first(getattr(image, f"get_selected_{kind}")())


def _set_active(kind: str) -> Callable[..., Any]:
    return lambda image, item: getattr(image, f"set_selected_{kind}")([item])


_CHANGES: dict[str, Callable[..., Any]] = {
    "gimp-image-add-layer": lambda image, layer, position=-1: image.insert_layer(layer, None, int(position)),
    "gimp-image-add-channel": lambda image, channel, position=-1: insert_channel(
        image, channel, None, int(position)
    ),
    "gimp-image-add-vectors": lambda image, vectors, position=-1: image.insert_path(
        vectors, None, int(position)
    ),
    "gimp-image-insert-channel": insert_channel,
    "gimp-image-remove-channel": remove_channel,
    "gimp-image-scale-full": lambda image, width, height, interpolation: image.scale(
        int(width), int(height), interpolation
    ),
    "gimp-layer-scale-full": lambda layer, width, height, local_origin, interpolation: layer.scale(
        int(width), int(height), local_origin, interpolation
    ),
    "gimp-layer-translate": _translate,
    "gimp-image-add-layer-mask": lambda image, layer, mask: layer.add_mask(mask),
    "gimp-image-remove-layer-mask": lambda image, layer, mode: layer.remove_mask(
        Gimp.MaskApplyMode(int(mode))
    ),
    **{f"gimp-image-set-active-{name}": _set_active(kind) for name, kind in _SELECTED.items()},
    **{f"gimp-{item}-set-linked": _set_linked for item in ("item", *ITEMS)},
}
ADAPTERS: dict[str, Callable[..., Any]] = {
    **without_result(_CHANGES),
    "gimp-layer-new": new_layer,
    "gimp-channel-new": new_channel,
    "gimp-selection-save": _selection_save,
    **{f"gimp-image-get-active-{name}": _get_active(kind) for name, kind in _SELECTED.items()},
    "gimp-image-get-active-drawable": active_drawable,
    "gimp-image-active-drawable": active_drawable,
    "gimp-layer-copy": _layer_copy,
    "gimp-layer-group-new": lambda image: Gimp.GroupLayer.new(image, None),
    "gimp-layer-mask": lambda layer: layer.get_mask(),
    **{f"gimp-drawable-{name}": _drawable_bpp for name in ("bpp", "bytes", "get-bpp")},
    **{f"gimp-item-is-{name}": _is(kind) for name, kind in _IS.items()},
    **{f"gimp-drawable-is-{name}": _is(_IS[name]) for name in ("layer", "text-layer", "layer-mask")},
    **{f"gimp-{item}-is-channel": _is_channel for item in ("item", "drawable")},
    **{f"gimp-{item}-is-valid": _is_valid(Gimp.Item) for item in ("item", *ITEMS)},
    **{f"gimp-{item}-get-linked": _get_linked for item in ("item", *ITEMS)},
    "gimp-image-is-valid": _is_valid(Gimp.Image),
}
