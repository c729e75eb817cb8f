"""The comparison as tables in Markdown, put between two marks of a document, and as curves."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from model import contact_sheet
from model.evaluation import table
from model.evaluation.card import markdown
from model.training.progress import Log, duration, panel

from .entrants import Entrant

BEGIN: Final = "<!-- measured: written by python -m model compare -->"
END: Final = "<!-- end of what was measured -->"
# The columns in tables that fit on a page.
PARTS: Final = (
    ("loss", "loss_dc", "accuracy", "psnr_face", "psnr_frame", "ssim_face", "ssim_frame", "ssim_obar"),
    ("ms_ssim", "gmsd", "identity", "detail", "detail_energy"),
    ("deltae_skin", "l_bias", "specular_residual", "shadow_residual", "studio_change"),
)
COLOURS: Final = ((190, 110, 30), (40, 40, 200), (60, 140, 40), (160, 40, 160), (40, 160, 200))  # BGR


def costs(entrants: Sequence[Entrant]) -> dict[str, dict[str, Any]]:
    """Return what each method costs, by name: parameters, milliseconds for a crop, and its training."""
    names = ("parameters", "milliseconds", "trained")
    return {one.name: {name: getattr(one, name) for name in names} for one in entrants}


def cost_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """In Markdown, as it stands in the document and on standard output."""
    rows = [["", "parameters", "ms, 512 crop", "training samples", "steps", "seed", "time", "on"]]
    for name, row in found.items():
        ran = row["trained"]
        taken = duration(ran["seconds"]) if "seconds" in ran else "-"
        numbers = [f"{ran[key]:,}" if key in ran else "-" for key in ("samples", "steps", "seed")]
        time = "-" if row["milliseconds"] is None else f"{row['milliseconds']:.0f}"
        rows.append([name, f"{row['parameters']:,}", time, *numbers, taken, ran.get("hardware") or "-"])
    return markdown(rows)


def words(result: Mapping[str, Any], pictures: Sequence[str]) -> str:
    """All tables, means over people with their 95 % intervals, then the pictures by their relative paths."""
    judged = result["mixes"]["hard"]
    systems = judged["systems"]
    lines = [
        f"{judged['samples']} flashes of {judged['people']} held-out people, seed {result['seed']};"
        " means over people with 95 % bootstrap intervals over people."
    ]
    for part in PARTS:
        rows = [["", *(table.TITLES[column] for column in part)]]
        rows += [
            [name.replace("_", " "), *(table.cell(row, column) for column in part)]
            for name, row in systems.items()
        ]
        lines.append(markdown(rows))
    lines.append(cost_table(result["costs"]))
    lines += [f"![{Path(picture).stem}]({picture})" for picture in pictures]
    return "\n\n".join(lines)


def check(document: Path) -> tuple[str, str]:
    """Return what stands before and after the marks. Raises `ValueError` where there are none."""
    before, begin, rest = document.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no lines {BEGIN} and {END} to write between")
    return before, after


def put(document: Path, text: str) -> None:
    """Replace what stands between the marks. Raises `ValueError` where there are none."""
    before, after = check(document)
    part = document.with_suffix(".part")
    part.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")
    os.replace(part, document)


def curves(path: Path, entrants: Sequence[Entrant]) -> bool:
    """Held-out accuracy over the samples seen, all runs in one diagram; False where there is no log."""
    runs: list[tuple[str, list[tuple[float, float]]]] = []
    levels: set[float] = set()
    for one in entrants:
        lines = Log(one.log.parent).lines() if one.log else []
        each = one.trained["samples"] / max(1, one.trained["steps"]) if one.trained else 0.0
        points = [(line["step"] * each, line["held_out"]["accuracy"]) for line in lines if "held_out" in line]
        if points:
            runs.append((one.name, points))
            levels |= {line["do_nothing"]["accuracy"] for line in lines if "do_nothing" in line}
    if runs:
        contact_sheet.save(path, _curves(runs, sorted(levels))[..., ::-1])
    return bool(runs)


def _curves(runs: Sequence[tuple[str, Sequence[tuple[float, float]]]], levels: Sequence[float]) -> np.ndarray:
    """Return a diagram with a line for each run, and its name; BGR."""
    coloured = list(zip(runs, itertools.cycle(COLOURS), strict=False))
    title = "held-out accuracy, eq. (3), %; grey: doing nothing"
    picture = panel(title, [(points, colour) for (_, points), colour in coloured], levels, "samples")
    for i, ((name, _), colour) in enumerate(coloured):
        at = (picture.shape[1] - 170, picture.shape[0] - 60 - 18 * i)
        contact_sheet.write(picture, name, at, 0.5, colour)
    return picture
