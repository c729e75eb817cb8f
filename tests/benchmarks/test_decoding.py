"""The comparison of decoding in place and in the child, with the sample picture."""

from __future__ import annotations

from benchmarks import decoding, photo


def test_both_ways_are_timed() -> None:
    told = decoding.run(photo.SAMPLE, 2)
    assert all(0 < told[f"{name}, least"] <= told[f"{name}, median"] for name in ("in place", "child"))
    assert told["difference, median"] < told["child, median"]
