"""The square around a face, and the bilateral constant."""

import numpy as np
import pytest

from model.paper.bilateral import filter_crop
from model.paper.framing import face_square


def face() -> np.ndarray:
    """68 landmarks in a box of 200 x 240 pixels from (100, 50)."""
    rng = np.random.default_rng(0)
    points = rng.uniform([100, 50], [300, 290], (68, 2))
    points[:2] = [100, 50], [300, 290]
    return points


def test_square_is_scaled_and_raised() -> None:
    square = face_square(face())
    assert square.side == pytest.approx(2.25 * 240)
    assert (square.cx, square.cy) == pytest.approx((200, 170 - 0.14 * 240))
    assert (square.x0, square.y0) == pytest.approx((square.cx - 270, square.cy - 270))


def test_square_follows_scale_and_place() -> None:
    one, two = face_square(face()), face_square(face() * 3 + [10, -20])
    assert two.side == pytest.approx(3 * one.side)
    assert (two.cx, two.cy) == pytest.approx((3 * one.cx + 10, 3 * one.cy - 20))


@pytest.mark.parametrize("points", [np.zeros((68, 2)), np.full((68, 2), np.nan), np.zeros((5, 2))])
def test_nonsense_landmarks_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError):
        face_square(points)


def test_filter_removes_pores_and_keeps_the_jaw_line() -> None:
    rng = np.random.default_rng(1)
    picture = np.full((64, 64, 3), 0.6, np.float32)
    picture[:, 32:] = 0.2
    noisy = (picture + rng.normal(0, 0.02, picture.shape)).astype(np.float32)
    filtered = filter_crop(noisy)
    assert filtered.dtype == np.float32 and filtered.shape == noisy.shape
    assert filtered[8:-8, 4:28].std() < 0.3 * noisy[8:-8, 4:28].std()
    step = filtered[:, 31].mean() - filtered[:, 32].mean()
    assert step > 0.38


@pytest.mark.parametrize(
    "picture",
    [np.zeros((8, 8, 3), np.float64), np.zeros((8, 8), np.float32), np.zeros((8, 8, 4), np.float32)],
)
def test_filter_refuses_other_formats(picture: np.ndarray) -> None:
    with pytest.raises(ValueError):
        filter_crop(picture)
