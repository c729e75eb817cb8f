"""The lift: guided coefficients and their strip-wise stretch."""

import cv2
import numpy as np
import pytest

from server.imaging.lift import Grid, Stretched, guided_coefficients


def test_the_difference_is_met_exactly_at_low_resolution(selfie):
    guide = cv2.resize(selfie, (512, 512), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    for difference in (0.3 * guide - 0.05, np.full_like(guide, 0.125), guide[::-1].copy()):
        a, b = guided_coefficients(guide, difference)
        assert np.abs(a * guide + b - difference).max() < 1e-5


def test_the_slope_is_found_where_there_is_texture_and_zero_where_there_is_none(selfie):
    guide = cv2.resize(selfie, (512, 512), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    a, _ = guided_coefficients(guide, 0.3 * guide - 0.05)
    assert 0.25 < np.percentile(a, 98) <= 0.3 and a.min() >= 0
    a, _ = guided_coefficients(guide, np.full_like(guide, 0.125))
    assert np.abs(a).max() < 1e-3


@pytest.mark.parametrize("side", [300, 512, 1531, 2600])
def test_strips_equal_one_whole_stretch(side):
    values = np.random.default_rng(7).random((64, 64, 7), np.float32)
    grid = Grid(-40, 25, side)
    whole = cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR)
    left, right = 3, side - 60
    stretched = Stretched([values[..., :3], values[..., 3:]], grid, left, right)
    for top, bottom in [(25, 60), (60, 61), (side - 20, side + 25)]:
        rows = np.concatenate(stretched.rows(top, bottom, left, right), -1)
        expected = whole[top - 25 : bottom - 25, left + 40 : right + 40]
        assert np.abs(rows - expected).max() < 1e-4


def test_edges_come_from_the_picture_not_from_the_grid():
    """A step that falls between low-resolution pixels stays where the full-size picture has it."""
    full = np.full((2048, 2048, 1), 0.2, np.float32)
    full[:, 1021:] = 0.8
    guide = cv2.resize(full, (512, 512), interpolation=cv2.INTER_AREA)[..., None]
    difference = cv2.resize(
        np.where(full > 0.5, 0.2, 0.0).astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA
    )
    difference = difference[..., None]
    a, b = guided_coefficients(guide, difference)
    stretched = Stretched([np.concatenate([a, b], -1)], Grid(0, 0, 2048), 0, 2048)
    coefficients = stretched.rows(1000, 1001, 0, 2048)[0][0]
    lifted = coefficients[:, 0] * full[1000, :, 0] + coefficients[:, 1]
    cubic = cv2.resize(difference, (2048, 2048), interpolation=cv2.INTER_CUBIC)[1000]
    near = slice(1013, 1029)
    truth = np.where(full[1000, near, 0] > 0.5, 0.2, 0.0)
    assert np.abs(lifted[near] - truth).max() < 0.02 < np.abs(cubic[near] - truth).max()
