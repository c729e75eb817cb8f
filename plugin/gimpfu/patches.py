"""gimpfu's attributes on GIMP 3's own classes: ``layer.name``, ``image.layers`` and their kin.

Scripts get libgimp's objects themselves, with gimpfu's properties added, so nothing needs
wrapping or unwrapping. Where GIMP 3 has a method of the same name (``layer.has_alpha()``),
the value can be called as well and both ways of writing work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from gi.repository import Gimp

from . import adapters, colour, enums, parasites, pixels, region, strokes
from .adapters import editing, images, layers, transformations
from .context import context
from .errors import say_once


class _CallableInt(int):
    """A property's value that may also be called, as GIMP 3's method of that name is."""

    native: Any = None

    def __call__(self) -> Any:
        return self.native


class _CallableTuple(tuple[Any, ...]):
    native: Any = None

    def __call__(self) -> Any:
        return self.native


# GIMP 3's methods that are replaced by GIMP 2's below, taken before `apply` does it.
_copy_layer, _scale_layer, _resize_layer = Gimp.Layer.copy, Gimp.Layer.scale, Gimp.Layer.resize
_scale_image, _resize_text = Gimp.Image.scale, Gimp.TextLayer.resize
_merge_shadow_native = Gimp.Drawable.merge_shadow


def _readable(kind: Any, method: str) -> property:
    return property(lambda self: getattr(self, method)())


def _writable(kind: Any, name: str) -> property:
    def write(self: Any, value: Any) -> None:
        getattr(self, f"set_{name}")(value)

    return property(lambda self: getattr(self, f"get_{name}")(), write)


def _both_ways(kind: Any, method: str) -> property:
    """Return a number that can be read as a property and called as a method."""
    native = getattr(kind, method)

    def read(self: Any) -> _CallableInt:
        value = native(self)
        number = _CallableInt(value)
        number.native = value
        return number

    return property(read)


def _mask_bounds(kind: Any, method: str) -> property:
    native = getattr(kind, method)

    def read(self: Gimp.Drawable) -> _CallableTuple:
        result = native(self)
        bounds = _CallableTuple(result[1:])
        bounds.native = result
        return bounds

    return property(read)


def _first(kind: Any, items: str) -> property:
    """gimpfu's single active item; GIMP 3 has a list of selected ones."""

    def set_(self: Gimp.Image, item: Any) -> None:
        getattr(self, f"set_selected_{items}")([item])

    return property(lambda self: layers.first(getattr(self, f"get_selected_{items}")()), set_)


def _called(kind: Any, method: str) -> Callable[..., Any]:
    return lambda self, *args: getattr(self, method)(*args)


def _inserting(kind: Any, method: str) -> Callable[..., Any]:
    """With gimpfu's defaults: position -1 is right above the active layer."""
    native = getattr(kind, method)
    return lambda self, item, parent=None, position=-1: native(self, item, parent, position)


def _adding(kind: Any, method: str) -> Callable[..., Any]:
    return lambda self, item, position=-1: getattr(self, method)(item, None, position)


def _with_offsets(kind: Any, method: str) -> Callable[..., Any]:
    """``resize`` and ``crop``, whose offsets gimpfu let out."""
    native = getattr(kind, method)
    return lambda self, width, height, offset_x=0, offset_y=0: native(
        self, int(width), int(height), int(offset_x), int(offset_y)
    )


def _whole(kind: Any, method: str) -> Callable[..., Any]:
    """Return a method on whole numbers, which may come as fractions or as text, as in Python 2."""
    native = getattr(kind, method)

    def call(self: Any, *numbers: Any) -> Any:
        return native(self, *(int(float(one)) if isinstance(one, (float, str)) else one for one in numbers))

    return call


_MAKERS: dict[str, Callable[[Any, str], Any]] = {
    "read": _readable,
    "write": _writable,
    "read-or-call": _both_ways,
    "bounds": _mask_bounds,
    "first": _first,
    "call": _called,
    "insert": _inserting,
    "add": _adding,
    "with-offsets": _with_offsets,
    "whole": _whole,
}
# How an attribute is made, of which class, what GIMP 3's names begin with (- for nothing), and GIMP 2's
# names; behind a colon the rest of GIMP 3's name where it is another one.
_TABLE = """
read Image get_ ID:id width height precision layers channels vectors:paths selection name
    floating_selection:floating_sel
read Image is_ dirty
read Item get_ ID:id image parent children
read Drawable get_ width height bpp
read Layer get_ mask
read GroupLayer get_ layers:children
read Display get_ ID:id
read Parasite get_ name flags
write Image - tattoo_state
write Item - name visible tattoo
write Layer - opacity lock_alpha preserve_trans:lock_alpha apply_mask edit_mask show_mask
write Channel - opacity show_masked
read-or-call Item - is_layer_mask
read-or-call Drawable - has_alpha is_rgb is_gray is_grey:is_gray is_indexed type type_with_alpha
read-or-call Layer - is_floating_sel
read-or-call Parasite - is_persistent is_undoable
bounds Drawable - mask_bounds mask_intersect
first Image - active_layer:layers active_channel:channels active_vectors:paths
call Image - disable_undo:undo_disable enable_undo:undo_enable raise_layer:raise_item lower_layer:lower_item
    raise_channel:raise_item lower_channel:lower_item raise_layer_to_top:raise_item_to_top
    lower_layer_to_bottom:lower_item_to_bottom parasite_find:get_parasite parasite_attach:attach_parasite
    parasite_detach:detach_parasite
call Item - parasite_find:get_parasite parasite_attach:attach_parasite parasite_detach:detach_parasite
insert Image - insert_layer insert_vectors:insert_path
add Image insert_ add_layer:layer add_vectors:path add_channel:channel
with-offsets Image - resize crop
with-offsets Layer - resize
whole Image - add_hguide add_vguide
whole Drawable - update
whole Layer - set_offsets
"""


def _made() -> Iterator[tuple[Any, str, Any]]:
    """Yield class, name and attribute of the table's lines."""
    for line in re.split(r"\n(?=\S)", _TABLE.strip()):
        how, of, head, *words = line.split()
        kind = getattr(Gimp, of)
        for name, _, rest in (word.partition(":") for word in words):
            yield kind, name, _MAKERS[how](kind, head.strip("-") + (rest or name))


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
    """Any use of an image or an item comes after the pixels that regions have written."""
    region.flush()
    return object.__getattribute__(self, name)


_applied = False


def apply() -> None:
    """Add the attributes; once per process, and only when a procedure runs."""
    global _applied
    if _applied:
        return
    _applied = True
    own = [(kind, name, value) for kind, names in _ATTRIBUTES.items() for name, value in names.items()]
    for kind, name, attribute in [*_made(), *own]:
        setattr(kind, name, attribute)
    for kind in (Gimp.Image, Gimp.Item):
        kind.__getattribute__ = _sees_what_was_written
