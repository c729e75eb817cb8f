"""gimpfu's module ``gimp``: the classes, the user's messages, GIMP's own state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import gi
from gi.repository import Gimp, GLib

from . import colour, gimpplugin, parasites, region, registry, resources
from .adapters import database, layers
from .errors import error as error
from .pdb import pdb

PixelFetcher = region.PixelFetcher
PixelRgn = region.PixelRgn
Tile = region.Tile
install_procedure = gimpplugin.install_procedure
main = gimpplugin.main
menu_register = gimpplugin.menu_register
TILE = 64  # GIMP 2's tiles: pixels a side


if TYPE_CHECKING:
    from .strokes import Stroke as VectorsBezierStroke

    version: tuple[int, ...]
    directory: str
    data_directory: str
    locale_directory: str
    sysconf_directory: str
    plug_in_directory: str
    VectorsStroke = VectorsBezierStroke
else:

    def __getattr__(name: str) -> Any:
        """``version`` and the folders: asked of GIMP when used. ``register`` needs some of them already."""
        if name == "version":
            return tuple(int(part) for part in Gimp.version().split(".")[:3])
        if name in ("VectorsBezierStroke", "VectorsStroke"):
            from .strokes import Stroke

            return Stroke
        if name in ("directory", "data_directory", "locale_directory", "sysconf_directory"):
            return getattr(Gimp, name)()
        if name == "plug_in_directory":
            return _plug_in_directory()
        raise AttributeError(f"gimp has no attribute {name}")


def _plug_in_directory() -> str:
    """Return the folder above GIMP's own ``plug-ins``, beside the introspection data."""
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

    def __eq__(self, other: object) -> bool:
        """Compare as old scripts do: ``type(image) == gimp.Image``; a text layer is a layer there, too."""
        return self is other or (isinstance(other, type) and issubclass(other, self._native))

    def __hash__(self) -> int:
        return id(self)


def _new_layer(
    image: Gimp.Image,
    name: str,
    width: int,
    height: int,
    type: int = Gimp.ImageType.RGB_IMAGE,  # noqa: A002 - gimpfu's own name
    opacity: float = 100.0,
    mode: int = Gimp.LayerMode.NORMAL_LEGACY,
) -> Gimp.Layer:
    return layers.new_layer(image, width, height, type, name, opacity, mode)


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
    return layers.new_channel(image, width, height, name, opacity, color)


def _new_image(width: int, height: int, type: int = Gimp.ImageBaseType.RGB) -> Gimp.Image:  # noqa: A002
    return Gimp.Image.new(int(width), int(height), Gimp.ImageBaseType(int(type)))


def _no_new(*args: Any) -> NoReturn:
    raise TypeError("make a Layer, a GroupLayer, a Channel or Vectors")


Image = _Kind(Gimp.Image, _new_image)
Item = _Kind(Gimp.Item, _no_new)
Drawable = _Kind(Gimp.Drawable, _no_new)
Layer = _Kind(Gimp.Layer, _new_layer)
GroupLayer = _Kind(Gimp.GroupLayer, _new_group)
Channel = _Kind(Gimp.Channel, _new_channel)
Vectors = _Kind(Gimp.Path, Gimp.Path.new)
Display = _Kind(Gimp.Display, database.new_display)
Parasite = _Kind(Gimp.Parasite, parasites.new)


def progress_init(text: str = "") -> None:
    """Show a progress bar with a text."""
    Gimp.progress_init(str(text))


progress_update = database.progress_update


def message(text: str) -> None:
    """Show the user a message: a dialog in GIMP, stderr head-less."""
    Gimp.message(str(text))


def quit() -> None:  # noqa: A001 - gimpfu's own name
    """Write what is pending and end this process."""
    region.flush()
    Gimp.quit()


exit = quit  # noqa: A001 - scripts say so, too


def image_list() -> list[Gimp.Image]:
    """All open images, the newest first, as gimpfu had them."""
    return sorted(Gimp.get_images(), key=lambda image: image.get_id(), reverse=True)


def displays_flush() -> None:
    """Write what is pending and redraw the windows."""
    region.flush()
    Gimp.displays_flush()


fonts_refresh = Gimp.fonts_refresh
default_display = Gimp.default_display
context_push, context_pop = Gimp.context_push, Gimp.context_pop
parasite_find, parasite_attach, parasite_detach = (
    Gimp.get_parasite,
    Gimp.attach_parasite,
    Gimp.detach_parasite,
)


delete = database.delete
set_data, get_data = database.set_data, database.get_data


def tile_width() -> int:
    """Return the width of a tile in pixels."""
    return TILE


tile_height = tile_width


def tile_cache_size(kilobytes: int) -> None:
    """Do nothing: GIMP 3 sets the size of its caches itself."""


tile_cache_ntiles = gtkrc = tile_cache_size


def register_magic_load_handler(name: str, extensions: str, prefixes: str = "", magics: str = "") -> None:
    """Say which files a procedure of menu ``<Load>`` opens; a save handler's, which ``<Save>`` writes."""
    registry.handlers[name.replace("_", "-")] = registry.Handler(extensions, prefixes, magics)


register_load_handler = register_save_handler = register_magic_load_handler


def domain_register(name: str, path: str | None = None) -> None:
    """Catalogues are looked up by `registry`; nothing is to be told to GIMP."""


def personal_rc_file(basename: str) -> str:
    """Return the path of a file in the user's profile."""
    return str(Path(Gimp.directory()) / basename)


def gamma() -> float:
    """Return the gamma that GIMP 2 told."""
    return 2.2


def user_directory(type: int) -> str | None:  # noqa: A002 - gimpfu's own name
    """Return a folder of the user, by GIMP 2's numbers."""
    places = ["DESKTOP", "DOCUMENTS", "DOWNLOAD", "MUSIC", "PICTURES", "PUBLIC_SHARE", "TEMPLATES", "VIDEOS"]
    kind = getattr(GLib.UserDirectory, f"DIRECTORY_{places[int(type)]}")
    found = GLib.get_user_special_dir(kind)
    return str(found) if found else None


def get_progname() -> str:
    """Return the program's name."""
    return "gimp"


def show_tool_tips() -> bool:
    """Return True: GIMP 3 does not tell it any more."""
    return True


show_help_button = show_tool_tips


def checks_get_shades(type: int) -> tuple[int, int]:  # noqa: A002
    """Light and dark of the pattern behind transparency."""
    return {0: (204, 255), 1: (102, 153), 2: (0, 51), 3: (255, 255), 4: (127, 127), 5: (0, 0)}[int(type)]


def fonts_get_list(filter: str = "") -> list[str]:  # noqa: A002
    """List the fonts whose names match a regular expression."""
    return resources.names("GimpFont", filter or "")


def gradients_get_list(filter: str = "") -> list[str]:  # noqa: A002
    """List the gradients whose names match a regular expression."""
    return resources.names("GimpGradient", filter or "")


def context_get_gradient() -> str:
    """Return the name of the gradient in use."""
    return str(Gimp.context_get_gradient().get_name())


gradients_get_gradient = context_get_gradient


def context_set_gradient(name: str) -> None:
    """Use the gradient of this name."""
    Gimp.context_set_gradient(resources.find("GimpGradient", name))


gradients_set_gradient = context_set_gradient


def gradient_get_uniform_samples(name: str, num_samples: int, reverse: bool = False) -> tuple[float, ...]:
    """Return RGBA samples at even distances along a gradient, one after the other."""
    return tuple(pdb.gimp_gradient_get_uniform_samples(name, num_samples, reverse)[1])


def gradient_get_custom_samples(name: str, positions: Any, reverse: bool = False) -> tuple[float, ...]:
    """Return RGBA samples at positions from 0 to 1 along a gradient, one after the other."""
    return tuple(pdb.gimp_gradient_get_custom_samples(name, len(positions), positions, reverse)[1])


def vectors_import_from_file(
    image: Any, svg_file: str, merge: bool = False, scale: bool = False
) -> list[Any]:
    """Read an SVG file's paths into the image."""
    _, numbers = pdb.gimp_vectors_import_from_file(image, svg_file, merge, scale)
    return [Gimp.Item.get_by_id(number) for number in numbers]


def vectors_import_from_string(
    image: Any, svg_string: str, merge: bool = False, scale: bool = False
) -> list[Any]:
    """Read paths into the image from SVG text."""
    _, numbers = pdb.gimp_vectors_import_from_string(image, svg_string, -1, merge, scale)
    return [Gimp.Item.get_by_id(number) for number in numbers]


def attach_new_parasite(name: str, flags: int, data: str | bytes) -> None:
    """Make a global parasite and keep it."""
    Gimp.attach_parasite(parasites.new(name, flags, data))


def parasite_list() -> tuple[str, ...]:
    """List the names of the global parasites."""
    return tuple(Gimp.get_parasite_list())


def _id2image(number: int) -> Any:
    return Gimp.Image.get_by_id(int(number))


def _id2drawable(number: int) -> Any:
    return Gimp.Item.get_by_id(int(number))


_id2vectors = _id2drawable


def _id2display(number: int) -> Any:
    return Gimp.Display.get_by_id(int(number))


def _one_colour(parts: tuple[Any, ...]) -> Any:
    """gimpfu took ``(r, g, b)``, ``r, g, b`` or a colour."""
    return colour.to_gegl(parts[0] if len(parts) == 1 else parts)


def get_foreground() -> colour.RGB:
    """Return the foreground colour."""
    return colour.from_gegl(Gimp.context_get_foreground())


def get_background() -> colour.RGB:
    """Return the background colour."""
    return colour.from_gegl(Gimp.context_get_background())


def set_foreground(*parts: Any) -> None:
    """Set the foreground colour: a colour, a name, or three numbers."""
    Gimp.context_set_foreground(_one_colour(parts))


def set_background(*parts: Any) -> None:
    """Set the background colour: a colour, a name, or three numbers."""
    Gimp.context_set_background(_one_colour(parts))
