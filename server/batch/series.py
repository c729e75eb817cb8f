"""A series belongs together: one colour decision for a person in one light, not a new one in each picture.

Every picture is measured first (`server.imaging.measuring`): who is in it, when and how exposed it was
taken, and which colour each person's skin would have in the result. Pictures of one person, close in time
and exposure, then form a series, within which that colour is smoothed; what is missing to the smooth one
becomes the person's decision in that picture. Only chromaticity: brightness stays each picture's own.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import MAX_FACES

from ..files import exif
from .item import Outcome, outcome_in, whole_lines

SAME_PERSON: Final = 0.5  # face_recognition's distance; its authors call 0.6 the same, which mixes siblings
SAME_LIGHT_SECONDS: Final = 900.0  # between one picture and the next
SAME_LIGHT_STOPS: Final = 1.7  # of exposure, between one picture and the next
SMOOTH: Final = 4.0  # pictures: sigma
MOST: Final = 0.2  # |log-gain| of a decision: beyond that it is another light, whatever the time says
LEAST: Final = 3  # pictures that make a series
PERSON: Final = 128  # numbers that tell one from another

_DATE, _DIGITS, _EXPOSURE, _APERTURE, _SENSITIVITY, _FLASH = 36867, 37521, 33434, 33437, 34855, 37385

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MeasuredFace:
    """A face in a picture. own: (3,) the picture's own decision; skin: (3,) log of the skin's linear light
    with it. exposure: in stops, None where the file does not say; flash: likewise.
    """

    name: str
    index: int
    seconds: float
    exposure: float | None
    flash: bool | None
    person: Array
    own: Array
    skin: Array


def taken(block: bytes | None) -> dict[str, Any]:
    """``seconds`` (None if unknown), ``exposure`` in stops and ``flash``, as EXIF says."""
    tags = exif.parse(block)
    inner: dict[int, exif.Entry] = {}
    for entry in tags.entries if tags else ():
        if entry.code == exif.EXIF and isinstance(entry.value, tuple):
            inner = {tag.code: tag for tag in entry.value}
    order = tags.order if tags else "<"
    time, aperture, sensitivity, flash = (
        _number(inner.get(code), order) for code in (_EXPOSURE, _APERTURE, _SENSITIVITY, _FLASH)
    )
    exposure = None
    if time and aperture and sensitivity:
        exposure = math.log2(aperture**2 / time) - math.log2(sensitivity / 100)
    return {
        "seconds": _seconds(inner.get(_DATE), inner.get(_DIGITS)),
        "exposure": exposure if exposure is None else round(exposure, 2),
        "flash": None if flash is None else bool(int(flash) & 1),
    }


def _seconds(date: exif.Entry | None, digits: exif.Entry | None) -> float | None:
    from datetime import datetime, timezone

    try:
        text = _text(date)
        moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
        fraction = _text(digits)
        return moment + float(f"0.{fraction if fraction.isdecimal() else 0}")
    except ValueError:
        return None


def _text(entry: exif.Entry | None) -> str:
    value = entry.value if entry is not None else b""
    return value.rstrip(b"\0 ").decode("ascii", "replace") if isinstance(value, bytes) else ""


def _number(entry: exif.Entry | None, order: str) -> float | None:
    if entry is None or not isinstance(entry.value, bytes):
        return None
    form = {3: "H", 4: "I", 5: "II"}.get(entry.type)
    if form is None or len(entry.value) < struct.calcsize(order + form):
        return None
    first, *rest = struct.unpack_from(order + form, entry.value)
    return float(first) / rest[0] if rest and rest[0] else float(first) if not rest else None


def measured_face(line: dict[str, Any], face: dict[str, Any]) -> MeasuredFace:
    """Return a measured face of a manifest's line.

    Without a time in the file, that of the file itself counts. Raises `ValueError` and the like for what no
    run of ours has written.
    """
    seconds = face["seconds"] if face["seconds"] is not None else line["mtime_ns"] / 1e9
    exposure = None if face["exposure"] is None else float(face["exposure"])
    sizes = {"person": PERSON, "own": 3, "skin": 3}
    with np.errstate(over="ignore"):
        vectors = [np.asarray(face[name], np.float32).reshape(size) for name, size in sizes.items()]
    numbers = np.concatenate([*vectors, (seconds, exposure or 0)])
    if not np.isfinite(numbers).all() or not 0 <= face["face"] < MAX_FACES:
        raise ValueError("no measurement")
    return MeasuredFace(line["name"], int(face["face"]), float(seconds), exposure, face["flash"], *vectors)


def decide(seen: Iterable[MeasuredFace]) -> dict[str, dict[int, Array]]:
    """Return the decisions by picture and face: (3,) log-gains. Faces that are in no series are left out."""
    decisions: dict[str, dict[int, Array]] = {}
    for person in people(sorted(seen, key=lambda one: (one.seconds, one.name, one.index))):
        for series in lights(person):
            if len(series) < LEAST:
                continue
            skins = np.stack([_chroma(one.skin) for one in series])
            for one, skin, wanted in zip(series, skins, _smoothed(skins), strict=True):
                missing = wanted - skin
                if np.abs(missing).max() <= MOST:
                    decisions.setdefault(one.name, {})[one.index] = one.own + missing
    return decisions


def colours_of(manifest: Path) -> dict[str, tuple[tuple[float, float, float] | None, ...]]:
    """Return the decisions about everything that was measured, by picture, as `Item.colours`."""
    seen: dict[str, list[MeasuredFace]] = {}
    with manifest.open("rb") as file:
        for text in whole_lines(file):
            if (line := outcome_in(text)) is not None:
                seen[line["name"]] = list(_seen(line))
    found = {}
    for name, decisions in decide(itertools.chain.from_iterable(seen.values())).items():
        decided = [decisions.get(index) for index in range(max(decisions) + 1)]
        found[name] = tuple(tint if tint is None else _rounded(tint) for tint in decided)
    return found


def _seen(line: Outcome) -> Iterator[MeasuredFace]:
    for face in line["series"] if isinstance(line.get("series"), list) else ():
        with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
            yield measured_face(line, face)


def _rounded(tint: Array) -> tuple[float, float, float]:
    red, green, blue = (round(float(number), 3) for number in tint)
    return red, green, blue


def people(seen: Sequence[MeasuredFace]) -> list[list[MeasuredFace]]:
    """Return measured faces by person: each goes to whose mean it is nearest to, if that is near enough.

    seen: in order of time. Whoever was away for longer than a light lasts begins anew: an archive holds
    thousands of people, but few at a time.
    """
    groups: list[list[MeasuredFace]] = []
    present: list[list[MeasuredFace]] = []
    means = np.zeros((0, PERSON), np.float32)
    looked = -math.inf
    for one in seen:
        if one.seconds - looked > SAME_LIGHT_SECONDS:
            looked = one.seconds
            stay = [i for i, group in enumerate(present) if looked - group[-1].seconds <= SAME_LIGHT_SECONDS]
            present, means = [present[i] for i in stay], means[stay]
        distances = np.linalg.norm(means[: len(present)] - one.person, axis=1)
        nearest = int(np.argmin(distances)) if present else -1
        if nearest >= 0 and distances[nearest] < SAME_PERSON:
            group = present[nearest]
            means[nearest] += (one.person - means[nearest]) / np.float32(len(group) + 1)
            group.append(one)
            continue
        if len(present) == len(means):  # twice as many at once: a row at a time is as slow as comparing
            means = np.resize(means, (2 * len(means) + 16, PERSON))
        means[len(present)] = one.person
        groups.append([one])
        present.append(groups[-1])
    return groups


def lights(person: Sequence[MeasuredFace]) -> list[list[MeasuredFace]]:
    """One person's measured faces, in order of time, cut where the light may have changed."""
    series: list[list[MeasuredFace]] = []
    for one in person:
        if series and _same_light(series[-1][-1], one):
            series[-1].append(one)
        else:
            series.append([one])
    return series


def _same_light(before: MeasuredFace, after: MeasuredFace) -> bool:
    if after.seconds - before.seconds > SAME_LIGHT_SECONDS or before.flash != after.flash:
        return False
    if before.exposure is None or after.exposure is None:
        return True
    return abs(after.exposure - before.exposure) <= SAME_LIGHT_STOPS


def _chroma(skin: Array) -> Array:
    """Without brightness: log-gains between such colours leave it (green carries most of it)."""
    return np.asarray(skin - skin.mean(), np.float32)


def _smoothed(values: Array) -> Array:
    """(n, 3) with a Gaussian over the order of pictures."""
    places = np.arange(len(values))
    weights = np.exp(-0.5 * ((places[:, None] - places) / SMOOTH) ** 2)
    return np.asarray(weights @ values / weights.sum(1, keepdims=True), np.float32)
