"""Images, their colour maps, and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, Gio, GLib

from .. import pixels, values
from ..errors import error
from .layers import ITEMS


def _image_list() -> tuple[int, tuple[int, ...]]:
    return values.counted(sorted((image.get_id() for image in Gimp.get_images()), reverse=True))


def filename(image: Any) -> str | None:
    """Return the path of an image's file, None without one."""
    file = image.get_file()
    return file.get_path() if file else None


def set_filename(image: Any, path: Any) -> None:
    """Say which file an image is of."""
    image.set_file(Gio.File.new_for_path(values.path_of(path)))


def _uri(method: str) -> Callable[..., Any]:
    def ask(image: Any) -> str | None:
        file = getattr(image, method)()
        return file.get_uri() if file else None

    return ask


def _load(filename: str, raw_filename: str = "") -> Any:
    return _opened(filename, "", lambda file: Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file))


def _load_layer(image: Any, filename: str) -> Any:
    mode = Gimp.RunMode.NONINTERACTIVE
    return _opened(filename, " as a layer", lambda file: Gimp.file_load_layer(mode, image, file))


def _opened(filename: str, how: str, load: Callable[[Any], Any]) -> Any:
    reason = "."
    try:
        found = load(values.file_of(filename))
    except GLib.Error as fault:
        found, reason = None, f": {fault.message}"
    if found is None:
        raise error(f"{values.path_of(filename)} could not be opened{how}{reason}")
    return found


def _load_layers(image: Any, filename: str) -> tuple[int, tuple[int, ...]]:
    layers = Gimp.file_load_layers(Gimp.RunMode.NONINTERACTIVE, image, values.file_of(filename))
    return values.counted(layers, by_id=True)


def _colormap(image: Any) -> tuple[int, tuple[int, ...]]:
    return values.counted(bytes(pixels.colormap(image)))


def _set_colormap(image: Any, count: int, colormap: Any) -> None:
    pixels.set_colormap(image, colormap)


def _parasite_names(thing: Any) -> tuple[int, tuple[str, ...]]:
    return values.counted(thing.get_parasite_list())


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-image-list": _image_list,
    "gimp-image-get-filename": filename,
    "gimp-image-set-filename": set_filename,
    **{
        f"gimp-image-get-{kind}uri": _uri(f"get_{kind.replace('-', '_')}file")
        for kind in ("", "xcf-", "exported-", "imported-")
    },
    "gimp-file-load": _load,
    "gimp-file-load-layer": _load_layer,
    "gimp-file-load-layers": _load_layers,
    "gimp-temp-name": lambda extension: str(Gimp.temp_file(str(extension).lstrip(".")).get_path()),
    **{f"gimp-image-get-{name}": _colormap for name in ("colormap", "cmap")},
    **{f"gimp-image-set-{name}": _set_colormap for name in ("colormap", "cmap")},
    **{f"gimp-{item}-parasite-list": _parasite_names for item in ("image", *ITEMS)},
    "gimp-xcf-load": lambda dummy, filename, raw_filename="": _load(filename),
}
