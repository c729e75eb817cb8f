"""Where the person and the skin are in a crop.

The person is found by MediaPipe's selfie segmentation (Apache-2.0), run by OpenCV: trained on far more people
and backgrounds than there are portraits here, it keeps shoulders and leaves walls. A poster or a head behind
that it takes for the person it mostly leaves when it sees left and right exchanged, so both must agree. What
it does not know is a crop that reaches far beyond the picture, where the edge's pixels are repeated. There it
is asked once more, of the picture mirrored at its edges, and with a network's own matte these are three
votes: each alone takes a door for a shoulder sometimes, or loses half a face. Elsewhere a network's matte,
which is coarse and misses many an arm, only weakens what the segmentation is not sure of. Skin is a network's
own map, or what has the face's own colour within the person.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.framing import RISE, SCALE

from . import segmentation
from .weights import WEIGHTS, checked

Array = NDArray[np.float32]

INPUT: Final = 256  # pixels that the segmentation takes and answers
UNSURE: Final = 0.2  # of its answer, at both ends: it says so, and is right all the same
NEAR: Final = 6  # of its pixels, by which a network's own matte, which is coarse, is widened
DOUBTED: Final = 0.6  # of the matte made of its answer: where the network sees nobody, nobody up to here
WITHIN: Final = (0.5, 0.7)  # share of the crop that is picture: where three vote, where one decides
REPEATED: Final = 1 / 255  # rows and columns that differ by less lie beyond the picture
SIDE: Final = 128  # pixels of the skin's mask
ENDS: Final = 0.1  # of a network's matte, where it is sure enough
FACE: Final = 1 / SCALE  # the landmarks' box, in shares of the crop's side
MIDDLE: Final = 0.5 + RISE / SCALE  # of the face, from the top
SPREAD: Final = np.array([16, 8, 8], np.float32)  # L*, a*, b* within which a colour counts as the face's
CHEEKS: Final = (0.30, 0.22)  # half sides of the box, in face sizes, that says what colour the skin has

_one_at_a_time = threading.Lock()


def mattes(crop: Array, own: Array | None = None, skin: Array | None = None) -> tuple[Array, Array]:
    """Separate the person and the skin from the rest of a framed crop.

    crop: (H, H, 3) sRGB in [0, 1], upright, the face where `face_square` puts it. own, skin: a network's own
    matte of the person and mask of the skin, (h, w) in [0, 1], if it gives them. Returns the person's matte,
    (256, 256) in [0, 1], and the skin's mask. Raises `BadWeights` if the segmentation's file is not ours.
    """
    alone = _segmented(crop)
    person = alone if own is None else _undoubted(alone, own)
    if skin is None:
        skin = _skin(np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)))
    else:
        skin = sharpened(skin)
    lone, enough = WITHIN
    rows, columns = _changing(crop)
    within = float(rows.mean() * columns.mean())  # of a crop turned aslant, 1
    share = float(np.clip((enough - within) / (enough - lone), 0, 1))
    if share:
        also = _stretched(skin) if own is None else np.maximum(_stretched(skin), _stretched(sharpened(own)))
        again = _segmented(_mirrored(crop, rows, columns))
        two = np.maximum(np.minimum(alone, again), np.minimum(np.maximum(alone, again), also))
        person = person + np.float32(share) * (two - person)
    return person, skin * cv2.resize(person, skin.shape[::-1], interpolation=cv2.INTER_AREA)


def sharpened(matte: Array, ends: float = ENDS) -> Array:
    """Take the doubt off both ends of a matte of any shape: below `ends` is 0, above 1 - `ends` is 1.

    A logistic curve or a filter never says quite 0: the background would take a little of every change.
    """
    return np.asarray(((matte - ends) / (1 - 2 * ends)).clip(0, 1), np.float32)


@functools.cache
def _segmentation() -> Any:
    data = checked(WEIGHTS / segmentation.FILE, segmentation.SHA256, "the segmentation")
    return cv2.dnn.readNetFromTFLite(np.frombuffer(data, np.uint8))


def _segmented(crop: Array) -> Array:
    """Return what is the person as seen and with left and right exchanged: the lesser of both answers."""
    small = cv2.resize(crop, (INPUT, INPUT), interpolation=cv2.INTER_AREA)
    answers = []
    with _one_at_a_time:  # a network of OpenCV's belongs to one thread
        network = _segmentation()
        for way in (1, -1):
            network.setInput(cv2.dnn.blobFromImage(small[:, ::way]))
            answers.append(np.array(network.forward(), np.float32).reshape(INPUT, INPUT)[:, ::way])
    return sharpened(np.minimum(*answers), UNSURE)


def _undoubted(person: Array, own: Array) -> Array:
    """Weaken what the segmentation is not sure of, often somebody behind, where `own` sees nobody near."""
    near = cv2.dilate(_stretched(sharpened(own)), np.ones((2 * NEAR + 1,) * 2, np.uint8))
    sure = ((person - DOUBTED) / (1 - DOUBTED)).clip(0)
    return np.asarray(sure + near * (person - sure), np.float32)


def _changing(crop: Array) -> list[NDArray[np.bool_]]:
    """Of rows and of columns: which differ from the next one, as those beyond the picture do not."""
    grey = crop[..., 1]
    return [np.abs(np.diff(grey, axis=axis)).max(1 - axis) > REPEATED for axis in (0, 1)]


def _mirrored(crop: Array, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> Array:
    """Return the crop with mirrored pixels in place of repeated ones at its sides and above.

    Half a face becomes a whole one. Below, where a body goes on, a chin would get another face. rows,
    columns: as `_changing` tells.
    """
    if not rows.any() or not columns.any():
        return crop
    top, left, right = (int(side.argmax()) for side in (rows, columns, columns[::-1]))
    picture = crop[top:, left : crop.shape[1] - right]
    border = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.copyMakeBorder(picture, top, 0, left, right, borderType=border), np.float32)


def _stretched(matte: Array) -> Array:
    return np.asarray(cv2.resize(matte, (INPUT, INPUT), interpolation=cv2.INTER_LINEAR), np.float32)


def _skin(small: Array) -> Array:
    lab = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), (0, 0), 0.8)
    half_width, half_height = (round(share * FACE * SIDE) for share in CHEEKS)
    row, column = round(MIDDLE * SIDE), SIDE // 2
    box = lab[row - half_height : row + half_height, column - half_width : column + half_width]
    away = (lab - np.median(box.reshape(-1, 3), axis=0)) / SPREAD
    away[..., 0] = np.where(away[..., 0] > 0, 0.5, 1.0) * away[..., 0]  # shine is skin too
    likely = np.exp(-0.25 * (away * away).sum(-1))
    return np.asarray(((likely - 0.15) / 0.35).clip(0, 1), np.float32)
