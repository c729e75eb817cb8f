"""gimpfu's module ``gimp``: the classes, the user's messages, GIMP's own state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import gi
from gi.repository import Gimp

from . import colour, region
from .errors import error
from .pdb import pdb

__all__ = [
    "Channel",
    "Display",
    "Drawable",
    "GroupLayer",
    "Image",
    "Item",
    "Layer",
    "Parasite",
    "Vectors",
    "context_pop",
    "context_push",
    "delete",
    "displays_flush",
    "error",
    "get_background",
    "get_foreground",
    "image_list",
    "message",
    "pdb",
    "progress_init",
    "progress_update",
    "quit",
    "set_background",
    "set_foreground",
]


def __getattr__(name: str) -> Any:
    """``version`` and the folders: asked of GIMP when used. ``register`` needs some of them already."""
    if name == "version":
        return tuple(int(part) for part in Gimp.version().split(".")[:3])
    if name in ("directory", "data_directory", "locale_directory", "sysconf_directory"):
        return getattr(Gimp, name)()
    if name == "plug_in_directory":
        return _plug_in_directory()
    raise AttributeError(f"gimp has no attribute {name}")


def _plug_in_directory() -> str:
    """The folder above GIMP's own ``plug-ins``; beside the introspection data, as GIMP 3 does not tell it."""
    libraries = Path(gi.Repository.get_default().get_typelib_path("Gimp")).parent.parent
    return str(libraries / "gimp" / Path(Gimp.data_directory()).name)


class _Kind:
    """Stands for one of GIMP's classes: call it for a new object, or ask ``isinstance``.

    Other attributes (``gimp.Item.from_id``) are those of the class itself.
    """

    def __init__(self, native: type, new: Callable[..., Any]):
        self._native = native
        self._new = new

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._new(*args, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._native, name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._native)


def _new_layer(
    image: Gimp.Image,
    name: str,
    width: int,
    height: int,
    type: int = Gimp.ImageType.RGB_IMAGE,  # noqa: A002 - gimpfu's own name
    opacity: float = 100.0,
    mode: int = Gimp.LayerMode.NORMAL,
) -> Gimp.Layer:
    return Gimp.Layer.new(image, name, width, height, Gimp.ImageType(type), opacity, Gimp.LayerMode(mode))


def _new_group(
    image: Gimp.Image, name: str | None = None, opacity: float = 100.0, mode: int = Gimp.LayerMode.NORMAL
) -> Gimp.GroupLayer:
    group = Gimp.GroupLayer.new(image, name)
    group.set_opacity(opacity)
    group.set_mode(Gimp.LayerMode(mode))
    return group


def _new_channel(
    image: Gimp.Image, name: str, width: int, height: int, opacity: float = 100.0, color: Any = (0, 0, 0)
) -> Gimp.Channel:
    return Gimp.Channel.new(image, name, width, height, opacity, colour.to_gegl(color))


def _new_display(image: Gimp.Image) -> Gimp.Display | None:
    """None where GIMP runs without windows."""
    try:
        return Gimp.Display.new(image)
    except TypeError:
        return None


def _new_image(width: int, height: int, type: int = Gimp.ImageBaseType.RGB) -> Gimp.Image:  # noqa: A002
    return Gimp.Image.new(width, height, Gimp.ImageBaseType(type))


def _no_new(*args: Any) -> NoReturn:
    raise TypeError("make a Layer, a GroupLayer, a Channel or Vectors")


def _new_parasite(name: str, flags: int, data: str | bytes) -> Gimp.Parasite:
    return Gimp.Parasite.new(name, flags, data.encode() if isinstance(data, str) else data)


Image = _Kind(Gimp.Image, _new_image)
Item = _Kind(Gimp.Item, _no_new)
Drawable = _Kind(Gimp.Drawable, _no_new)
Layer = _Kind(Gimp.Layer, _new_layer)
GroupLayer = _Kind(Gimp.GroupLayer, _new_group)
Channel = _Kind(Gimp.Channel, _new_channel)
Vectors = _Kind(Gimp.Path, Gimp.Path.new)
Display = _Kind(Gimp.Display, _new_display)
Parasite = _Kind(Gimp.Parasite, _new_parasite)


def progress_init(text: str = "") -> None:
    Gimp.progress_init(text)


def progress_update(fraction: float) -> None:
    Gimp.progress_update(min(max(float(fraction), 0.0), 1.0))


def message(text: str) -> None:
    """A message for the user: a dialog in GIMP, stderr head-less."""
    Gimp.message(str(text))


def quit() -> None:  # noqa: A001 - gimpfu's own name
    region.flush()
    Gimp.quit()


def image_list() -> list[Gimp.Image]:
    """All open images, the newest first, as gimpfu had them."""
    return sorted(Gimp.get_images(), key=lambda image: image.get_id(), reverse=True)


def displays_flush() -> None:
    region.flush()
    Gimp.displays_flush()


def delete(thing: Any) -> None:
    thing.delete()


def context_push() -> None:
    Gimp.context_push()


def context_pop() -> None:
    Gimp.context_pop()


def _one_colour(parts: tuple[Any, ...]) -> Any:
    """gimpfu took ``(r, g, b)``, ``r, g, b`` or a colour."""
    return colour.to_gegl(parts[0] if len(parts) == 1 else parts)


def get_foreground() -> colour.RGB:
    return colour.from_gegl(Gimp.context_get_foreground())


def get_background() -> colour.RGB:
    return colour.from_gegl(Gimp.context_get_background())


def set_foreground(*parts: Any) -> None:
    Gimp.context_set_foreground(_one_colour(parts))


def set_background(*parts: Any) -> None:
    Gimp.context_set_background(_one_colour(parts))
