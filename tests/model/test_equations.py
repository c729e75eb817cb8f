"""Equations (1) to (4) as properties, on arrays and tensors alike."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.paper import equations

SHAPE = (2, 3, 4, 5)
images = hnp.arrays(np.float64, SHAPE, elements=st.floats(0, 1))


@given(images, images)
@settings(max_examples=50, deadline=None)
def test_target_stays_in_the_unit_interval_and_eq2_undoes_it(bl_x: np.ndarray, bl_o: np.ndarray) -> None:
    t = equations.target(bl_x, bl_o)
    assert t.min() >= 0 and t.max() <= 1
    np.testing.assert_allclose(equations.low_pass(bl_x, t), bl_o, atol=1e-12)


@given(images, images, images)
@settings(max_examples=50, deadline=None)
def test_eq4_gives_the_low_pass_of_o_and_the_detail_of_x(
    x: np.ndarray, bl_x: np.ndarray, bl_o: np.ndarray
) -> None:
    t = equations.target(bl_x, bl_o)
    np.testing.assert_allclose(equations.reconstruct(x, t), bl_o + (x - bl_x), atol=1e-12)


@given(images)
@settings(max_examples=20, deadline=None)
def test_one_half_changes_nothing(x: np.ndarray) -> None:
    np.testing.assert_allclose(equations.reconstruct(x, np.full(SHAPE, 0.5)), x, atol=1e-15)


@given(images, images, st.floats(-0.3, 0.3))
@settings(max_examples=50, deadline=None)
def test_eq1_is_blind_to_a_constant_offset_and_lambda_1_is_mse(
    y: np.ndarray, t: np.ndarray, offset: float
) -> None:
    blind = equations.loss(y + offset, t)
    assert blind == pytest.approx(equations.loss(y, t), abs=1e-9)
    mse = np.mean((2 * (y + offset - t)) ** 2)  # of y_d against t_d
    assert equations.loss(y + offset, t, 1.0) == pytest.approx(mse, abs=1e-9)


@given(images, images, st.floats(0, 2))
@settings(max_examples=20, deadline=None)
def test_arrays_and_tensors_agree(y: np.ndarray, t: np.ndarray, lam: float) -> None:
    a, b = torch.from_numpy(y), torch.from_numpy(t)
    assert float(equations.loss(a, b, lam)) == pytest.approx(equations.loss(y, t, lam), abs=1e-12)
    assert float(equations.accuracy(a, b)) == pytest.approx(equations.accuracy(y, t), abs=1e-9)


def test_weights_leave_pixels_out() -> None:
    y, t = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    y[..., 0, 0] = 0.4
    weight = torch.ones(1, 1, 2, 2)
    weight[..., 0, 0] = 0
    assert float(equations.loss(y, t, 1.0)) > 0.1
    assert float(equations.loss(y, t, 1.0, weight)) == 0


def test_accuracy_of_a_known_error() -> None:
    assert equations.accuracy(np.full(SHAPE, 0.52), np.full(SHAPE, 0.5)) == pytest.approx(96.0)
