"""Each slider moves its own measure, and no other's."""

from __future__ import annotations

from benchmarks import sliders


def test_each_slider_moves_its_own_measure_and_no_other() -> None:
    figures = sliders.table(scenes=2)
    assert sliders.passed(figures), figures


def test_a_slider_that_moves_another_ones_measure_is_told() -> None:
    good = {one: {other: float(one == other) for other in sliders.SLIDERS} for one in sliders.SLIDERS}
    assert sliders.passed(good)
    for change in ({"light": 0.2}, {"shine": 0.7}, {"colour": -0.2}):
        assert not sliders.passed({**good, "shine": {**good["shine"], **change}})
