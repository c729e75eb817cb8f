"""Which part of the picture is on the screen, and how large: zooming and panning, without a widget."""

from __future__ import annotations

import math
from collections.abc import Callable

MAX_ZOOM = 8.0
Rect = tuple[int, int, int, int]


class Viewport:
    """A place to look at a picture from. size: the picture's. screen: how many pixels it is shown on now."""

    def __init__(self, size: tuple[int, int], screen: Callable[[], tuple[int, int]]):
        self._size, self._screen = size, screen
        self.fit()

    @property
    def zoom(self) -> float:
        """Screen pixels for one pixel of the picture."""
        return self._zoom or self._fit()

    @property
    def is_fit(self) -> bool:
        """Return whether the whole picture is shown."""
        return not self._zoom

    def fit(self) -> None:
        """Show the whole picture."""
        self._zoom = 0.0
        self._centre = (self._size[0] / 2, self._size[1] / 2)

    def set_zoom(self, zoom: float, at: tuple[float, float] | None = None) -> None:
        """Show one pixel of the picture as `zoom` of the screen; the point `at` stays where it is."""
        width, height = self._screen()
        x, y = at or (width / 2, height / 2)
        left, top = self.to_picture(x, y)
        zoom = min(max(zoom, min(self._fit(), 1.0)), MAX_ZOOM)
        if zoom <= self._fit() and zoom < 1.0:
            self.fit()
            return
        self._zoom = zoom
        self._centre = (left + (width / 2 - x) / zoom, top + (height / 2 - y) / zoom)
        self.keep_inside()

    def pan(self, dx: float, dy: float) -> None:
        """Move by screen pixels."""
        self._centre = (self._centre[0] + dx / self.zoom, self._centre[1] + dy / self.zoom)
        self.keep_inside()

    def keep_inside(self) -> None:
        """Allow no panning beyond the picture's edges; a side that fits is centred."""
        centre = []
        for side, length, at in zip(self._screen(), self._size, self._centre, strict=True):
            half = side / self.zoom / 2
            centre.append(length / 2 if 2 * half >= length else min(max(at, half), length - half))
        self._centre = (centre[0], centre[1])

    def needed(self) -> tuple[Rect, int, int]:
        """Return the rectangle of the picture that is seen, and the size at which it is shown."""
        (left, top), (right, bottom) = self.to_picture(0, 0), self.to_picture(*self._screen())
        x = min(max(0, math.floor(left)), self._size[0] - 1)
        y = min(max(0, math.floor(top)), self._size[1] - 1)
        wide = max(1, min(self._size[0], math.ceil(right)) - x)
        high = max(1, min(self._size[1], math.ceil(bottom)) - y)
        share = min(1.0, self.zoom)
        return (x, y, wide, high), max(1, round(wide * share)), max(1, round(high * share))

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the picture lies on the screen."""
        width, height = self._screen()
        return (
            width / 2 - self._centre[0] * self.zoom + x * self.zoom,
            height / 2 - self._centre[1] * self.zoom + y * self.zoom,
        )

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of the picture that lies there on the screen."""
        left, top = self.to_screen(0, 0)
        return (x - left) / self.zoom, (y - top) / self.zoom

    def _fit(self) -> float:
        width, height = self._screen()
        return min(width / self._size[0], height / self._size[1], MAX_ZOOM)
