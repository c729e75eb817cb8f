"""gimpfu's attributes that GIMP 3's classes have as methods, mostly of another name: the table of them.

Where GIMP 3 has a method of the same name (``layer.has_alpha()``), the value can be called as well and both
ways of writing work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from gi.repository import Gimp

from .adapters import layers


class _CallableInt(int):
    """A property's value that may also be called, as GIMP 3's method of that name is."""

    native: Any = None

    def __call__(self) -> Any:
        return self.native


class _CallableTuple(tuple[Any, ...]):
    native: Any = None

    def __call__(self) -> Any:
        return self.native


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


def made() -> Iterator[tuple[Any, str, Any]]:
    """Yield class, GIMP 2's name and attribute of the table's lines."""
    for line in re.split(r"\n(?=\S)", _TABLE.strip()):
        how, of, head, *words = line.split()
        kind = getattr(Gimp, of)
        for name, _, rest in (word.partition(":") for word in words):
            yield kind, name, _MAKERS[how](kind, head.strip("-") + (rest or name))
