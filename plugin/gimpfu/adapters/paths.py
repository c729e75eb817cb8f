"""Paths: those of GIMP 1.2, by name, and those in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import values
from ..context import context
from ..errors import error
from ..signature import without_result
from . import selections
from .layers import active_drawable, first


def _path_named(image: Any, name: str) -> Any:
    found = image.get_path_by_name(str(name))
    if found is None:
        raise error(f"the image has no path called {name}.")
    return found


def _path_list(image: Any) -> tuple[int, tuple[str, ...]]:
    return values.counted(path.get_name() for path in image.get_paths())


def _active_path(image: Any) -> Any:
    return first(image.get_selected_paths())


def _path_current(image: Any) -> str:
    found = _active_path(image) or first(image.get_paths())
    if found is None:
        raise error("the image has no path.")
    return str(found.get_name())


def _path_get_points(image: Any, name: str) -> tuple[int, int, int, tuple[float, ...]]:
    """Triples x, y, kind: an anchor is 1, a control point 2, the first anchor of a further stroke 3."""
    path = _path_named(image, name)
    details: list[float] = []
    closed = 1
    for number, stroke in enumerate(path.get_strokes()):
        _, points, is_closed = path.stroke_get_points(int(stroke))
        pairs = list(zip(points[::2], points[1::2], strict=True))
        for index, (x, y) in enumerate([*pairs[1:], pairs[0]] if is_closed else pairs[1:-1]):
            anchor = index % 3 == 0
            details += [x, y, (3.0 if number and index == 0 else 1.0) if anchor else 2.0]
        closed &= int(is_closed)
    return 1, closed, *values.counted(details)


def _path_set_points(image: Any, name: str, kind: int, count: int, details: Any) -> None:
    triples = [float(number) for number in details][: int(count)]
    closed = (len(triples) // 3) % 3 == 0
    path = Gimp.Path.new(image, str(name))
    strokes: list[list[tuple[float, float]]] = []
    for x, y, sort in zip(triples[::3], triples[1::3], triples[2::3], strict=True):
        if not strokes or int(sort) == 3:
            strokes.append([])
        strokes[-1].append((x, y))
    for stroke in strokes:
        points = [stroke[-1], *stroke[:-1]] if closed else [stroke[0], *stroke, stroke[-1]]
        flat = [number for point in points for number in point]
        path.stroke_new_from_points(Gimp.PathStrokeType.BEZIER, flat, closed)
    image.insert_path(path, None, 0)


def _path_stroke_current(image: Any) -> None:
    with context(stroke_method=Gimp.StrokeMethod.PAINT_METHOD):
        active_drawable(image).edit_stroke_item(_active_path(image))


def _path_point_at(image: Any, distance: float) -> tuple[int, int, float]:
    path = _active_path(image) or first(image.get_paths())
    gone = 0.0
    for stroke in path.get_strokes() if path is not None else ():
        length = path.stroke_get_length(stroke, 0.5)
        length = length[-1] if isinstance(length, tuple) else length
        if gone + length >= distance:
            found = path.stroke_get_point_at_dist(stroke, max(0.0, distance - gone), 0.5)
            x, y, slope, *_ = found[-4:]
            return round(x), round(y), slope
        gone += length
    raise error("no path reaches that far.")


def _path_to_selection(
    image: Any, name: str, operation: int, antialias: int, feather: int, radius_x: float, radius_y: float
) -> None:
    given = (_path_named(image, name), operation, antialias, feather, radius_x, radius_y)
    selections.ADAPTERS["gimp-vectors-to-selection"](*given)


def _import_paths(image: Any, filename: str, merge: int, scale: int) -> tuple[int, tuple[int, ...]]:
    _, paths = image.import_paths_from_file(values.file_of(filename), bool(merge), bool(scale))
    return values.counted(paths, by_id=True)


def _import_path_text(
    image: Any, text: str, length: int, merge: int, scale: int
) -> tuple[int, tuple[int, ...]]:
    _, paths = image.import_paths_from_string(str(text), len(str(text).encode()), bool(merge), bool(scale))
    return values.counted(paths, by_id=True)


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-path-list": _path_list,
    "gimp-path-get-current": _path_current,
    "gimp-path-get-points": _path_get_points,
    "gimp-path-set-points": _path_set_points,
    "gimp-path-stroke-current": _path_stroke_current,
    "gimp-path-get-point-at-dist": _path_point_at,
    "gimp-vectors-import-from-file": _import_paths,
    "gimp-vectors-import-from-string": _import_path_text,
    "gimp-vectors-export-to-string": lambda image, path: str(image.export_path_to_string(path or None)),
    **without_result(
        {
            "gimp-path-set-current": lambda image, name: image.set_selected_paths([_path_named(image, name)]),
            "gimp-path-delete": lambda image, name: image.remove_path(_path_named(image, name)),
            "gimp-path-to-selection": _path_to_selection,
            "gimp-path-import": lambda image, filename, merge, scale: _import_paths(
                image, filename, merge, scale
            ),
            "gimp-vectors-export-to-file": lambda image, filename, path: image.export_path_to_file(
                values.file_of(filename), path or None
            ),
        }
    ),
}
