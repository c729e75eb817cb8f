"""What is judged: simulated flashes of held-out people, or real pairs; one at a time, the same for a seed.

A flash follows from the seed, the portrait's name and its number, so that a larger or smaller set of
portraits changes no more than what some of them stand before: a part of another portrait. Nobody who was
trained on is ever taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from model.data.prepare import pairs as prepared
from model.data.synthesize.cache import Entry
from model.data.synthesize.flash import JUDGED, Mix
from model.data.synthesize.masks import skin as skin_mask
from model.data.synthesize.pairs import fixed
from model.data.synthesize.portraits import Unfit, find_landmarks
from model.paper.bilateral import filter_crop

from .metrics import SHADE, SHINE, Image, Mask, eight_bit

SKIN: Final = 0.5  # of the skin's matte
DARK_SKIN: Final = 0.47  # median sRGB grey of a portrait's skin: darker people get more flashes
DARK_FACTOR: Final = 3


@dataclass(frozen=True)
class Sample:
    """One pair of a person. x, o: (512, 512, 3) float32 sRGB, 8 bit; bl_x, bl_o: BL of them.

    skin: bare skin. shine, shade: where on it the flash's shine is seen and where most of its light is
    missing; None for real pairs, of which nobody knows. bl_own: BL of the same studio portrait in the flash
    photograph's own exposure and complexion; None where nobody knows.
    """

    person: str
    name: str
    x: Image
    o: Image
    bl_x: Image
    bl_o: Image
    skin: Mask
    shine: Mask | None
    shade: Mask | None
    bl_own: Image | None = None


@dataclass(frozen=True)
class Planned:
    """A sample that can be made, and made again: its person and name, and how."""

    person: str
    name: str
    make: Callable[[], Sample]


def plan(folder: Path, entries: Sequence[Entry], flashes: int, seed: int, mix: Mix = JUDGED) -> list[Planned]:
    """`flashes` of each held-out person, dealt over the person's portraits; three times that of dark skin.

    folder: of the cached maps. mix: which flashes. Darker people are few and the most important to know
    about; means are
    taken over people, so that having more flashes gives nobody more weight.
    """
    held_out = sorted((entry for entry in entries if entry.held_out), key=lambda entry: entry.name)
    people: dict[str, list[Entry]] = {}
    for entry in held_out:
        people.setdefault(entry.person, []).append(entry)
    return [
        _planned(folder, held_out, own[number % len(own)], number, seed, mix)
        for own in people.values()
        for number in range(flashes * (DARK_FACTOR if _dark(own) else 1))
    ]


def _dark(own: Sequence[Entry]) -> bool:
    return float(np.median([entry.lightness for entry in own])) < DARK_SKIN


def _planned(folder: Path, known: Sequence[Entry], entry: Entry, number: int, seed: int, mix: Mix) -> Planned:
    name = f"{entry.name} {number}"
    digest = hashlib.sha256(name.encode()).digest()
    seeds = [seed, int.from_bytes(digest[:8], "big")]
    return Planned(entry.person, name, partial(_flash, folder, known, entry, name, seeds, mix))


def _flash(
    folder: Path, known: Sequence[Entry], entry: Entry, name: str, seed: Sequence[int], mix: Mix
) -> Sample:
    shot = fixed(folder, known, [entry], seed, mix)
    as_fixed = replace(mix, exposure_tie=1.0, hue_tie=1.0)
    pair = shot.pairs()
    own = pair if mix == as_fixed else shot.aimed(as_fixed).pairs()
    x, o = (eight_bit(_image(side)) for side in (pair.x, pair.o))
    bl_x, bl_o, bl_own = (_image(side) for side in (pair.bl_x, pair.bl_o, own.bl_o))
    skin = pair.skin[0, 0].numpy() > SKIN
    shine = skin & (pair.specular[0, 0].numpy() > SHINE)
    shade = skin & (pair.shadow[0, 0].numpy() > SHADE)
    return Sample(entry.person, name, x, o, bl_x, bl_o, skin, shine, shade, bl_own)


def _image(batch: Tensor) -> Image:
    return np.ascontiguousarray(batch[0].permute(1, 2, 0).numpy())


def plan_real(folder: Path) -> list[Planned]:
    """Return the held-out pairs of a folder made by ``python -m model prepare``. Raises `ValueError`."""
    found = [pair for pair in prepared.read(folder) if pair.held_out]
    if not found:
        raise ValueError(f"{folder} holds no pairs of held-out people; prepare photographs of more people")
    return [Planned(pair.person, pair.flash.stem, partial(_real, pair)) for pair in found]


def _real(pair: prepared.Pair) -> Sample:
    """Read a pair. Raises `ValueError` for a picture that cannot be read, `Unfit` where no face is found."""
    x, o = prepared.load(pair)
    pixels = (o * 255 + 0.5).astype(np.uint8)
    skin = bare_skin(pixels, find_landmarks(pixels))
    return Sample(pair.person, pair.flash.stem, x, o, filter_crop(x), filter_crop(o), skin, None, None)


def bare_skin(crop: NDArray[np.uint8], landmarks: NDArray[Any]) -> Mask:
    """Skin within the hull of the 68 landmarks (68, 2), without eyes, brows and mouth. Raises `Unfit`."""
    hull = np.zeros(crop.shape[:2], np.float32)
    cv2.fillConvexPoly(hull, cv2.convexHull(landmarks.astype(np.int32)), 1.0)
    found = skin_mask(crop, hull, landmarks)[0] > SKIN
    if not found.any():
        raise Unfit("no bare skin")
    return np.asarray(found)
