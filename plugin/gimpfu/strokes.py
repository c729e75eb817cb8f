"""gimpfu's strokes of a path, and what a path does with them."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from . import adapters


class Stroke:
    """gimpfu's ``VectorsBezierStroke``: one stroke of a path."""

    type = 0

    def __init__(self, vectors: Gimp.Path, number: int):
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
    return [Stroke(self, number) for number in self.get_strokes()]


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
