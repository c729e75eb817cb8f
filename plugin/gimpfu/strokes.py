"""gimpfu's strokes of a path, and what a path does with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gi.repository import Gimp

from . import adapters

_remove_stroke = Gimp.Path.remove_stroke  # taken before `patches` puts GIMP 2's form there


class Stroke:
    """gimpfu's ``VectorsBezierStroke``: one stroke of a path; a call makes a new one of control points."""

    type = 0

    def __init__(self, vectors: Gimp.Path, controlpoints: Iterable[float], closed: bool = False):
        points = [float(number) for number in controlpoints]
        made = vectors.stroke_new_from_points(Gimp.PathStrokeType.BEZIER, points, bool(closed))
        self._set(vectors, made)

    @classmethod
    def new_moveto(cls, vectors: Gimp.Path, x0: float, y0: float) -> Stroke:
        """Begin a stroke, which ``lineto``, ``conicto``, ``cubicto`` and ``close`` go on with."""
        return cls.existing(vectors, vectors.bezier_stroke_new_moveto(float(x0), float(y0)))

    @classmethod
    def new_ellipse(
        cls, vectors: Gimp.Path, x0: float, y0: float, radius_x: float, radius_y: float, angle: float
    ) -> Stroke:
        """Make an ellipse about a point; the angle is in radians."""
        place = map(float, (x0, y0, radius_x, radius_y, angle))
        return cls.existing(vectors, vectors.bezier_stroke_new_ellipse(*place))

    @classmethod
    def existing(cls, vectors: Gimp.Path, number: int) -> Stroke:
        """Return the path's stroke with this number."""
        stroke = cls.__new__(cls)
        stroke._set(vectors, number)
        return stroke

    def _set(self, vectors: Gimp.Path, number: int) -> None:
        self.vectors, self.ID = vectors, number
        self.vectors_ID = vectors.get_id()

    @property
    def points(self) -> tuple[list[float], bool]:
        """Return the control points, x and y one after the other, and whether the stroke is closed."""
        _, points, closed = self.vectors.stroke_get_points(self.ID)
        return list(points), bool(closed)

    def get_length(self, precision: float) -> float:
        """Return the length in pixels."""
        found = self.vectors.stroke_get_length(self.ID, float(precision))
        return float(found[-1] if isinstance(found, tuple) else found)

    def get_point_at_dist(self, dist: float, precision: float) -> tuple[float, float, float, bool]:
        """Return x, y, slope and whether it is valid, at a distance along the stroke."""
        return tuple(self.vectors.stroke_get_point_at_dist(self.ID, float(dist), float(precision))[-4:])

    def interpolate(self, precision: float) -> tuple[list[float], bool]:
        """Return points on the curve, x and y one after the other, and whether it is closed."""
        found = self.vectors.stroke_interpolate(self.ID, float(precision))
        return list(found[-2]), bool(found[-1])

    def __getattr__(self, name: str) -> Any:
        for prefix in ("stroke", "bezier_stroke"):
            method = getattr(self.vectors, f"{prefix}_{name}", None)
            if method is not None:
                return lambda *args: method(self.ID, *args)
        raise AttributeError(name)


def stroke_list(self: Gimp.Path) -> list[Stroke]:
    """Return the strokes of a path."""
    return [Stroke.existing(self, number) for number in self.get_strokes()]


def remove_stroke(self: Gimp.Path, stroke: Stroke | int) -> None:
    """``vectors.remove_stroke``, which takes a stroke or its number."""
    _remove_stroke(self, stroke.ID if isinstance(stroke, Stroke) else int(stroke))


def to_selection(
    self: Gimp.Path,
    operation: int = 2,
    antialias: bool = True,
    feather: bool = False,
    feather_radius_x: float = 0.0,
    feather_radius_y: float = 0.0,
) -> None:
    """``vectors.to_selection`` with gimpfu's defaults."""
    adapters.ADAPTERS["gimp-vectors-to-selection"](
        self, operation, antialias, feather, feather_radius_x, feather_radius_y
    )
