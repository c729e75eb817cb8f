"""GEGL operations on a drawable, as GIMP 2.10's ``gimp_drawable_apply_operation`` ran them.

The result goes through the drawable's shadow buffer, so selection and undo are honoured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gi.repository import Babl, Gegl, Gimp

from . import region
from .errors import error
from .region import Rectangle

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


def _selected(drawable: Any) -> Rectangle | None:
    """Make GEGL ready, and return what is to be changed; None for nothing. Raises `error` for a group."""
    if isinstance(drawable, Gimp.GroupLayer):
        raise error("A layer group has no pixels of its own.")
    inside, x, y, width, height = drawable.mask_intersect()
    region.flush()
    Gegl.init(None)
    return (x, y, width, height) if inside and width >= 1 and height >= 1 else None


def apply(drawable: Any, operation: Operation) -> None:
    """Run `operation` on the selected part of `drawable`. Raises `error`."""
    selected = _selected(drawable)
    if selected is None:
        return
    whole = (0, 0, drawable.get_width(), drawable.get_height())
    cast = operation.cast and "'" in Babl.get_name(drawable.get_format())
    if cast or operation.bounds:
        _apply_copied(drawable, operation, selected if operation.bounds else whole, cast)
    else:
        shadow = drawable.get_shadow_buffer()
        process(operation, drawable.get_buffer(), shadow, whole)
        shadow.flush()
    _merge(drawable, selected)


def _merge(drawable: Any, area: Rectangle) -> None:
    drawable.merge_shadow(True)
    drawable.update(*area)


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
    stored, linear = _formats(drawable, False)[0], _linear(drawable)
    place, size = selected[:2], selected[2:]
    with _layer_in_linear_light(drawable, size) as layer:
        _copy(drawable.get_buffer(), place, stored, layer.get_buffer(), (0, 0), linear, size)
        change(layer)
        shadow = drawable.get_shadow_buffer()
        _copy(layer.get_buffer(), (0, 0), linear, shadow, place, stored, size)
    _merge(drawable, selected)


@contextmanager
def _layer_in_linear_light(drawable: Any, size: Place) -> Iterator[Any]:
    """Make a layer of the drawable's kind in an image of its own for a while."""
    gray = _is_gray(drawable)
    base, kind = (Gimp.ImageBaseType.GRAY, "GRAY") if gray else (Gimp.ImageBaseType.RGB, "RGB")
    kind = getattr(Gimp.ImageType, kind + ("A" if drawable.has_alpha() else "") + "_IMAGE")
    image = Gimp.Image.new_with_precision(*size, base, Gimp.Precision.FLOAT_LINEAR)
    try:
        image.undo_disable()
        layer = Gimp.Layer.new(image, "", *size, kind, 100.0, Gimp.LayerMode.NORMAL)
        image.insert_layer(layer, None, 0)
        yield layer
    finally:
        image.delete()


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
    linear = _linear(drawable)
    stored = linear.replace("Y", "Y'").replace("RGB", "R'G'B'")
    spaced = Babl.get_name(Babl.format_with_space(stored, native))
    return spaced, Babl.get_name(Babl.format_with_space(linear, native)) if cast else spaced


def _linear(drawable: Any) -> str:
    return ("Y" if _is_gray(drawable) else "RGB") + ("A" if drawable.has_alpha() else "") + " float"


def _is_gray(drawable: Any) -> bool:
    return drawable.is_gray() or isinstance(drawable, Gimp.Channel)


def process(operation: Operation, source: Any, target: Any, area: tuple[int, ...]) -> None:
    """Write into buffer `target` what `operation` makes of buffer `source`, within area. Raises `error`."""
    graph = Gegl.Node()
    node = _child(graph, operation.name, **operation.properties)
    if node.has_pad("input"):
        _child(graph, "gegl:buffer-source", buffer=source).connect_to("output", node, "input")
    for pad, drawable in operation.aux.items():
        _child(graph, "gegl:buffer-source", buffer=drawable.get_buffer()).connect_to("output", node, pad)
    edges = dict(zip(("x", "y", "width", "height"), map(float, area), strict=True))
    crop = _child(graph, "gegl:crop", **edges)
    write = _child(graph, "gegl:write-buffer", buffer=target)
    node.connect_to("output", crop, "input")
    crop.connect_to("output", write, "input")
    write.process()


def _child(graph: Any, operation: str, /, **properties: Any) -> Any:
    node = graph.create_child(operation)
    if node is None or not node.get_operation():
        raise error(f"This GIMP has no operation {operation}.")
    for name, value in properties.items():
        node.set_property(name, value)
    return node
