"""Which parts of a face become lighter or darker with its skin: seen on a real photograph."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.synthesize import masks
from model.data.synthesize.portraits import FramedPortrait, frame
from model.paper.bilateral import SIZE
from tests.sample import SELFIE


@pytest.fixture(scope="module")
def framed() -> FramedPortrait:
    return frame(SELFIE)


def hull(framed: FramedPortrait, *points: int, wider: int = 0) -> NDArray[np.bool_]:
    """Inside these landmarks, as much wider or, below 0, narrower; pixels."""
    drawn = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(drawn, cv2.convexHull(framed.landmarks[list(points)].astype(np.int32)), 1)
    kernel = np.ones((2 * abs(wider) + 1,) * 2, np.uint8)
    return (cv2.dilate(drawn, kernel) if wider > 0 else cv2.erode(drawn, kernel)) > 0


def test_eyes_keep_their_white_and_lips_go_with_the_skin(framed: FramedPortrait) -> None:
    face = hull(framed, *range(68), wider=20).astype(np.float32)
    skin, tone = masks.skin(framed.crop, face, framed.landmarks)
    eyes = hull(framed, *range(36, 42), wider=-1) | hull(framed, *range(42, 48), wider=-1)
    lips = hull(framed, *range(48, 60), wider=-2) & ~hull(framed, *range(60, 68), wider=3)
    cheeks = hull(framed, 2, 31, 48, 4, wider=-8)
    assert eyes.sum() > 200 and lips.sum() > 400 and cheeks.sum() > 400
    assert tone[eyes].mean() < 0.25 and skin[eyes].mean() < 0.1
    assert tone[lips].mean() > 0.95 and skin[lips].mean() < 0.1
    assert tone[cheeks].mean() > 0.95 and skin[cheeks].mean() > 0.9
