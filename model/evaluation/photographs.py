"""Measure what networks do to real photographs without a truth: ``python -m model evaluate --real DIR``.

For each photograph, in its 512-pixel crop, of each network's own answer within the person's matte, or of the
results of the whole pipeline with --results DIR:

- L*, a*, b*: change of the face's median
- shine: L95-50 after / before (95th percentile of L* minus the median)
- neck step: distance in a*, b* from the face to the neck, after - before
- outside: largest change, in levels of 255, of the 99.9 % of pixels least changed that are nobody whose face
  is found, by a plain separation (GrabCut) that is not served, nor by the segmentation that is: the first
  takes shoulders and hair for background; what the second takes for a person by mistake is not counted

See `face_statistics` for what face and neck are. Quartiles, and the 5th and 95th percentile, by skin group
where the folder's manifest.csv has the columns file and skin.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from model.data.synthesize.portraits import Unfit
from model.inference import mattes
from model.inference.components import difference
from model.inference.predictor import Network
from model.paper.framing import Square

from . import face_statistics as faces
from . import separation
from .calibrate import photographs
from .metrics import eight_bit

Row = dict[str, float]
COLUMNS: Final = ("L*", "a*", "b*", "shine", "neck step", "outside")
PERCENTILES: Final = (5, 25, 50, 75, 95)
LEAST: Final = 500  # pixels of background: fewer are no measurement
FAR: Final = 9  # pixels beyond a separation's edge from which on a pixel is surely not the person


def change(face: faces.Face, after: faces.Image, away: faces.Mask) -> Row:
    """Return the numbers of one photograph; NaN where there is no neck or no background in it.

    after: the result in the photograph's crop, (512, 512, 3) sRGB. away: its `background`.
    """
    mask = faces.face_mask(face)
    sides = [faces.lab(picture)[mask] for picture in (face.crop, after)]
    medians = [np.median(side, axis=0) for side in sides]
    shine = [np.percentile(side[:, 0], 95) - median[0] for side, median in zip(sides, medians, strict=True)]
    moved = medians[1] - medians[0]
    return {
        "L*": float(moved[0]),
        "a*": float(moved[1]),
        "b*": float(moved[2]),
        "shine": float(shine[1] / max(shine[0], 1)),
        "neck step": faces.neck_step(face, after) - faces.neck_step(face),
        "outside": _outside(face, after, away),
    }


def retouched(crop: faces.Image, network: Network) -> faces.Image:
    """Return the crop as it is served with the reach "person": (512, 512, 3) sRGB, 8 bit."""
    parts = network.components(crop[None])[0]
    matte = cv2.resize(parts.person, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return eight_bit(crop - matte[..., None] * difference(parts))


def background(face: faces.Face, others: Sequence[faces.Face] = ()) -> faces.Mask:
    """Return where surely nobody is whose face is found, (512, 512). others: the photograph's other faces."""
    away = face.valid
    for one in (face, *others):
        away = away & ~_seen_from(face.square, one.square, _people(one.crop))
    return away


def _people(crop: faces.Image) -> faces.Mask:
    """Return where the person of a crop may be, (512, 512)."""
    people = np.zeros(crop.shape[:2], np.uint8)
    for matte in (separation.person(crop), mattes.mattes(crop)[0]):
        people |= (cv2.resize(matte, people.shape[::-1]) > 0.05).astype(np.uint8)
    return cv2.dilate(people, np.ones((2 * FAR + 1,) * 2, np.uint8)) > 0


def _seen_from(square: Square, other: Square, mask: faces.Mask) -> faces.Mask:
    """Return the mask of another square's crop in the crop of `square`: nothing beyond the other."""
    ratio = other.side / square.side
    corner = ((np.array([other.x0, other.y0]) - [square.x0, square.y0]) * (len(mask) / square.side))[:, None]
    place = np.hstack([ratio * np.eye(2), corner])
    return cv2.warpAffine(mask.astype(np.uint8), place, mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0


def _outside(face: faces.Face, after: faces.Image, away: faces.Mask) -> float:
    """Levels of 255; NaN where hardly anything but the person is seen."""
    if away.sum() < LEAST:
        return math.nan
    return float(np.percentile(255 * np.abs(after - face.crop)[away].max(axis=-1), 99.9))


def measure(
    folder: Path, networks: Mapping[str, Network], results: Path | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return the JSON's "photographs", and sentences about pictures that could not be measured.

    results: a folder of results to measure in place of the networks' own answers; photographs that it has no
    picture for are passed over. Raises `ValueError` if nothing can be measured.
    """
    groups, served = _groups(folder), {path.stem: path for path in photographs(results)} if results else {}
    rows: dict[str, list[tuple[str, Row]]] = {name: [] for name in (["results"] if results else networks)}
    left_out = []
    for path in photographs(folder):
        if results and path.stem not in served:
            continue
        try:
            face, *others = faces.everybody(path)
            answers = _answers(path, face, networks, served)
        except Unfit as reason:
            left_out.append(f"{path}: {reason}")
            continue
        away = background(face, others)
        for name, after in answers.items():
            rows[name].append((groups.get(path.name, ""), change(face, after, away)))
    if not any(rows.values()):
        raise ValueError(f"no face was found in any picture of {folder}")
    systems = {name: _by_group(own) for name, own in rows.items()}
    return {"n": len(next(iter(rows.values()))), "systems": systems}, left_out


def _answers(
    path: Path, face: faces.Face, networks: Mapping[str, Network], served: Mapping[str, Path]
) -> dict[str, faces.Image]:
    """Return what is measured of a photograph. Raises `Unfit` for a result of another size."""
    if served:
        return {"results": faces.same_place(path, face, served[path.stem])}
    return {name: retouched(face.crop, network) for name, network in networks.items()}


def _by_group(rows: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    parts = {"all": [row for _, row in rows]}
    for group, row in rows:
        if group:
            parts.setdefault(group, []).append(row)
    return {group: _spread(part) for group, part in parts.items()}


def _spread(rows: Sequence[Row]) -> dict[str, Any]:
    """n, and the percentiles of each column."""
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        values = np.array([row[name] for row in rows])
        values = values[np.isfinite(values)]
        columns[name] = np.percentile(values, PERCENTILES).round(2).tolist() if len(values) else None
    return {"n": len(rows), **columns}


def _groups(folder: Path) -> dict[str, str]:
    """Skin group of each file, as far as manifest.csv tells."""
    try:
        with (folder / "manifest.csv").open(newline="", encoding="utf-8-sig") as stream:
            return {row["file"]: row["skin"] for row in csv.DictReader(stream)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error):
        return {}


def text(result: Mapping[str, Any]) -> str:
    """Return the table for people."""
    width = 34
    lines = [" " * 18 + "".join(name.rjust(width) for name in COLUMNS)]
    for system, groups in result["systems"].items():
        lines.append(f"{system}: 5 / 25 / 50 / 75 / 95 %")
        for group, row in groups.items():
            cells = [spread(row[name], 2, "-") for name in COLUMNS]
            lines.append(f"  {group:<10}{row['n']:>4}  " + "".join(cell.rjust(width) for cell in cells))
    return "\n".join(lines)


def spread(percentiles: Sequence[float] | None, digits: int, missing: str) -> str:
    """Return a cell of a table."""
    return missing if not percentiles else " / ".join(f"{q:.{digits}f}" for q in percentiles)
