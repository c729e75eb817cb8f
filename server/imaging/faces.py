"""Find the faces: dlib's HOG detector on a small copy of the picture, then BlazeFace.

Detection costs the same for every picture because it never sees more than a thumbnail. One large face, the
selfie, is found in the first pass. Group pictures and pictures where nothing is found get the second finder,
which sees rolled faces and profiles, and a larger copy; each candidate of the second finder is turned upright
and looked at again. Where still nothing is found, the picture is turned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from model import face_models
from model.paper.framing import RISE, SCALE, Square, face_square

from .blazeface import Candidate, candidates

THUMBNAIL = 1040  # longest side of the first pass, pixels
LARGE = 2080  # of the second
# A lone face at least this wide (in shares of the thumbnail's short side) is a selfie:
# looking for smaller ones would cost five times the first pass.
SELFIE_SHARE = 0.15
# One at least this wide is close: whatever is smaller than a third of it would cost half of the first pass.
CLOSE_SHARE = 0.4
SAME_FACE_IOU = 0.3
AROUND = 2.4  # side of what a candidate is looked at again in, in its own sizes
UPRIGHT = 360  # pixels of that
CERTAIN = 0.5  # confidence of a face of the first finder that needs no second look
LIKELY = 0.3  # that of one which only the first finder sees: headlamps and engines reach 0.15
SURE = 0.75  # score of a candidate that counts although the first finder does not see it
UPRIGHT_ENOUGH = 25  # degrees of roll that the network does not mind
RIGHTINGS = 3  # times that a face is turned further by its landmarks, which tell a large roll badly, too
LEVEL = 10  # degrees of roll by the landmarks below which it is the picture that was turned, by quarters


@dataclass(frozen=True)
class Face:
    """One face in the picture's own pixels.

    box: x, y, width, height of the detector's box, clipped to the picture.
    square: the crop around head and shoulders (may reach over the picture's edge).
    confidence: the detector's score (0 is its threshold). angle: degrees by which the
    picture must be turned counter-clockwise for the face to stand upright, 0 for a roll of little.
    roll: by the eyes, within the picture as it was looked at. rolled: the detector saw it as a rolled one.
    """

    box: tuple[int, int, int, int]
    square: Square
    confidence: float
    angle: float = 0
    roll: float = 0
    rolled: bool = False

    @property
    def centre(self) -> tuple[float, float]:
        """Return the box's centre, x and y in pixels of the picture."""
        x, y, width, height = self.box
        return x + width / 2, y + height / 2


def find_faces(
    copy: Callable[[int], NDArray[np.uint8]], width: int, cancelled: Callable[[], bool]
) -> list[Face]:
    """All faces, the largest first.

    copy(longest): the picture, (h, w, 3) sRGB, no side above `longest`; the large one is asked for only where
    the small one does not do. width: of the picture itself, in pixels.
    """
    first = copy(THUMBNAIL)
    first_scale = width / first.shape[1]
    seen = _close(first, first_scale) or _detect(first, first_scale)
    found = [face for face in seen if face.confidence >= CERTAIN]
    if not _is_selfie(found, first.shape, first_scale):
        found = _second_look(first, first_scale, found, range(1 if found else 4), False, cancelled)
        found = found or _likely(seen)
    if not _is_selfie(found, first.shape, first_scale) and not cancelled():
        large = copy(LARGE)
        factor = width / large.shape[1]
        if not found:
            large, factor = _enlarge(large, factor)
        if max(large.shape) > max(first.shape):
            found = _merge(found, _likely(_detect(large, factor)))
        found = _second_look(large, factor, found, range(4), True, cancelled)
    found = [_levelled(first, first_scale, face) for face in found]  # on the thumbnail: cheap
    found = _in_a_turned_picture(first, first_scale, found, cancelled)
    return sorted(found, key=lambda face: -face.box[2] * face.box[3])


def _second_look(
    rgb: NDArray[np.uint8],
    scale: float,
    found: list[Face],
    turns: Iterable[int],
    tiled: bool,
    cancelled: Callable[[], bool],
) -> list[Face]:
    """Return what the second finder adds, in the picture turned by so many quarters until there is a face.

    A doubtful one does not end it: a beard upside down looks like hair above a face.
    """
    known = bool(found)
    for turn in turns:
        if cancelled() or (turn and (known or any(face.confidence >= SURE for face in found))):
            break
        turned = np.ascontiguousarray(np.rot90(rgb, turn))
        for candidate in candidates(turned, cancelled, tiled):
            face = _confirmed(turned, candidate)
            if face is not None:
                face = _turn_back(face, turned.shape, scale, 90 * turn)
                same = [one for one in found if _iou(face.box, one.box) >= SAME_FACE_IOU]
                surer = all(turn and _is_surer(face, one) for one in same)
                if surer and (same or not found or not turn or face.confidence >= SURE):
                    found = [*(one for one in found if one not in same), face]
    return found


def _confirmed(rgb: NDArray[np.uint8], candidate: Candidate) -> Face | None:
    """Turn a candidate into a face, its crop by the landmarks when it is upright; None for a doubtful one."""
    upright, turn = _turned_upright(rgb, candidate)
    again = [one for one in candidates(upright, tiled=False) if _central(one.x, one.y)]
    if again:  # seen upright, it tells its place and its roll better
        centre = cv2.invertAffineTransform(turn) @ np.array([again[0].x, again[0].y, 1])
        size = again[0].size * candidate.size * AROUND / UPRIGHT
        roll, score = candidate.angle + again[0].angle, max(again[0].score, candidate.score)
        candidate = Candidate(float(centre[0]), float(centre[1]), size, score, roll)
        upright, turn = _turned_upright(rgb, candidate)
    seen = _in_the_middle(upright)
    for _step in range(RIGHTINGS):  # the second finder tells hardly more than 40 degrees of any roll
        if not seen or not _is_rolled(seen[0]):
            break
        x, y = cv2.invertAffineTransform(turn) @ np.array([*seen[0].centre, 1])
        righted = replace(candidate, x=float(x), y=float(y), angle=candidate.angle + seen[0].roll)
        more, back = _turned_upright(rgb, righted)
        if not (better := _in_the_middle(more)):
            break
        candidate, upright, turn, seen = righted, more, back, better
    if candidate.score < SURE:
        seen = _likely(seen)
    half = UPRIGHT / AROUND / 2
    if seen:
        face = seen[0]
        (x, y, width, height), square = face.box, face.square
    elif again and candidate.score >= SURE:
        x = y = round(UPRIGHT / 2 - half)
        width = height = round(2 * half)
        square = _square_within(upright, x, y, width)
    else:
        return None
    share, back = UPRIGHT / (candidate.size * AROUND), cv2.invertAffineTransform(turn)
    middle = back @ np.array([x + width / 2, y + height / 2, 1])
    size = max(width, height) / share
    left, top = (max(0, round(at - size / 2)) for at in middle)
    right, bottom = (
        min(edge, round(at + size / 2)) for edge, at in zip(rgb.shape[1::-1], middle, strict=True)
    )
    if right - left < 2 or bottom - top < 2:
        return None
    cx, cy = back @ np.array([square.cx, square.cy, 1])
    angle = candidate.angle if abs(candidate.angle) > UPRIGHT_ENOUGH else 0.0
    crop = Square(float(cx), float(cy), square.side / share)
    return Face((left, top, right - left, bottom - top), crop, candidate.score, angle)


def _in_the_middle(upright: NDArray[np.uint8]) -> list[Face]:
    """Return what the first finder sees where a candidate was turned upright, the surest first."""
    seen = (face for face in _detect(upright, 1.0) if _central(*face.centre))
    return sorted(seen, key=lambda face: -face.confidence)


def _is_rolled(face: Face) -> bool:
    return face.rolled or abs(face.roll) > UPRIGHT_ENOUGH


def _likely(faces: list[Face]) -> list[Face]:
    return [face for face in faces if face.confidence >= LIKELY]


def _levelled(rgb: NDArray[np.uint8], scale: float, face: Face) -> Face:
    """Turn the crop of a face that is much rolled, should the first finder have found one."""
    if face.angle or not _is_rolled(face):
        return face
    (x, y), size = face.centre, max(face.box[2:])
    guess = Candidate(x / scale, y / scale, size / scale, face.confidence, face.roll)
    turned = _confirmed(rgb, guess)
    if turned is not None and turned.angle and abs(turned.angle - face.roll) > UPRIGHT_ENOUGH:
        turned = _confirmed(rgb, replace(guess, angle=turned.angle)) or turned  # landmarks knew no roll
    return face if turned is None else replace(_turn_back(turned, rgb.shape, scale, 0), box=face.box)


def _in_a_turned_picture(
    rgb: NDArray[np.uint8], scale: float, found: list[Face], cancelled: Callable[[], bool]
) -> list[Face]:
    """Return the same faces; those that a quarter turn sets level are as the first finder sees them upright.

    The second finder tells the roll within some 15 degrees; a turned picture must give the turned result.
    """
    for turn in sorted({round(face.angle / 90) % 4 for face in found} - {0}):
        if cancelled():
            break
        turned = np.ascontiguousarray(np.rot90(rgb, turn))
        level = [face for face in _detect(turned, 1.0) if abs(face.roll) <= LEVEL and not face.rolled]
        for face in (_turn_back(face, turned.shape, scale, 90 * turn) for face in level):
            found = [face if _same_but_level(other, face) else other for other in found]
    return found


def _is_surer(face: Face, other: Face) -> bool:
    """Whether it is surer than `other`, and sees the same face turned otherwise."""
    apart = abs((face.angle - other.angle + 180) % 360 - 180)
    return face.confidence > other.confidence and apart > UPRIGHT_ENOUGH


def _same_but_level(face: Face, level: Face) -> bool:
    return abs(face.angle - level.angle) <= UPRIGHT_ENOUGH and _iou(face.box, level.box) >= SAME_FACE_IOU


def _turned_upright(rgb: NDArray[np.uint8], candidate: Candidate) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return the square around a candidate, (UPRIGHT, UPRIGHT, 3), and the matrix from the picture to it."""
    centre = (candidate.x, candidate.y)
    share = UPRIGHT / (candidate.size * AROUND)
    turn = np.asarray(cv2.getRotationMatrix2D(centre, candidate.angle, share), np.float64)
    turn[:, 2] += UPRIGHT / 2 - np.array(centre)
    upright = cv2.warpAffine(rgb, turn, (UPRIGHT, UPRIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(upright, np.uint8), turn


def _central(x: float, y: float) -> bool:
    return bool(np.hypot(x - UPRIGHT / 2, y - UPRIGHT / 2) < UPRIGHT / AROUND / 2)


def _square_within(upright: NDArray[np.uint8], x: int, y: int, size: int) -> Square:
    """Return the crop of a face that the first finder does not see, by landmarks that can be believed."""
    rectangle = dlib.rectangle(x, y, x + size, y + size)
    square = face_square(face_models.landmarks(upright, rectangle))
    if 0.7 < square.side / (SCALE * size) < 1.5:
        return square
    return Square(x + size / 2, y + size * (0.5 - RISE), SCALE * size)


def _enlarge(rgb: NDArray[Any], scale: float) -> tuple[NDArray[Any], float]:
    """Return a small picture twice as large, so that small faces reach the detector's size; and its scale."""
    longest = max(rgb.shape[:2])
    if longest * 2 > LARGE:
        return rgb, scale
    return cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), scale / 2


def _is_selfie(found: list[Face], shape: tuple[int, ...], scale: float) -> bool:
    return len(found) == 1 and found[0].box[2] >= SELFIE_SHARE * min(shape[:2]) * scale


def _close(rgb: NDArray[np.uint8], scale: float) -> list[Face]:
    """Return the one close face that a pass finds without its finest steps, just as `_detect` finds it.

    Nothing when there is none, or more than one.
    """
    seen = face_models.detect_large(rgb)
    if len(seen) != 1 or seen[0].score < CERTAIN:
        return []
    found = _faces_at(rgb, scale, seen)
    return found if found and found[0].box[2] >= CLOSE_SHARE * min(rgb.shape[:2]) * scale else []


def _detect(rgb: NDArray[np.uint8], scale: float) -> list[Face]:
    """Faces of one pass, in pixels of the picture (`scale` times those of `rgb`)."""
    return _faces_at(rgb, scale, face_models.detect(rgb))


def _faces_at(rgb: NDArray[np.uint8], scale: float, seen: Iterable[face_models.DetectedFace]) -> list[Face]:
    height, width = rgb.shape[:2]
    faces = []
    for one in seen:
        left, top = max(0, one.box.left()), max(0, one.box.top())
        right, bottom = min(width, one.box.right()), min(height, one.box.bottom())
        if right - left < 2 or bottom - top < 2:
            continue
        landmarks = face_models.landmarks(rgb, one.box)
        square = face_square(landmarks * scale)
        box = tuple(round(v * scale) for v in (left, top, right - left, bottom - top))
        faces.append(Face(box, square, one.score, roll=_roll(landmarks), rolled=one.rolled))
    return faces


def _roll(landmarks: NDArray[np.float64]) -> float:
    """Degrees by which the eyes' line falls to the right, from 68 landmarks."""
    across, down = landmarks[42:48].mean(0) - landmarks[36:42].mean(0)
    return math.degrees(math.atan2(down, across))


def _merge(known: list[Face], more: list[Face]) -> list[Face]:
    """Merge two passes; the second is the finer one: its faces win over the first's."""
    return more + [face for face in known if all(_iou(face.box, other.box) < SAME_FACE_IOU for other in more)]


def _iou(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _turn_back(face: Face, turned: tuple[int, ...], factor: float, angle: int) -> Face:
    """Return a face of a turned copy, in the picture's pixels (`factor` times the copy's)."""
    height, width = turned[:2]

    def back(x: float, y: float) -> tuple[float, float]:
        if angle == 0:
            return x, y
        if angle == 90:  # np.rot90: column x of the picture became row width-1-x
            return height - y, x
        if angle == 180:
            return width - x, height - y
        return y, width - x

    x, y, w, h = face.box
    corners = [back(x, y), back(x + w, y + h)]
    left, right = sorted(corner[0] * factor for corner in corners)
    top, bottom = sorted(corner[1] * factor for corner in corners)
    cx, cy = back(face.square.cx, face.square.cy)
    square = Square(cx * factor, cy * factor, face.square.side * factor)
    box = (round(left), round(top), round(right - left), round(bottom - top))
    return Face(box, square, face.confidence, (face.angle + angle) % 360)
