"""gimpfu's attributes on GIMP 3's own classes: ``layer.name``, ``image.layers`` and their kin.

Scripts get libgimp's objects themselves, with gimpfu's properties added, so nothing needs
wrapping or unwrapping. Those that only have other names in GIMP 3 are in `attribute_table`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gi.repository import Gimp

from . import adapters, attribute_table, colour, enums, parasites, pixels, region, strokes
from .adapters import editing, images, layers, transformations
from .context import context
from .errors import say_once

# GIMP 3's methods that are replaced by GIMP 2's below, taken before `apply` does it.
_copy_layer, _scale_layer, _resize_layer = Gimp.Layer.copy, Gimp.Layer.scale, Gimp.Layer.resize
_scale_image, _resize_text = Gimp.Image.scale, Gimp.TextLayer.resize
_merge_shadow_native = Gimp.Drawable.merge_shadow


def _offsets(self: Gimp.Drawable) -> tuple[int, int]:
    return tuple(self.get_offsets()[1:])


def _translate(self: Gimp.Layer, dx: int, dy: int) -> None:
    x, y = _offsets(self)
    self.set_offsets(x + int(dx), y + int(dy))


def _copy(self: Gimp.Layer, add_alpha: bool = False) -> Gimp.Layer:
    layer = _copy_layer(self)
    if add_alpha:
        layer.add_alpha()
    return layer


def _scaled(scale: Callable[[], Any], interpolation: int) -> Any:
    """`scale` with an interpolation of its own; -1 is the context's, as in gimpfu."""
    if interpolation == -1:
        return scale()
    with context(interpolation=Gimp.InterpolationType(interpolation)):
        return scale()


def _image_scale(self: Gimp.Image, width: int, height: int, interpolation: int = -1) -> Any:
    return _scaled(partial(_scale_image, self, int(width), int(height)), interpolation)


def _layer_scale(
    self: Gimp.Layer, width: int, height: int, local_origin: bool = False, interpolation: int = -1
) -> Any:
    return _scaled(partial(_scale_layer, self, int(width), int(height), bool(local_origin)), interpolation)


def _text_resize(self: Any, *sizes: Any) -> Any:
    """Of a text layer the text's box with two sizes, the layer itself with GIMP 2's four."""
    return (
        _resize_text(self, *map(float, sizes)) if len(sizes) == 2 else _resize_layer(self, *map(int, sizes))
    )


def _attach_new_parasite(self: Any, name: str, flags: int, data: str | bytes) -> Any:
    return self.attach_parasite(parasites.new(name, flags, data))


def _by_count(name: str, count: int) -> Callable[..., Any]:
    """``transform_X`` with GIMP 2's longer list of arguments, or as libgimp's method of that name."""
    procedure, native = _transform(name), getattr(Gimp.Drawable, f"transform_{name}")

    def call(self: Gimp.Drawable, *args: Any, **named: Any) -> Any:
        return (procedure if len(args) + len(named) > count else native)(self, *args, **named)

    return call


def _transform(name: str) -> Callable[..., Any]:
    """``drawable.transform_X(...)`` is the procedure with the drawable in front."""
    procedure = adapters.ADAPTERS[f"gimp-drawable-transform-{name.replace('_', '-')}"]
    return lambda self, *args, **named: procedure(self, *args, *named.values())


def _get_pixel(self: Gimp.Drawable, x: Any, y: Any = None) -> tuple[int, ...]:
    across, down = x if y is None else (x, y)
    return pixels.get(self, int(across), int(down))


def _set_pixel(self: Gimp.Drawable, x: Any, y: Any, pixel: Any = None) -> None:
    (across, down), value = (x, y) if pixel is None else ((x, y), pixel)
    pixels.put(self, int(across), int(down), value)


def _new_layer(
    self: Gimp.Image,
    name: str = "background",
    width: int = -1,
    height: int = -1,
    offset_x: int = 0,
    offset_y: int = 0,
    alpha: bool = True,
    pos: int = -1,
    opacity: float = 100.0,
    mode: int = 0,
    fill_mode: int = -1,
) -> Gimp.Layer:
    """gimpfu's ``image.new_layer``: made of the image's own kind, filled, inserted."""
    kind = Gimp.ImageType(2 * int(self.get_base_type()) + int(bool(alpha)))
    size = (
        self.get_width() if width == -1 else int(width),
        self.get_height() if height == -1 else int(height),
    )
    layer = Gimp.Layer.new(self, name, *size, kind, float(opacity), Gimp.LayerMode(int(mode)))
    editing.native_fill(
        layer, Gimp.FillType.TRANSPARENT if fill_mode == -1 else enums.native(Gimp.FillType, fill_mode)
    )
    self.insert_layer(layer, None, int(pos))
    layer.set_offsets(int(offset_x), int(offset_y))
    return layer


def _resolution(self: Gimp.Image) -> tuple[float, float]:
    return tuple(self.get_resolution()[1:])


def _set_resolution(self: Gimp.Image, value: Any) -> None:
    across, down = value if isinstance(value, (tuple, list)) else (value, value)
    self.set_resolution(float(across), float(down))


_LINKED: dict[int, bool] = {}


def _linked(self: Gimp.Item) -> bool:
    if not _LINKED:
        say_once("GIMP 3 has no linked layers: a script that works on those finds none.")
    return _LINKED.get(self.get_id(), False)


def _set_linked(self: Gimp.Item, linked: Any) -> None:
    """GIMP 3 links no items: what a script says of one is remembered for that script only."""
    _LINKED[self.get_id()] = bool(linked)


_ATTRIBUTES: dict[Any, dict[str, Any]] = {
    Gimp.Image: {
        "base_type": property(lambda self: int(self.get_base_type())),
        "active_drawable": property(layers.active_drawable),
        "filename": property(images.filename, images.set_filename),
        "uri": property(lambda self: self.get_file().get_uri() if self.get_file() else None),
        "insert_channel": layers.insert_channel,
        "remove_channel": layers.remove_channel,
        "colormap": property(pixels.colormap, pixels.set_colormap),
        "floating_sel_attached_to": property(Gimp.Image.floating_sel_attached_to),
        "resolution": property(_resolution, _set_resolution),
        "unit": property(
            lambda self: self.get_unit().get_id(),
            lambda self, number: self.set_unit(Gimp.Unit.get_by_id(int(number))),
        ),
        "new_layer": _new_layer,
        "unset_active_channel": lambda self: self.set_selected_channels([]),
        "free_shadow": lambda self: None,
        "scale": _image_scale,
    },
    Gimp.Item: {
        "linked": property(_linked, _set_linked),
        "from_id": staticmethod(Gimp.Item.get_by_id),
    },
    Gimp.Drawable: {
        "offsets": property(_offsets),
        "merge_shadow": lambda self, undo=False: _merge_shadow_native(self, bool(undo)),
        "flush": lambda self: region.flush(),
        "fill": adapters.ADAPTERS["gimp-drawable-fill"],
        "get_pixel": _get_pixel,
        "set_pixel": _set_pixel,
        "get_tile": lambda self, shadow, row, column: region.Tile(self, shadow, int(column), int(row)),
        "get_tile2": lambda self, shadow, x, y: region.Tile(self, shadow, int(x) // 64, int(y) // 64),
        "get_data": lambda self, format=None: region.PixelRgn(self)[:, :],
        "get_pixel_rgn": lambda self, *place, **how: region.PixelRgn(self, *place, **how),
        "free_shadow": lambda self: None,
        "offset": adapters.ADAPTERS["gimp-drawable-offset"],
        **{f"transform_{name}_default": _transform(f"{name}_default") for name in transformations.COUNTS},
        **{
            f"transform_{name}": _by_count(name, count)
            for name, count in {**transformations.COUNTS, **transformations.SIMPLE_COUNTS}.items()
        },
    },
    Gimp.Layer: {
        "mode": property(
            lambda self: int(self.get_mode()), lambda self, mode: self.set_mode(Gimp.LayerMode(int(mode)))
        ),
        "scale": _layer_scale,
        "translate": _translate,
        "copy": _copy,
    },
    Gimp.Channel: dict.fromkeys(
        ("color", "colour"),
        property(
            lambda self: colour.from_gegl(self.get_color()),
            lambda self, value: self.set_color(colour.to_gegl(value)),
        ),
    ),
    Gimp.TextLayer: {"resize": _text_resize},
    Gimp.Path: {
        "strokes": property(strokes.stroke_list),
        "remove_stroke": strokes.remove_stroke,
        "to_selection": strokes.to_selection,
    },
    Gimp.Parasite: {"data": property(parasites.data)},
}
for _owner in (Gimp.Image, Gimp.Item):
    _ATTRIBUTES[_owner] |= {
        "parasite_list": lambda self: tuple(self.get_parasite_list()),
        "attach_new_parasite": _attach_new_parasite,
    }


def _sees_what_was_written(self: Any, name: str) -> Any:
    """Any use of an image or an item comes after what regions have written; a method may change pixels."""
    region.flush()
    value = object.__getattribute__(self, name)
    if callable(value) and not name.startswith(_ASKING) and not isinstance(value, (int, tuple)):
        region.expect_changes()
    return value


_ASKING = ("get_", "is_", "has_", "__")  # what methods are called that change nothing

_applied = False


def apply() -> None:
    """Add the attributes; once per process, and only when a procedure runs."""
    global _applied
    if _applied:
        return
    _applied = True
    own = [(kind, name, value) for kind, names in _ATTRIBUTES.items() for name, value in names.items()]
    for kind, name, attribute in [*attribute_table.made(), *own]:
        setattr(kind, name, attribute)
    for kind in (Gimp.Image, Gimp.Item):
        kind.__getattribute__ = _sees_what_was_written
