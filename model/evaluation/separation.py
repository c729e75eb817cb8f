"""Separate the person from the rest of a crop by a plain model, to judge networks by: none has seen it.

The framing puts every face at the same place (`model.paper.framing`), so an oval for the head and a cone for
the shoulders seed GrabCut (Rother et al. 2004) on 64 pixels; a guided filter (He et al. 2013) with the crop's
grey brings the cut to the edges at 128. Hair that stands off, hands before the chest and busy walls come out
roughly.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..guided_filter import guided_filter
from ..inference.mattes import FACE, MIDDLE, sharpened

Array = NDArray[np.float32]

SIDE: Final = 128  # pixels of the mattes
CUT: Final = 64  # pixels on which GrabCut runs
ROUNDS: Final = 2
# Ovals in face sizes: half width, half height, and how far they lie above the middle of the landmarks.
SURELY: Final = (0.36, 0.42, 0.0)
PERHAPS: Final = (0.78, 0.95, 0.16)
# Shoulders: how far below the middle they begin; half widths there and at the lower edge.
SHOULDERS: Final = (0.62, 0.45, 1.45)
REFINE: Final = (4, 1e-3)  # the guided filter's radius and variance


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


def person(crop: Array) -> Array:
    """Return the person's matte of a framed crop, (128, 128) in [0, 1].

    crop: (H, H, 3) sRGB in [0, 1], upright, the face where `face_square` puts it.
    """
    small = np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
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
