"""Where the person and the skin are in a crop, without any learned part.

GrabCut, seeded with the fitted mesh, separates the person well from the plain
backgrounds of portraits; skin is what the mesh covers and is coloured like the cheeks.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.guided_filter import guided_filter

Array = NDArray[Any]  # float32

CHEEKS: Final = ((2, 31, 48, 4), (14, 35, 54, 12))
EYES: Final = (slice(36, 42), slice(42, 48))
LIPS: Final = slice(48, 60)
INNER_MOUTH: Final = slice(60, 68)  # teeth, when they show
BROWS: Final = (slice(17, 22), slice(22, 27))
NECK: Final = 0.42  # how far below the chin bare skin is taken for granted, in face widths
GRABCUT_ROUNDS: Final = 5
REFINE: Final = (6, 4e-4)  # the guided filter's radius and variance


def person(crop: NDArray[np.uint8], mesh: NDArray[np.bool_], landmarks: NDArray[Any]) -> Array:
    """Soft matte of the person, (512, 512) in [0, 1]."""
    size = crop.shape[0] // 2
    small = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    seed = cv2.resize(mesh.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)
    cut = np.full((size, size), cv2.GC_PR_BGD, np.uint8)
    cut[cv2.dilate(seed, _disc(22)) > 0] = cv2.GC_PR_FGD
    _shoulders(cut, landmarks / 2, 1.25, cv2.GC_PR_FGD)
    _shoulders(cut, landmarks / 2, 0.55, cv2.GC_FGD)
    cut[cv2.erode(seed, _disc(5)) > 0] = cv2.GC_FGD
    chin = int(min(size, landmarks[8, 1] / 2))
    for edge in (cut[:2], cut[:chin, :3], cut[:chin, -3:]):
        edge[edge == cv2.GC_PR_BGD] = cv2.GC_BGD
    if not (cut == cv2.GC_BGD).any():
        cut[0] = cv2.GC_BGD
    cv2.setRNGSeed(1)
    back, front = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, cut, (0, 0, 0, 0), back, front, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    hard = _one_piece(np.isin(cut, (cv2.GC_FGD, cv2.GC_PR_FGD)))
    rough = cv2.resize(hard.astype(np.float32), crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    soft = guided_filter(grey, rough, *REFINE)  # follows hair
    return np.asarray(((soft - 0.1) / 0.8).clip(0, 1), np.float32)


def _disc(radius: int) -> NDArray[np.uint8]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2).astype(np.uint8)


def _shoulders(cut: NDArray[np.uint8], landmarks: NDArray[Any], width: float, value: int) -> None:
    """Mark a cone from the chin to the lower edge, `width` faces wide on either side."""
    size = cut.shape[0]
    face = float(np.ptp(landmarks[:17, 0]))
    x, y = landmarks[8]
    top = y + 0.25 * face
    corners = [
        (x - 0.25 * face, top),
        (x + 0.25 * face, top),
        (x + width * face, size),
        (x - width * face, size),
    ]
    cv2.fillConvexPoly(cut, np.round(corners).astype(np.int32), int(value))


def _one_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected part, holes filled."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    piece = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    count, holes, stats, _ = cv2.connectedComponentsWithStats((~piece).astype(np.uint8))
    small = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] < 0.01 * mask.size]
    return np.asarray(piece | np.isin(holes, small), np.bool_)


def skin(crop: NDArray[np.uint8], face: Array, landmarks: NDArray[Any]) -> tuple[Array, Array]:
    """How surely a pixel is bare skin, and where the skin's tone applies; (512, 512) in [0, 1] each.

    face: where the mesh has face, ears and neck. Eyes, brows and mouth are left out of
    the first; the second has brows and lips, but no eyes and teeth.
    """
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lab = cv2.GaussianBlur(lab, (0, 0), 2.0)
    cheeks = np.zeros(crop.shape[:2], np.uint8)
    for ring in CHEEKS:
        cv2.fillConvexPoly(cheeks, cv2.convexHull(landmarks[list(ring)].astype(np.int32)), 1)
    sample = lab[cheeks > 0]
    middle = np.median(sample, axis=0)
    spread = 1.5 * np.abs(sample - middle).mean(axis=0) + np.array([9, 4, 5], np.float32)
    away = (lab - middle) / spread
    away[..., 0] = np.where(away[..., 0] > 0, 0.5, 1.0) * away[..., 0]  # shine is skin too
    likely = np.exp(-0.5 * (away**2).sum(axis=-1) / 2.5)
    keep = np.ones(crop.shape[:2], np.float32)
    for part in (*EYES, LIPS):
        cv2.fillConvexPoly(keep, cv2.convexHull(landmarks[part].astype(np.int32)), 0.0)
    for part in BROWS:
        cv2.polylines(keep, [landmarks[part].astype(np.int32)], False, 0.0, 9)
    reach = landmarks[8, 1] + NECK * np.ptp(landmarks[:17, 0])
    fade = ((reach - np.arange(crop.shape[0])) / 30).clip(0, 1).astype(np.float32)[:, None]
    clear = ((likely - 0.15) / 0.35).clip(0, 1) * face * fade * cv2.erode(keep, _disc(2))
    closed = cv2.morphologyEx(clear, cv2.MORPH_CLOSE, _disc(14))
    white = ((lab[..., 0] - 0.75 * middle[0]) / 8).clip(0, 1)
    white *= 1 - ((np.hypot(lab[..., 1], lab[..., 2]) / np.hypot(*middle[1:]) - 0.5) / 0.2).clip(0, 1)
    tone = np.maximum(clear, closed * (1 - white))
    # Lips are wider than what was closed. The white of eyes and teeth beside a skin tells how light that is.
    cv2.fillConvexPoly(tone, cv2.convexHull(landmarks[LIPS].astype(np.int32)), 1.0)
    for part in (*EYES, INNER_MOUTH):
        cv2.fillConvexPoly(tone, cv2.convexHull(landmarks[part].astype(np.int32)), 0.0)
    return _soft(clear), _soft(tone)


def _soft(mask: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.5), np.float32)
