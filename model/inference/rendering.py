"""What a method that paints a picture, and not a difference, has to say about one crop.

Our own networks answer with y, a difference at 512 pixels that `server.imaging.lift` brings to full size.
HDRNet and headshot style transfer decide about a crop once, at low resolution, and then compute every
full-size pixel from the photograph's own; so their answer is a function of rows of any size. No torch
and no server here: evaluation, the server's pipeline and the peers share these two definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """Where rows of a photograph lie in a crop's square: first pixel, and the square's side, in pixels.

    In a picture that was made smaller these are no whole numbers.
    """

    top: float
    left: float
    side: float

    def down(self, rows: int) -> Array:
        """Centres of `rows` rows, in shares of the square's side."""
        return ((np.arange(rows) + self.top + 0.5) / self.side).astype(np.float32)

    def across(self, columns: int) -> Array:
        """Centres of `columns` columns, in shares of the square's side."""
        return ((np.arange(columns) + self.left + 0.5) / self.side).astype(np.float32)


class Rendering(Protocol):
    """A method's answer for one upright crop; may be asked for rows from several threads at once."""

    def turned(self, turns: int) -> Rendering:
        """Return the same for the square turned by quarter turns counter-clockwise, as `numpy.rot90`."""

    def rows(self, x: Array, place: Place) -> Array:
        """o_hat of rows. x: (rows, columns, 3) of the photograph, sRGB in [0, 1]; the result is alike."""
