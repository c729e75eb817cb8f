"""gimpfu's attributes on GIMP 3's own classes: ``layer.name``, ``image.layers`` and their kin.

Scripts get libgimp's objects themselves, with gimpfu's properties added, so nothing needs
wrapping or unwrapping. Where GIMP 3 has a method of the same name (``layer.has_alpha()``),
the value can be called as well and both ways of writing work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gi.repository import Gimp

from . import adapters, colour, enums, pixels, region, strokes
from .adapters import editing, images, layers
from .errors import say_once
from .scripts.byte_string import ByteString


class _CallableInt(int):
    """A property's value that may also be called, as GIMP 3's method of that name is."""

    native: Any = None

    def __call__(self) -> Any:
        return self.native


class _CallableTuple(tuple[Any, ...]):
    native: Any = None

    def __call__(self) -> Any:
        return self.native


def _readable(method: str) -> property:
    return property(lambda self: getattr(self, method)())


def _writable(getter: str, setter: str) -> property:
    def write(self: Any, value: Any) -> None:
        getattr(self, setter)(value)

    return property(lambda self: getattr(self, getter)(), write)


def _both_ways(native: Callable[[Any], Any]) -> property:
    """Return a number that can be read as a property and called as a method."""

    def read(self: Any) -> _CallableInt:
        value = native(self)
        number = _CallableInt(value)
        number.native = value
        return number

    return property(read)


def _offsets(self: Gimp.Drawable) -> tuple[int, int]:
    return tuple(self.get_offsets()[1:])


def _mask_bounds(native: Callable[[Any], Any]) -> property:
    def read(self: Gimp.Drawable) -> _CallableTuple:
        result = native(self)
        bounds = _CallableTuple(result[1:])
        bounds.native = result
        return bounds

    return property(read)


def _first(method: str, setter: str) -> property:
    """gimpfu's single active item; GIMP 3 has a list of selected ones."""

    def get(self: Gimp.Image) -> Any:
        return next(iter(getattr(self, method)()), None)

    def set_(self: Gimp.Image, item: Any) -> None:
        getattr(self, setter)([item])

    return property(get, set_)


def _translate(self: Gimp.Layer, dx: int, dy: int) -> None:
    x, y = _offsets(self)
    self.set_offsets(x + int(dx), y + int(dy))


def _with_alpha_option(native: Callable[[Any], Any]) -> Callable[..., Any]:
    def copy(self: Gimp.Layer, add_alpha: bool = False) -> Gimp.Layer:
        layer = native(self)
        if add_alpha:
            layer.add_alpha()
        return layer

    return copy


def _inserting(native: Callable[..., Any]) -> Callable[..., Any]:
    """With gimpfu's defaults: position -1 is right above the active layer."""

    def insert(self: Gimp.Image, item: Any, parent: Any = None, position: int = -1) -> Any:
        return native(self, item, parent, position)

    return insert


def _adding(method: str) -> Callable[..., Any]:
    def add(self: Gimp.Image, item: Any, position: int = -1) -> Any:
        return getattr(self, method)(item, None, position)

    return add


def _with_interpolation(scale: Callable[[], Any], interpolation: int) -> Any:
    """`scale` with an interpolation of its own; -1 is the context's, as in gimpfu."""
    if interpolation == -1:
        return scale()
    Gimp.context_push()
    try:
        Gimp.context_set_interpolation(Gimp.InterpolationType(interpolation))
        return scale()
    finally:
        Gimp.context_pop()


def _image_scale(native: Callable[..., Any]) -> Callable[..., Any]:
    def scale(self: Gimp.Image, width: int, height: int, interpolation: int = -1) -> Any:
        return _with_interpolation(lambda: native(self, int(width), int(height)), interpolation)

    return scale


def _layer_scale(native: Callable[..., Any]) -> Callable[..., Any]:
    def scale(
        self: Gimp.Layer, width: int, height: int, local_origin: bool = False, interpolation: int = -1
    ) -> Any:
        call = partial(native, self, int(width), int(height), bool(local_origin))
        return _with_interpolation(call, interpolation)

    return scale


def _with_offsets(native: Callable[..., Any]) -> Callable[..., Any]:
    """``resize`` and ``crop``, whose offsets gimpfu let out."""

    def resize(self: Any, width: int, height: int, offset_x: int = 0, offset_y: int = 0) -> Any:
        return native(self, int(width), int(height), int(offset_x), int(offset_y))

    return resize


def _text_resize(native: Callable[..., Any]) -> Callable[..., Any]:
    """Of a text layer the text's box with two sizes, the layer itself with GIMP 2's four."""
    of_layer = _with_offsets(Gimp.Layer.resize)

    def resize(self: Any, *sizes: Any) -> Any:
        return native(self, *map(float, sizes)) if len(sizes) == 2 else of_layer(self, *sizes)

    return resize


def _merge_shadow(native: Callable[..., Any]) -> Callable[..., Any]:
    def merge(self: Gimp.Drawable, undo: bool = False) -> Any:
        return native(self, bool(undo))

    return merge


def _attach_new_parasite(self: Any, name: str, flags: int, data: str | bytes) -> Any:
    raw = data.encode() if isinstance(data, str) else data
    return self.attach_parasite(Gimp.Parasite.new(name, flags, raw))


_NATIVE_COUNTS = {
    "flip": 4,
    "flip_simple": 3,
    "perspective": 8,
    "rotate": 4,
    "rotate_simple": 4,
    "scale": 4,
    "shear": 2,
    "2d": 7,
    "matrix": 9,
}


def _by_count(name: str, native: Callable[..., Any]) -> Callable[..., Any]:
    """``transform_X`` with GIMP 2's longer list of arguments, or as libgimp's method of that name."""
    procedure = _transform(name)

    def call(self: Gimp.Drawable, *args: Any, **named: Any) -> Any:
        if len(args) + len(named) > _NATIVE_COUNTS[name]:
            return procedure(self, *args, **named)
        return native(self, *args, **named)

    return call


def _filling(native: Callable[..., Any]) -> Callable[..., Any]:
    """``fill`` with GIMP 2's numbers."""

    def fill(self: Gimp.Drawable, fill_type: int) -> Any:
        return native(self, enums.native(Gimp.FillType, fill_type))

    return fill


def _whole(native: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method on whole numbers, which may come as fractions or as text, as in Python 2."""

    def call(self: Any, *numbers: Any) -> Any:
        return native(self, *(int(float(one)) if isinstance(one, (float, str)) else one for one in numbers))

    return call


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


def _transform(name: str) -> Callable[..., Any]:
    """``drawable.transform_X(...)`` is the procedure with the drawable in front."""
    procedure = adapters.ADAPTERS[f"gimp-drawable-transform-{name.replace('_', '-')}"]

    def call(self: Gimp.Drawable, *args: Any, **named: Any) -> Any:
        return procedure(self, *args, *named.values())

    return call


_LINKED: dict[int, bool] = {}


def _linked(self: Gimp.Item) -> bool:
    if not _LINKED:
        say_once("GIMP 3 has no linked layers: a script that works on those finds none.")
    return _LINKED.get(self.get_id(), False)


def _set_linked(self: Gimp.Item, linked: Any) -> None:
    """GIMP 3 links no items: what a script says of one is remembered for that script only."""
    _LINKED[self.get_id()] = bool(linked)


def _parasites() -> dict[str, Any]:
    return {
        "parasite_find": lambda self, name: self.get_parasite(name),
        "parasite_attach": lambda self, parasite: self.attach_parasite(parasite),
        "parasite_detach": lambda self, name: self.detach_parasite(name),
        "parasite_list": lambda self: tuple(self.get_parasite_list()),
        "attach_new_parasite": _attach_new_parasite,
    }


def _tables() -> dict[type, dict[str, Any]]:
    image, item, drawable, layer = Gimp.Image, Gimp.Item, Gimp.Drawable, Gimp.Layer
    return {
        image: {
            "ID": _readable("get_id"),
            "width": _readable("get_width"),
            "height": _readable("get_height"),
            "base_type": property(lambda self: int(self.get_base_type())),
            "precision": _readable("get_precision"),
            "layers": _readable("get_layers"),
            "channels": _readable("get_channels"),
            "vectors": _readable("get_paths"),
            "active_layer": _first("get_selected_layers", "set_selected_layers"),
            "active_channel": _first("get_selected_channels", "set_selected_channels"),
            "active_vectors": _first("get_selected_paths", "set_selected_paths"),
            "active_drawable": property(layers.active_drawable),
            "selection": _readable("get_selection"),
            "name": _readable("get_name"),
            "filename": property(images.filename, images.set_filename),
            "uri": property(lambda self: self.get_file().get_uri() if self.get_file() else None),
            "dirty": _readable("is_dirty"),
            "disable_undo": lambda self: self.undo_disable(),
            "enable_undo": lambda self: self.undo_enable(),
            "insert_layer": _inserting(image.insert_layer),
            "insert_channel": layers.insert_channel,
            "remove_channel": layers.remove_channel,
            "insert_vectors": _inserting(image.insert_path),
            "add_layer": _adding("insert_layer"),
            "add_channel": lambda self, item, position=-1: layers.insert_channel(self, item, None, position),
            "add_vectors": _adding("insert_path"),
            "colormap": property(pixels.colormap, pixels.set_colormap),
            "floating_selection": _readable("get_floating_sel"),
            "floating_sel_attached_to": property(image.floating_sel_attached_to),
            "resolution": property(_resolution, _set_resolution),
            "tattoo_state": _writable("get_tattoo_state", "set_tattoo_state"),
            "unit": property(
                lambda self: self.get_unit().get_id(),
                lambda self, number: self.set_unit(Gimp.Unit.get_by_id(int(number))),
            ),
            "new_layer": _new_layer,
            "unset_active_channel": lambda self: self.set_selected_channels([]),
            "lower_channel": lambda self, item: self.lower_item(item),
            "raise_channel": lambda self, item: self.raise_item(item),
            "add_hguide": _whole(image.add_hguide),
            "add_vguide": _whole(image.add_vguide),
            "free_shadow": lambda self: None,
            "scale": _image_scale(image.scale),
            "resize": _with_offsets(image.resize),
            "crop": _with_offsets(image.crop),
            "raise_layer": lambda self, item: self.raise_item(item),
            "lower_layer": lambda self, item: self.lower_item(item),
            "raise_layer_to_top": lambda self, item: self.raise_item_to_top(item),
            "lower_layer_to_bottom": lambda self, item: self.lower_item_to_bottom(item),
            **_parasites(),
        },
        item: {
            "ID": _readable("get_id"),
            "name": _writable("get_name", "set_name"),
            "visible": _writable("get_visible", "set_visible"),
            "tattoo": _writable("get_tattoo", "set_tattoo"),
            "image": _readable("get_image"),
            "parent": _readable("get_parent"),
            "children": _readable("get_children"),
            "is_layer_mask": _both_ways(item.is_layer_mask),
            "linked": property(_linked, _set_linked),
            "from_id": staticmethod(Gimp.Item.get_by_id),
            **_parasites(),
        },
        drawable: {
            "width": _readable("get_width"),
            "height": _readable("get_height"),
            "bpp": _readable("get_bpp"),
            "offsets": property(_offsets),
            "has_alpha": _both_ways(drawable.has_alpha),
            "is_rgb": _both_ways(drawable.is_rgb),
            "is_gray": _both_ways(drawable.is_gray),
            "is_grey": _both_ways(drawable.is_gray),
            "is_indexed": _both_ways(drawable.is_indexed),
            "type": _both_ways(drawable.type),
            "type_with_alpha": _both_ways(drawable.type_with_alpha),
            "mask_bounds": _mask_bounds(drawable.mask_bounds),
            "mask_intersect": _mask_bounds(drawable.mask_intersect),
            "merge_shadow": _merge_shadow(drawable.merge_shadow),
            "flush": lambda self: region.flush(),
            "fill": _filling(drawable.fill),
            "get_pixel": _get_pixel,
            "set_pixel": _set_pixel,
            "get_tile": lambda self, shadow, row, column: region.Tile(self, shadow, int(column), int(row)),
            "get_tile2": lambda self, shadow, x, y: region.Tile(self, shadow, int(x) // 64, int(y) // 64),
            "get_data": lambda self, format=None: bytes(region.PixelRgn(self)[:, :]),
            "update": _whole(drawable.update),
            "free_shadow": lambda self: None,
            "offset": adapters.ADAPTERS["gimp-drawable-offset"],
            **{
                f"transform_{name}_default": _transform(f"{name}_default")
                for name in ("flip", "perspective", "rotate", "scale", "shear", "2d", "matrix")
            },
            **{
                f"transform_{name}": _by_count(name, getattr(drawable, f"transform_{name}"))
                for name in _NATIVE_COUNTS
            },
            "get_pixel_rgn": lambda self, *place, **how: region.PixelRgn(self, *place, **how),
        },
        layer: {
            "mode": property(
                lambda self: int(self.get_mode()), lambda self, mode: self.set_mode(Gimp.LayerMode(int(mode)))
            ),
            "opacity": _writable("get_opacity", "set_opacity"),
            "mask": _readable("get_mask"),
            "lock_alpha": _writable("get_lock_alpha", "set_lock_alpha"),
            "preserve_trans": _writable("get_lock_alpha", "set_lock_alpha"),
            "is_floating_sel": _both_ways(layer.is_floating_sel),
            "scale": _layer_scale(layer.scale),
            "resize": _with_offsets(layer.resize),
            "apply_mask": _writable("get_apply_mask", "set_apply_mask"),
            "edit_mask": _writable("get_edit_mask", "set_edit_mask"),
            "show_mask": _writable("get_show_mask", "set_show_mask"),
            "translate": _translate,
            "set_offsets": _whole(layer.set_offsets),
            "copy": _with_alpha_option(layer.copy),
        },
        Gimp.GroupLayer: {"layers": _readable("get_children")},
        Gimp.Channel: {
            "opacity": _writable("get_opacity", "set_opacity"),
            "show_masked": _writable("get_show_masked", "set_show_masked"),
            **dict.fromkeys(
                ("color", "colour"),
                property(
                    lambda self: colour.from_gegl(self.get_color()),
                    lambda self, value: self.set_color(colour.to_gegl(value)),
                ),
            ),
        },
        Gimp.TextLayer: {"resize": _text_resize(Gimp.TextLayer.resize)},
        Gimp.Path: {"strokes": property(strokes.stroke_list), "to_selection": strokes.to_selection},
        Gimp.Display: {"ID": _readable("get_id")},
        Gimp.Parasite: {
            "name": _readable("get_name"),
            "flags": _readable("get_flags"),
            "data": property(lambda self: ByteString(bytes(self.get_data()))),
            "is_persistent": _both_ways(Gimp.Parasite.is_persistent),
            "is_undoable": _both_ways(Gimp.Parasite.is_undoable),
        },
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
    for kind, names in _tables().items():
        for name, attribute in names.items():
            setattr(kind, name, attribute)
    for kind in (Gimp.Image, Gimp.Item):
        kind.__getattribute__ = _sees_what_was_written
