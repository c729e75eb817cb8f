"""Where the person and the skin are in a crop, for networks that do not say so themselves.

A plain model of a few milliseconds: the framing puts every face at the same place (`model.paper.framing`),
so an oval for the head and a cone for the shoulders seed GrabCut (Rother et al. 2004) on 64 pixels; a guided
filter (He et al. 2013) with the crop's grey brings the cut to the edges at 128. Skin is what has the face's
own colour within the person. Hair that stands off, hands before the chest and busy walls come out roughly.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.framing import RISE, SCALE

from ..guided_filter import guided_filter

Array = NDArray[np.float32]

SIDE: Final = 128  # pixels of the mattes
CUT: Final = 64  # pixels on which GrabCut runs
ROUNDS: Final = 2
FACE: Final = 1 / SCALE  # the landmarks' box, in shares of the crop's side
MIDDLE: Final = 0.5 + RISE / SCALE  # of the face, from the top
# Ovals in face sizes: half width, half height, and how far they lie above the middle of the landmarks.
SURELY: Final = (0.36, 0.42, 0.0)
PERHAPS: Final = (0.78, 0.95, 0.16)
SHOULDERS: Final = (
    0.62,
    0.45,
    1.45,
)  # below the middle where they begin; half widths there and at the lower edge
ENDS: Final = 0.1  # of a matte, where it is sure enough
REFINE: Final = (4, 1e-3)  # the guided filter's radius and variance
SPREAD: Final = np.array([16, 8, 8], np.float32)  # L*, a*, b* within which a colour counts as the face's
CHEEKS: Final = (0.30, 0.22)  # half sides of the box, in face sizes, that says what colour the skin has


def mattes(crop: Array) -> tuple[Array, Array]:
    """Separate the person and the skin from the rest of a framed crop.

    crop: (H, H, 3) sRGB in [0, 1], upright, the face where `face_square` puts it. Returns the person's matte
    and the skin's mask, (128, 128) in [0, 1] each.
    """
    small = np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    person = _person(small)
    return person, _skin(small, person)


def sharpened(matte: Array) -> Array:
    """Take the doubt off both ends of a matte of any shape: below `ENDS` is 0, above 1 - `ENDS` is 1.

    A logistic curve or a filter never says quite 0: the background would take a little of every change.
    """
    return np.asarray(((matte - ENDS) / (1 - 2 * ENDS)).clip(0, 1), np.float32)


def _oval(side: int, half_width: float, half_height: float, up: float) -> NDArray[np.bool_]:
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    middle = MIDDLE - up * FACE
    radius = np.hypot((x - 0.5) / (half_width * FACE), (y - middle) / (half_height * FACE))
    return np.asarray(radius < 1, np.bool_)


def _shoulders(side: int, scale: float) -> NDArray[np.bool_]:
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    start, top, bottom = (share * FACE for share in SHOULDERS)
    down = (y - MIDDLE - start) / max(1e-6, 1 - MIDDLE - start)
    width = scale * (top + (bottom - top) * down.clip(0, 1))
    return np.asarray((down > 0) & (np.abs(x - 0.5) < width), np.bool_)


def _person(small: Array) -> Array:
    picture = (cv2.resize(small, (CUT, CUT), interpolation=cv2.INTER_AREA) * 255 + 0.5).astype(np.uint8)
    cut = np.full((CUT, CUT), cv2.GC_PR_BGD, np.uint8)
    cut[_oval(CUT, *PERHAPS) | _shoulders(CUT, 1)] = cv2.GC_PR_FGD
    cut[_oval(CUT, *SURELY) | _shoulders(CUT, 0.4)] = cv2.GC_FGD
    chin = int((MIDDLE + 0.5 * FACE) * CUT)
    for edge in (cut[:2], cut[:chin, :3], cut[:chin, -3:]):
        edge[edge == cv2.GC_PR_BGD] = cv2.GC_BGD
    cv2.setRNGSeed(1)  # its Gaussian mixtures start by chance
    cv2.grabCut(
        picture, cut, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    hard = np.isin(cut, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, pieces, _, _ = cv2.connectedComponentsWithStats(hard)
    hard = (pieces == pieces[int(MIDDLE * CUT), CUT // 2]).astype(np.float32)
    rough = cv2.resize(hard, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
    return sharpened(guided_filter(grey, rough, *REFINE))


def _skin(small: Array, person: Array) -> Array:
    lab = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2Lab), (0, 0), 0.8)
    half_width, half_height = (round(share * FACE * SIDE) for share in CHEEKS)
    row, column = round(MIDDLE * SIDE), SIDE // 2
    box = lab[row - half_height : row + half_height, column - half_width : column + half_width]
    away = (lab - np.median(box.reshape(-1, 3), axis=0)) / SPREAD
    away[..., 0] = np.where(away[..., 0] > 0, 0.5, 1.0) * away[..., 0]  # shine is skin too
    likely = np.exp(-0.25 * (away * away).sum(-1))
    return np.asarray(((likely - 0.15) / 0.35).clip(0, 1) * person, np.float32)
