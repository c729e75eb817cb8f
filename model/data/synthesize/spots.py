"""Places on a face, by dlib's 68 landmarks (numbers from 0), and how light each is.

IOD is the distance of the eyes' centres; a spot is a disc of radius 0.07 IOD.

- cheek: half-way between the nose wing (31, 35) and the jaw (3, 13); mean of both sides
- jaw: point 3 and 13, pulled 12 % towards the nose tip (30); mean of both sides
- temple: point 0 and 16, likewise; mean of both sides
- chin: half-way between the lower lip (57) and the chin (8)
- nose: the tip, point 30
- forehead: above the bridge (27), 0.55 IOD along the line from the chin to it
- neck: 0.45 IOD below the chin, on the same line
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

RADIUS: Final = 0.07  # IOD
PULLED: Final = 0.12  # of the way to the nose tip
FOREHEAD: Final = 0.55  # IOD above the bridge
NECK: Final = 0.45  # IOD below the chin
LEAST: Final = 20  # pixels: a spot with fewer inside the photograph is no measurement


def eye_distance(points: Points) -> float:
    """Count the pixels between the eyes' centres."""
    return float(np.linalg.norm(points[42:48].mean(axis=0) - points[36:42].mean(axis=0)))


def places(points: Points) -> dict[str, Points]:
    """Return the centres of each spot, (n, 2); two for those that lie on both sides."""
    iod, tip, chin = eye_distance(points), points[30], points[8]
    up = (points[27] - chin) / np.linalg.norm(points[27] - chin)

    def pulled(*jaw: int) -> Points:
        return np.stack([points[i] + PULLED * (tip - points[i]) for i in jaw])

    return {
        "cheek": np.stack([(points[31] + points[3]) / 2, (points[35] + points[13]) / 2]),
        "jaw": pulled(3, 13),
        "temple": pulled(0, 16),
        "chin": ((points[57] + chin) / 2)[None],
        "nose": tip[None],
        "forehead": (points[27] + FOREHEAD * iod * up)[None],
        "neck": (chin - NECK * iod * up)[None],
    }


def disc(points: Points, centre: Points, valid: NDArray[np.bool_], larger: float = 1) -> NDArray[np.bool_]:
    """Return the pixels of the spot around (x, y) that `valid` (H, W) says are in the photograph."""
    rows, columns = np.mgrid[: valid.shape[0], : valid.shape[1]] + 0.5
    radius = larger * RADIUS * eye_distance(points)
    return np.asarray(((columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius * radius) & valid)


def levels(luminance: NDArray[Any], points: Points, valid: NDArray[np.bool_]) -> dict[str, float]:
    """Return the mean luminance (H, W) of each spot; NaN for one that lies outside of the photograph."""

    def level(centres: Points) -> float:
        found = [disc(points, centre, valid) for centre in centres]
        if min(mask.sum() for mask in found) < LEAST:
            return math.nan
        return float(np.mean([luminance[mask].mean() for mask in found]))

    return {name: level(centres) for name, centres in places(points).items()}
