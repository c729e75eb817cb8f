"""The result: as the JSON that others read, and as tables for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from .bootstrap import Record, by_person, interval
from .metrics import BINS

BIN_COLUMNS: Final = ("l_bias", "specular_residual", "deltae_skin")
ENOUGH: Final = 8  # flashes: a bin with fewer is shown, but not compared
NOT_COMPUTED: Final = "LPIPS and DISTS are not computed: they need the weights of other networks."
TITLES: Final = {
    "loss": "loss, eq. (1)",
    "loss_dc": "loss, lambda = 1",
    "accuracy": "accuracy, eq. (3), %",
    "psnr_face": "PSNR skin, dB",
    "ssim_face": "SSIM skin",
    "psnr_frame": "PSNR frame, dB",
    "ssim_frame": "SSIM frame",
    "ssim_obar": "SSIM against o_bar",
    "ms_ssim": "MS-SSIM frame",
    "gmsd": "GMSD frame",
    "identity": "identity distance to o",
    "detail": "detail, correlation",
    "detail_energy": "detail, energy ratio",
    "deltae_skin": "skin CIEDE2000",
    "l_bias": "skin L* bias",
    "specular_residual": "specular residual",
    "shadow_residual": "shadow residual",
    "studio_change": "change of the studio portrait itself, levels of 255",
}
COLUMNS: Final = tuple(name for name in TITLES if name != "studio_change")  # that is of networks alone


def summary(
    records: Mapping[str, Sequence[Record]], seed: int, changes: Mapping[str, Sequence[float]]
) -> dict[str, dict[str, Any]]:
    """Return the JSON's "systems": records of each system -> means over people, intervals, bins, worst bins.

    changes: of some systems, by how much they change each studio portrait. A number that nothing was
    measured for is None.
    """
    found = {name: _system(own, seed) for name, own in records.items()}
    for name, own in changes.items():
        found[name]["studio_change"] = rounded(float(np.mean(own)) if own else math.nan)
    return found


def _system(records: Sequence[Record], seed: int) -> dict[str, Any]:
    values, intervals = _columns(records, COLUMNS, seed)
    bins = {}
    for name in BINS:
        own = [record for record in records if record["bin"] == name]
        if own:
            means, ranges = _columns(own, BIN_COLUMNS, seed)
            people = len({record["person"] for record in own})
            bins[name] = {"n": len(own), "people": people, **means, "intervals": ranges}
    failures = int(sum(record["identity_failures"] for record in records))
    return {
        **values,
        "identity_failures": failures,
        "by_ita": bins,
        "worst": {column: _worst(bins, column) for column in BIN_COLUMNS},
        "intervals": intervals,
    }


def _columns(
    records: Sequence[Record], columns: Sequence[str], seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    values = {column: by_person(records, column) for column in columns}
    means = {column: rounded(float(own.mean()) if len(own) else math.nan) for column, own in values.items()}
    ranges = {column: [rounded(end) for end in interval(own, seed)] for column, own in values.items()}
    return means, ranges


def rounded(value: float) -> float | None:
    """Five decimals; None for what is not a number."""
    return round(value, 5) if math.isfinite(value) else None


def _worst(bins: Mapping[str, Mapping[str, Any]], column: str) -> dict[str, Any] | None:
    """Return the bin whose number is furthest from 0, and the gap between the highest and the lowest."""
    known = {
        name: row[column] for name, row in bins.items() if row["n"] >= ENOUGH and row[column] is not None
    }
    if not known:
        return None
    worst = max(known, key=lambda name: abs(known[name]))
    return {"bin": worst, "value": known[worst], "gap": round(float(np.ptp(list(known.values()))), 5)}


def text(systems: Mapping[str, Mapping[str, Any]]) -> str:
    """Both tables: metrics by system with 95 % intervals, then each system by skin tone."""
    names = list(systems)
    rows = [["", *names]]
    for column in COLUMNS:
        rows.append([TITLES[column], *(cell(systems[name], column) for name in names)])
    rows.append(["faces not found again", *(str(systems[name]["identity_failures"]) for name in names)])
    parts = [_aligned(rows), NOT_COMPUTED]
    for name in names:
        parts += [f"{name} by skin tone (ITA of o)", _tones(systems[name])]
    return "\n\n".join(parts)


def _tones(system: Mapping[str, Any]) -> str:
    rows = [["", "flashes", "people", *(TITLES[column] for column in BIN_COLUMNS)]]
    for name, row in system["by_ita"].items():
        cells = [cell(row, column) for column in BIN_COLUMNS]
        rows.append([name.replace("_", " "), str(row["n"]), str(row["people"]), *cells])
    worst = [system["worst"][column] for column in BIN_COLUMNS]
    rows.append(
        ["worst bin", "", "", *("-" if one is None else one["bin"].replace("_", " ") for one in worst)]
    )
    rows.append(["gap", "", "", *("-" if one is None else number(one["gap"]) for one in worst)])
    return _aligned(rows)


def number(value: float) -> str:
    """Four digits, the way people read them."""
    digits = 2 if abs(value) >= 10 else 3 if abs(value) >= 0.1 else 4
    return f"{value:.{digits}f}"


def cell(
    row: Mapping[str, Any], column: str, shown: Callable[[float], str] = number, missing: str = "-"
) -> str:
    """Return the value and its interval, if it has one."""
    value, ends = row.get(column), row["intervals"].get(column)
    if value is None:
        return missing
    return f"{shown(value)} [{shown(ends[0])}, {shown(ends[1])}]" if ends else shown(value)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
