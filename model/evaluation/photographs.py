"""What a network does to real photographs, of which no truth is known: ``python -m model evaluate --real DIR``.

For each photograph, in its 512-pixel crop and with the network's own reach (the person's matte):

- L*, a*, b*: change of the face's median
- shine: L95-50 after / before (95th percentile of L* minus the median)
- neck step: distance in a*, b* from the face to the neck, after - before
- outside: largest change, in levels of 255, of the 99.9 % of pixels least changed that are not the person, by
  a plain separation (GrabCut) which the network knows nothing of

See `face_statistics` for what face and neck are. Quartiles, and the 5th and 95th percentile, by skin group
where the folder's manifest.csv has the columns file and skin.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from model.data.synthesize.portraits import Unfit
from model.inference import mattes
from model.inference.predictor import Network
from model.paper import equations
from model.paper.bilateral import filter_crop

from . import face_statistics as faces
from .metrics import eight_bit

Row = dict[str, float]
COLUMNS: Final = ("L*", "a*", "b*", "shine", "neck step", "outside")
PERCENTILES: Final = (5, 25, 50, 75, 95)
FAR: Final = 9  # pixels beyond the plain separation's edge from which on a pixel is surely not the person


def change(path: Path, network: Network) -> Row:
    """The numbers of one photograph; NaN where there is no neck or no background. Raises `Unfit`."""
    face = faces.read(path)
    matte = network.components(face.crop[None])[0].person
    y = network(filter_crop(face.crop)[None])[0] if callable(network) else None
    after = reached(face.crop, y, matte)
    mask, before = faces.face_mask(face), face.crop
    sides = [faces.lab(picture)[mask] for picture in (before, after)]
    medians = [np.median(side, axis=0) for side in sides]
    shine = [np.percentile(side[:, 0], 95) - median[0] for side, median in zip(sides, medians, strict=True)]
    moved = medians[1] - medians[0]
    return {
        "L*": float(moved[0]),
        "a*": float(moved[1]),
        "b*": float(moved[2]),
        "shine": float(shine[1] / max(shine[0], 1)),
        "neck step": faces.neck_step(face, after) - faces.neck_step(face),
        "outside": _outside(face, after),
    }
