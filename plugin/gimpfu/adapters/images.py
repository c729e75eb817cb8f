"""Images, their colour maps, and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, Gio, GLib

from .. import pixels
from ..errors import error


def _image_list() -> tuple[int, tuple[int, ...]]:
    numbers = sorted((image.get_id() for image in Gimp.get_images()), reverse=True)
    return len(numbers), tuple(numbers)


def filename(image: Any) -> str | None:
    """Return the path of an image's file, None without one."""
    file = image.get_file()
    return file.get_path() if file else None


def set_filename(image: Any, path: Any) -> None:
    """Say which file an image is of."""
    image.set_file(Gio.File.new_for_path(_path(path)))


def _uri(method: str) -> Callable[..., Any]:
    def ask(image: Any) -> str | None:
        file = getattr(image, method)()
        return file.get_uri() if file else None

    return ask


def _path(name: Any) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)


def file_of(name: Any) -> Gio.File:
    """Return the file of a path or an URI."""
    text = _path(name)
    return Gio.File.new_for_uri(text) if "://" in text else Gio.File.new_for_path(text)


def _load(filename: str, raw_filename: str = "") -> Any:
    try:
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file_of(filename))
    except GLib.Error as fault:
        raise error(f"{_path(filename)} could not be opened: {fault.message}") from None
    if image is None:
        raise error(f"{_path(filename)} could not be opened.")
    return image


def _load_layer(image: Any, filename: str) -> Any:
    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file_of(filename))
    if layer is None:
        raise error(f"{_path(filename)} could not be opened as a layer.")
    return layer


def _load_layers(image: Any, filename: str) -> tuple[int, tuple[int, ...]]:
    layers = Gimp.file_load_layers(Gimp.RunMode.NONINTERACTIVE, image, file_of(filename))
    return len(layers), tuple(layer.get_id() for layer in layers)


def _colormap(image: Any) -> tuple[int, tuple[int, ...]]:
    data = pixels.colormap(image)
    return len(data), tuple(data)


def _set_colormap(image: Any, count: int, colormap: Any) -> None:
    pixels.set_colormap(image, colormap)


def _parasite_names(thing: Any) -> tuple[int, tuple[str, ...]]:
    names = tuple(thing.get_parasite_list())
    return len(names), names


_ITEMS = ("drawable", "layer", "channel", "vectors")

ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-image-list": _image_list,
    "gimp-image-get-filename": filename,
    "gimp-image-set-filename": set_filename,
    "gimp-image-get-uri": _uri("get_file"),
    "gimp-image-get-xcf-uri": _uri("get_xcf_file"),
    "gimp-image-get-exported-uri": _uri("get_exported_file"),
    "gimp-image-get-imported-uri": _uri("get_imported_file"),
    "gimp-file-load": _load,
    "gimp-file-load-layer": _load_layer,
    "gimp-file-load-layers": _load_layers,
    "gimp-temp-name": lambda extension: str(Gimp.temp_file(str(extension).lstrip(".")).get_path()),
    "gimp-image-get-colormap": _colormap,
    "gimp-image-get-cmap": _colormap,
    "gimp-image-set-colormap": _set_colormap,
    "gimp-image-set-cmap": _set_colormap,
    **{f"gimp-{item}-parasite-list": _parasite_names for item in ("image", *_ITEMS)},
    "gimp-xcf-load": lambda dummy, filename, raw_filename="": _load(filename),
}
