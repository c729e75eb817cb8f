"""The evaluation's numbers against closed forms and published values, and what is drawn from them."""

import math

import numpy as np
import pytest

from model.evaluation import metrics
from model.evaluation.bootstrap import RATIOS, by_person, interval
from model.evaluation.sheets import ranks
from model.evaluation.table import COLUMNS, summary, text


def noise(seed: int = 0, size: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.3, 0.6, (size, size, 3)).astype(np.float32)


def test_psnr_of_a_known_error_on_frame_and_mask() -> None:
    o = noise()
    picture = o.copy()
    picture[:48] += 0.1
    upper = np.zeros(o.shape[:2], bool)
    upper[:48] = True
    assert metrics.psnr(picture, o, upper) == pytest.approx(20, abs=1e-3)
    assert metrics.psnr(picture, o) == pytest.approx(20 + 10 * math.log10(2), abs=1e-3)
    assert metrics.psnr(o, o) == 60


def test_similarities_are_perfect_for_the_same_picture_and_worse_for_another() -> None:
    o, other = noise(size=192), noise(1, size=192)
    frame, similar = metrics.ssim(o, o)
    assert frame == pytest.approx(1) and similar.shape == o.shape[:2]
    assert metrics.ms_ssim(o, o) == pytest.approx(1)
    assert metrics.gmsd(o, o) == 0
    assert metrics.ssim(other, o)[0] < 0.3
    assert metrics.ms_ssim(other, o) < 0.9
    assert metrics.gmsd(other, o) > 0.05


def test_ssim_of_two_flat_pictures_is_the_luminance_term() -> None:
    a, b, c = 0.4, 0.6, 0.01**2
    one, other = (np.full((64, 64, 3), value, np.float32) for value in (a, b))
    assert metrics.ssim(one, other)[0] == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-4)


@pytest.mark.parametrize("share, rho", [(1.0, 1.0), (0.0, 0.0), (0.25, 0.25), (-0.5, -0.5)])
def test_residual_is_the_share_of_the_flash_that_is_left(share: float, rho: float) -> None:
    o, mask = noise(), np.zeros((96, 96), bool)
    mask[20:40, 30:60] = True
    x = o + np.where(mask[..., None], 0.2, -0.3).astype(np.float32)
    left, whole = metrics.residual(o + share * (x - o), x, o, mask)
    assert left / whole == pytest.approx(rho, abs=1e-5)


def test_detail_of_half_the_contrast_correlates_fully_with_a_quarter_of_the_energy() -> None:
    fine, mask = noise() - 0.45, np.ones((96, 96), bool)
    assert metrics.detail(fine, fine / 2, mask) == pytest.approx((1, 0.25), abs=1e-4)
    assert metrics.detail(fine, noise(3) - 0.45, mask)[0] < 0.1
    assert np.isnan(metrics.detail(fine, fine, np.zeros_like(mask))).all()


def test_clipped_samples_hold_no_detail() -> None:
    x = np.full((2, 2, 3), 0.5, np.float32)
    x[0, 0, 1], x[1, 1, 2] = 1.0, 0.0
    assert metrics.unclipped(x).tolist() == [[False, True], [True, False]]


def test_colour_difference_of_a_published_pair() -> None:
    """Sharma, Wu, Dalal 2005, table 1, pairs 1 and 17."""
    one, other = np.array([50, 2.6772, -79.7751]), np.array([50, 0, -82.7485])
    assert metrics.delta_e(one, other) == pytest.approx(2.0425, abs=1e-4)
    assert metrics.delta_e(np.array([50, 2.5, 0]), np.array([73, 25, -18])) == pytest.approx(
        27.1492, abs=1e-4
    )


def test_lab_of_mid_grey() -> None:
    grey = np.full((4, 4, 3), 119 / 255, np.float32)
    assert metrics.median_lab(grey, np.ones((4, 4), bool)) == pytest.approx([50.03, 0, 0], abs=0.05)


@pytest.mark.parametrize(
    "lightness, b, name",
    [
        (80, 15, "very_light"),
        (70, 20, "light"),
        (64, 20, "intermediate"),
        (56, 20, "tan"),
        (50, 20, "brown"),
        (35, 15, "dark"),
    ],
)
def test_bins_of_the_individual_typology_angle(lightness: float, b: float, name: str) -> None:
    angle = metrics.ita(np.array([lightness, 12, b]))
    assert angle == pytest.approx(math.degrees(math.atan2(lightness - 50, b)))
    assert metrics.ita_bin(angle) == name


def record(person: str, value: float, name: str = "tan", whole: float = 1.0) -> dict:
    numbers = dict.fromkeys(COLUMNS, value)
    for left, all_of_it in RATIOS.values():
        numbers |= {left: value * whole, all_of_it: whole}
    return {"person": person, "bin": name, "identity_failures": 0.0, **numbers}


def test_a_person_counts_once_however_many_pictures_there_are() -> None:
    records = [record("a", 1.0), *(record("b", 4.0) for _ in range(9))]
    assert by_person(records, "psnr_face").mean() == 2.5
    assert len(by_person([record("a", math.nan), record("b", 1.0)], "identity")) == 1


def test_a_residual_is_pooled_over_the_pixels_of_a_person() -> None:
    records = [
        record("a", 1.0, whole=3.0),
        record("a", 0.0, whole=1.0),
        record("b", math.nan, whole=math.nan),
    ]
    assert by_person(records, "specular_residual").tolist() == [0.75]


def test_intervals_are_those_of_the_mean_over_people() -> None:
    assert interval(np.full(20, 3.0), 1) == (3.0, 3.0)
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = interval(values, 7)
    assert (low, high) == interval(values, 7)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    assert np.isnan(interval(np.array([]), 1)).all()


def test_worst_bin_and_gap_leave_small_bins_out() -> None:
    many = [record(f"a{i}", 1.0, "light") for i in range(8)] + [
        record(f"b{i}", -3.0, "dark") for i in range(8)
    ]
    few = [record("c", 50.0, "brown")]
    found = summary({"x": many + few}, 0, {"x": [1.0, 2.0]})["x"]
    assert found["studio_change"] == 1.5
    assert found["worst"]["l_bias"] == {"bin": "dark", "value": -3.0, "gap": 4.0}
    assert found["by_ita"]["brown"]["n"] == 1 and list(found["by_ita"]) == ["light", "brown", "dark"]
    words = text({"x": found})
    assert "worst bin" in words and "not computed" in words


def test_what_nothing_was_measured_for_is_null() -> None:
    found = summary({"x": [record("a", math.nan, whole=math.nan)]}, 0, {"x": []})["x"]
    assert found["specular_residual"] is None and found["intervals"]["psnr_face"] == [None, None]
    assert found["worst"]["l_bias"] is None and found["studio_change"] is None
    assert "-" in text({"x": found})


def test_best_median_and_worst_ten() -> None:
    found = ranks([record("a", float(i)) for i in range(30)])
    assert found["best"] == list(range(29, 19, -1))
    assert found["median"] == list(range(19, 9, -1))
    assert found["worst"] == list(range(9, -1, -1))
    assert all(len(places) == 3 for places in ranks([record("a", float(i)) for i in range(3)]).values())
