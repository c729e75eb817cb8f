"""PDB procedures of GIMP 2 whose GIMP 3 counterpart takes or gives something else.

Each function has the GIMP 2 procedure's arguments and results. One table at the end;
procedures that only changed their name are in `renames`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, Gio

from .errors import error


def _layer_new(
    image: Any, width: int, height: int, kind: int, name: str, opacity: float = 100.0, mode: int = 28
) -> Any:
    image_type, layer_mode = Gimp.ImageType(kind), Gimp.LayerMode(mode)
    return Gimp.Layer.new(image, name, int(width), int(height), image_type, opacity, layer_mode)


def _add_layer(image: Any, layer: Any, position: int = -1) -> None:
    image.insert_layer(layer, None, position)


def _add_channel(image: Any, channel: Any, position: int = -1) -> None:
    image.insert_channel(channel, None, position)


def _add_vectors(image: Any, vectors: Any, position: int = -1) -> None:
    image.insert_path(vectors, None, position)


def _image_scale_full(image: Any, width: int, height: int, interpolation: int) -> None:
    image.scale(width, height, interpolation)


def _layer_scale_full(layer: Any, width: int, height: int, local_origin: bool, interpolation: int) -> None:
    layer.scale(width, height, local_origin, interpolation)


def _active_layer(image: Any) -> Any:
    return next(iter(image.get_selected_layers()), None)


def _set_active_layer(image: Any, layer: Any) -> None:
    image.set_selected_layers([layer])


def _active_drawable(image: Any) -> Any:
    return next(iter(image.get_selected_drawables()), None)


def _layer_copy(layer: Any, add_alpha: bool = False) -> Any:
    copy = Gimp.Layer.copy(layer)
    if add_alpha and not isinstance(copy, Gimp.GroupLayer):
        Gimp.Layer.add_alpha(copy)
    return copy


def _group_new(image: Any) -> Any:
    return Gimp.GroupLayer.new(image, None)


def _translate(layer: Any, dx: float, dy: float) -> None:
    _, x, y = layer.get_offsets()
    layer.set_offsets(x + int(dx), y + int(dy))


def _load(filename: str, raw_filename: str = "") -> Any:
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(filename))
    if image is None:
        raise error(f"{filename} could not be opened.")
    return image


def _save(image: Any, drawable: Any, filename: str, raw_filename: str = "") -> None:
    file = Gio.File.new_for_path(filename)
    if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None):
        raise error(f"{filename} could not be written.")


def _select_item(item: Any) -> None:
    item.get_image().select_item(Gimp.ChannelOps.REPLACE, item)


def _paste(drawable: Any, paste_into: bool = False) -> Any:
    return next(iter(Gimp.edit_paste(drawable, bool(paste_into))), None)


def _invert(drawable: Any) -> None:
    drawable.invert(False)


def _progress_init(text: str = "", display: Any = None) -> None:
    Gimp.progress_init(text)


def _progress_update(fraction: float) -> None:
    Gimp.progress_update(min(max(float(fraction), 0.0), 1.0))


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-layer-new": _layer_new,
    "gimp-image-add-layer": _add_layer,
    "gimp-image-add-channel": _add_channel,
    "gimp-image-add-vectors": _add_vectors,
    "gimp-image-scale-full": _image_scale_full,
    "gimp-layer-scale-full": _layer_scale_full,
    "gimp-image-get-active-layer": _active_layer,
    "gimp-image-set-active-layer": _set_active_layer,
    "gimp-image-get-active-drawable": _active_drawable,
    "gimp-layer-copy": _layer_copy,
    "gimp-layer-group-new": _group_new,
    "gimp-layer-translate": _translate,
    "gimp-file-load": _load,
    "gimp-file-save": _save,
    "gimp-selection-load": _select_item,
    "gimp-selection-layer-alpha": _select_item,
    "gimp-edit-paste": _paste,
    "gimp-invert": _invert,
    "gimp-progress-init": _progress_init,
    "gimp-progress-update": _progress_update,
}
