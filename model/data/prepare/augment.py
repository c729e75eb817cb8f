"""The paper's augmentation, x20: rotations about the face's centre, frame or face, flipped or not.

For each of -20, -10, 0, 10 and 20 degrees the whole crop and the face's box, each as it is and mirrored.
Both pictures of a pair go through the same map. Paper: section "Dataset creation".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from model.paper.bilateral import SIZE
from model.paper.framing import RISE, SCALE, Square

from .crop import Matrix, square_matrix

ANGLES: Final = (-20, -10, 0, 10, 20)  # degrees, counter-clockwise on the screen
FACE: Final = 1.3  # side of the face's box, in larger sides of the landmarks' bounding box
WHOLE: Final = Square(SIZE / 2, SIZE / 2, SIZE)  # of a crop itself


def views(square: Square) -> Iterator[tuple[str, Matrix]]:
    """Twenty names and maps from the pixels of a 512-pixel view to those of the picture.

    square: the face's head-and-shoulders square in the picture, as `face_square` gives it (`WHOLE` when
    the picture is the crop of one). The view "r0_frame" is the square itself.
    """
    extent = square.side / SCALE
    face = Square(square.cx, square.cy + RISE * extent, FACE * extent)
    for angle in ANGLES:
        for kind, part in (("frame", square), ("face", face)):
            for flip in (False, True):
                name = f"r{angle}_{kind}" + "_flip" * flip
                yield name, _view(part, (face.cx - 0.5, face.cy - 0.5), angle, flip)


def _view(square: Square, about: tuple[float, float], angle: float, flip: bool) -> Matrix:
    matrix, centre = square_matrix(square), np.array(about)
    if flip:
        matrix = np.column_stack([-matrix[:, 0], matrix[:, 1], matrix[:, 2] + (SIZE - 1) * matrix[:, 0]])
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    turned = turn @ matrix
    turned[:, 2] += centre - turn @ centre
    return turned
