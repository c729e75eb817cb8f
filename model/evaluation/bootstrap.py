"""From records of pictures to numbers with intervals: everything is averaged within a person first.

Pictures of one person are not independent, so people are what is resampled (Efron's percentile
bootstrap), and everybody counts alike however many pictures there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Record = dict[str, Any]  # "person", "bin", and a number for each column of `table`
# A residual is a ratio of sums over all pixels of a person, see `metrics.residual`.
RATIOS: Final = {
    "specular_residual": ("shine_left", "shine_whole"),
    "shadow_residual": ("shade_left", "shade_whole"),
}
RESAMPLES: Final = 2000
COVERAGE: Final = 95.0  # per cent


def by_person(records: Sequence[Record], column: str) -> NDArray[Any]:
    """One number for each person who has one.

    A mean over the person's pictures, or, for a residual, the ratio of the sums over all their pixels.
    """
    people: dict[str, list[Record]] = {}
    for record in records:
        people.setdefault(record["person"], []).append(record)
    value = _ratio if column in RATIOS else _mean
    values = np.array([value(own, column) for own in people.values()], np.float64)
    return values[np.isfinite(values)]


def _mean(records: Sequence[Record], column: str) -> float:
    known = [record[column] for record in records if np.isfinite(record[column])]
    return float(np.mean(known)) if known else float("nan")


def _ratio(records: Sequence[Record], column: str) -> float:
    left, whole = (np.array([record[name] for record in records]) for name in RATIOS[column])
    total = float(np.nansum(whole))
    return float(np.nansum(left)) / total if total > 0 else float("nan")


def interval(values: NDArray[Any], seed: int) -> tuple[float, float]:
    """Return the 95 % interval of the mean of (P,) values of P people; NaN without any."""
    if not len(values):
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    tail = (100 - COVERAGE) / 2
    low, high = np.percentile(values[picks].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)
