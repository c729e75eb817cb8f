"""GEGL operations on a drawable, as GIMP 2.10's ``gimp_drawable_apply_operation`` ran them.

The result goes through the drawable's shadow buffer, so selection and undo are honoured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gi.repository import Babl, Gegl, Gimp

from . import region
from .errors import error

_STRIP = 128  # rows


@dataclass
class Operation:
    """One operation with its properties.

    aux: drawables by the name of the pad that they feed. cast: work on the values as they
    are stored (with gamma), which GIMP 2.10 arranged for filters from before GEGL by calling
    them linear. bounds: see only the selection's rectangle, placed at 0, 0.
    """

    name: str
    properties: dict[str, Any] = field(default_factory=dict)
    aux: dict[str, Any] = field(default_factory=dict)
    cast: bool = False
    bounds: bool = False


def _selected(drawable: Any) -> tuple[int, int, int, int] | None:
    """Return x, y, width, height of what is to be changed; None for nothing. Raises `error` for a group."""
    if isinstance(drawable, Gimp.GroupLayer):
        raise error("A layer group has no pixels of its own.")
    inside, x, y, width, height = drawable.mask_intersect()
    return (x, y, width, height) if inside and width >= 1 and height >= 1 else None


def apply(drawable: Any, operation: Operation) -> None:
    """Run `operation` on the selected part of `drawable`. Raises `error`."""
    selected = _selected(drawable)
    if selected is None:
        return
    x, y, width, height = selected
    region.flush()
    Gegl.init(None)
    whole = (0, 0, drawable.get_width(), drawable.get_height())
    area = (x, y, width, height) if operation.bounds else whole
    name = Babl.get_name(drawable.get_format())
    cast = operation.cast and "'" in name
    if cast or operation.bounds:
        _apply_copied(drawable, operation, area, cast)
    else:
        shadow = drawable.get_shadow_buffer()
        process(operation, drawable.get_buffer(), shadow, whole)
        shadow.flush()
    drawable.merge_shadow(True)
    drawable.update(x, y, width, height)


def _apply_copied(drawable: Any, operation: Operation, area: tuple[int, ...], cast: bool) -> None:
    stored, worked = _formats(drawable, cast)
    here = Gegl.Rectangle.new(*area)
    moved = (0, 0, area[2], area[3])
    there = Gegl.Rectangle.new(*moved)
    source = Gegl.Buffer.new(worked, *moved)
    source.set(there, worked, drawable.get_buffer().get(here, 1.0, stored, Gegl.AbyssPolicy.NONE))
    result = Gegl.Buffer.new(worked, *moved)
    process(operation, source, result, moved)
    shadow = drawable.get_shadow_buffer()
    shadow.set(here, stored, result.get(there, 1.0, worked, Gegl.AbyssPolicy.NONE))
    shadow.flush()


def apply_to_stored(drawable: Any, change: Callable[[Any], object]) -> None:
    """Run GIMP's own `change` on a layer whose linear light has the values that `drawable` stores.

    GIMP 2.10's colour procedures worked on values with gamma; many of GIMP 3.0's work on linear
    light, whatever the image's precision. `change` does not see the selection; its result is
    mixed by it. Raises `error`.
    """
    selected = _selected(drawable)
    if selected is None:
        return
    x, y, width, height = selected
    region.flush()
    stored, _ = _formats(drawable, False)
    gray, alpha = "Y'" in stored, drawable.has_alpha()
    base, kind = (Gimp.ImageBaseType.GRAY, "GRAY") if gray else (Gimp.ImageBaseType.RGB, "RGB")
    kind = getattr(Gimp.ImageType, kind + ("A" if alpha else "") + "_IMAGE")
    linear = ("Y" if gray else "RGB") + ("A" if alpha else "") + " float"
    image = Gimp.Image.new_with_precision(width, height, base, Gimp.Precision.FLOAT_LINEAR)
    try:
        image.undo_disable()
        layer = Gimp.Layer.new(image, "", width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
        image.insert_layer(layer, None, 0)
        _copy(drawable.get_buffer(), (x, y), stored, layer.get_buffer(), (0, 0), linear, (width, height))
        change(layer)
        shadow = drawable.get_shadow_buffer()
        _copy(layer.get_buffer(), (0, 0), linear, shadow, (x, y), stored, (width, height))
    finally:
        image.delete()
    drawable.merge_shadow(True)
    drawable.update(x, y, width, height)


Place = tuple[int, int]


def _copy(source: Any, at: Place, read: str, target: Any, to: Place, told: str, size: Place) -> None:
    """Copy samples read as `read` and call them `told`, in strips: float takes much memory."""
    for row in range(0, size[1], _STRIP):
        rows = min(_STRIP, size[1] - row)
        here = Gegl.Rectangle.new(at[0], at[1] + row, size[0], rows)
        there = Gegl.Rectangle.new(to[0], to[1] + row, size[0], rows)
        target.set(there, told, source.get(here, 1.0, read, Gegl.AbyssPolicy.NONE))
    target.flush()


def _formats(drawable: Any, cast: bool) -> tuple[str, str]:
    """Return the formats that a drawable's samples are read in, and that the operation is told they have."""
    native = drawable.get_format()
    gray = drawable.is_gray() or isinstance(drawable, Gimp.Channel)
    alpha = "A" if drawable.has_alpha() else ""
    stored = ("Y'" if gray else "R'G'B'") + alpha + " float"
    linear = ("Y" if gray else "RGB") + alpha + " float"
    spaced = Babl.get_name(Babl.format_with_space(stored, native))
    return spaced, Babl.get_name(Babl.format_with_space(linear, native)) if cast else spaced


def process(operation: Operation, source: Any, target: Any, area: tuple[int, ...]) -> None:
    """Write into buffer `target` what `operation` makes of buffer `source`, within area. Raises `error`."""
    graph = Gegl.Node()
    node = graph.create_child(operation.name)
    if node is None or not node.get_operation():
        raise error(f"This GIMP has no operation {operation.name}.")
    for name, value in operation.properties.items():
        node.set_property(name, value)
    if node.has_pad("input"):
        _buffer_node(graph, source).connect_to("output", node, "input")
    for pad, drawable in operation.aux.items():
        _buffer_node(graph, drawable.get_buffer()).connect_to("output", node, pad)
    crop = graph.create_child("gegl:crop")
    for name, number in zip(("x", "y", "width", "height"), area, strict=True):
        crop.set_property(name, float(number))
    write = graph.create_child("gegl:write-buffer")
    write.set_property("buffer", target)
    node.connect_to("output", crop, "input")
    crop.connect_to("output", write, "input")
    write.process()


def _buffer_node(graph: Any, buffer: Any) -> Any:
    node = graph.create_child("gegl:buffer-source")
    node.set_property("buffer", buffer)
    return node
