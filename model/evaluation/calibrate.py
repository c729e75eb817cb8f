"""``python -m model calibrate --real DIR --portraits DIR``: do the training flashes look like real ones?

Measures real flash photographs and flashes of a mix, statistic by statistic; how and where is said in
`model.evaluation.face_statistics`. For each: the quartiles of both, and the Kolmogorov-Smirnov distance of
their distributions. The mix passes when

- each median of the flashes lies between the real quartiles, and each distance is at most 0.25 (but not
  ``neck/cheek``, which depends on what people wear, nor ``clipped, %``, most of which is 0);
- outside of the mode of hard LED flashes the target has, on the average, the complexion of the flash
  photograph: the means of a* and b* of o minus x within 1.5 in each ITA bin of at least 8 flashes;
- the mode of hard LED flashes is 15 - 30 % of it.

Flashes are of the people who are held out of training, 30 % of them dark or brown. Tables on
stdout; with --json the last line is ``{"statistics": {NAME: {"real": [q25, q50, q75], "synthetic": [...],
"ks": x}}, "colour": {BIN: {"n", "a", "b"}}, "passed": bool}``. Exit status: 0 passed, 1 it does not pass or
some photographs could not be measured, 2 nothing could be measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from torch import Tensor

from model import command_line
from model.command_line import at_least
from model.data.synthesize.cache import Entry
from model.data.synthesize.flash import Mix, named
from model.data.synthesize.pairs import Pairs, fixed
from model.data.synthesize.portraits import Unfit
from model.paper.bilateral import SIZE

from . import face_statistics as faces
from .flashes import DARK_SKIN
from .maps import add_arguments as add_people
from .maps import held_out_maps
from .metrics import ita, ita_bin

FLASHES: Final = 160
DARK_SHARE: Final = 0.3  # of the flashes: as many of the measured photographs are of brown or dark skin
SEED: Final = 2026
LARGEST_DISTANCE: Final = 0.25
EXEMPT: Final = ("neck/cheek", "clipped, %")
LARGEST_COLOUR: Final = 1.5  # of a* and b*
ENOUGH: Final = 8  # flashes: a bin with fewer is shown, but does not decide
LED_SHARE: Final = (0.15, 0.30)
KINDS: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")

Row = dict[str, float]


def photographs(folder: Path) -> list[Path]:
    """Return the pictures of a folder, in the order of their names. Raises `ValueError` with a sentence."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; name one with flash photographs")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS)
    if not found:
        raise ValueError(f"{folder} holds no pictures ({', '.join(KINDS)})")
    return found


def measured(paths: Sequence[Path]) -> tuple[list[Row], list[str]]:
    """Return the statistics of each photograph, and sentences about those that cannot be measured."""
    rows, left_out = [], []
    for path in paths:
        try:
            rows.append(faces.measure(faces.read(path)))
        except Unfit as reason:
            left_out.append(f"{path}: {reason}")
    return rows, left_out


def flashes(folder: Path, entries: Sequence[Entry], count: int, seed: int, mix: Mix) -> Iterator[Pairs]:
    """`count` flashes of the cache's people, whole crops at half size, one at a time."""
    rng = np.random.default_rng(seed)
    dark = np.array([entry.lightness < DARK_SKIN for entry in entries])
    share = np.where(dark, DARK_SHARE / max(dark.sum(), 1), (1 - DARK_SHARE) / max((~dark).sum(), 1))
    picks = rng.choice(len(entries), count, p=share / share.sum())
    return (
        fixed(folder, entries, [entries[pick]], [seed, i], mix, 2).pairs() for i, pick in enumerate(picks)
    )


def synthetic(pairs: Iterator[Pairs]) -> tuple[list[Row], list[tuple[str, float, float]]]:
    """Measure flashes, and of those without a cast the ITA bin and the change of a* and b* to the target.

    A face that cannot be found again in its flash is left out, as a photograph would be.
    """
    rows, colours = [], []
    for pair in pairs:
        x, o, skin = (_picture(side) for side in (pair.x, pair.o, pair.skin))
        try:
            rows.append(faces.measure(faces.find(x)))
        except Unfit:
            continue
        if not pair.cast.any():
            colours.append(_change(x, o, skin > 127))
    return rows, colours


def _change(x: NDArray[np.uint8], o: NDArray[np.uint8], skin: NDArray[np.bool_]) -> tuple[str, float, float]:
    """Return the target's ITA bin and the change of a* and b*; a face lies in both at one place."""
    sides = [np.asarray(side / np.float32(255), np.float32) for side in (x, o)]
    before, after = (np.median(faces.lab(side)[skin], axis=0) for side in sides)
    return (ita_bin(ita(after)), *(after - before)[1:].tolist())


def _picture(batch: Tensor) -> NDArray[np.uint8]:
    """Return the first of a batch at the framing's size, 8 bit: (512, 512, C), without a last axis of 1."""
    picture = cv2.resize(batch[0].permute(1, 2, 0).numpy(), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return np.asarray((picture * 255 + 0.5).clip(0, 255).astype(np.uint8))


def compare(real: Sequence[Row], made: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return the JSON's "statistics"."""
    result = {}
    for name in real[0]:
        sides = [np.array([row[name] for row in rows]) for rows in (real, made)]
        one, other = (side[np.isfinite(side)] for side in sides)
        if not len(one) or not len(other):  # such as a neck that no photograph shows
            raise ValueError(f"{name} can be measured on no {'flash' if len(one) else 'photograph'}")
        quartiles = [[round(float(q), 3) for q in np.percentile(side, (25, 50, 75))] for side in (one, other)]
        distance = round(float(ks_2samp(one, other).statistic), 3)
        result[name] = {"real": quartiles[0], "synthetic": quartiles[1], "ks": distance}
    return result


def failures(
    statistics: Mapping[str, Mapping[str, Any]], colour: Mapping[str, Mapping[str, float]], mix: Mix
) -> list[str]:
    """Why the mix does not pass, in sentences; none: it passes."""
    sentences = [sentence for name, row in statistics.items() for sentence in _away(name, row)]
    for name, row in colour.items():
        if row["n"] >= ENOUGH and max(abs(row["a"]), abs(row["b"])) > LARGEST_COLOUR:
            off = f"{row['a']:+.1f} a*, {row['b']:+.1f} b*"
            sentences.append(f"{name}: the target's colour is {off} off the flash's")
    low, high = LED_SHARE
    if not low <= mix.led <= high:
        sentences.append(f"hard LED flashes are {mix.led:.0%} of the mix, not {low:.0%} - {high:.0%}")
    return sentences


def _away(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    """Say how a statistic of the flashes is away from that of real ones."""
    low, _, high = row["real"]
    if name not in EXEMPT and not low <= row["synthetic"][1] <= high:
        yield f"{name}: the median {row['synthetic'][1]} is outside of {low} - {high}"
    if name not in EXEMPT and row["ks"] > LARGEST_DISTANCE:
        yield f"{name}: the distance {row['ks']} is above {LARGEST_DISTANCE}"


def by_bin(colours: Sequence[tuple[str, float, float]]) -> dict[str, dict[str, float]]:
    """Return the JSON's "colour": number of flashes and mean change of a* and b* in each ITA bin."""
    result = {}
    for name in dict.fromkeys(sorted(bin for bin, *_ in colours)):
        own = np.array([change for bin, *change in colours if bin == name])
        a, b = own.mean(axis=0).round(2).tolist()
        result[name] = {"n": len(own), "a": a, "b": b}
    return result


def _text(statistics: Mapping[str, Mapping[str, Any]], colour: Mapping[str, Mapping[str, float]]) -> str:
    lines = [f"{'':<16}{'real 25 / 50 / 75 %':>26}{'flashes':>26}{'KS':>8}"]
    for name, row in statistics.items():
        sides = [" / ".join(f"{q:.2f}" for q in row[side]) for side in ("real", "synthetic")]
        lines.append(f"{name:<16}{sides[0]:>26}{sides[1]:>26}{row['ks']:>8.2f}")
    lines.append("\ntarget minus flash, outside of the LED mode")
    lines += [
        f"{name:<16}{row['n']:>4} a* {row['a']:+.2f}  b* {row['b']:+.2f}" for name, row in colour.items()
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    return command_line.run(_parser(), _run, arguments)


def _run(options: argparse.Namespace) -> int:
    mix = named(options.mix)
    paths = photographs(options.real)
    maps = held_out_maps(options.portraits, options.mesh, options.cache)
    real, left_out = measured(paths)
    command_line.tell_left_out(left_out)
    if not real:
        raise ValueError(f"no face was found in any picture of {options.real}")
    made, colours = synthetic(flashes(maps.folder, maps.entries, options.flashes, options.seed, mix))
    if not made:
        raise ValueError("no face was found again in any flash")
    statistics, colour = compare(real, made), by_bin(colours)
    reasons = failures(statistics, colour, mix)
    print(f"{len(real)} photographs, {len(made)} flashes of the mix {options.mix}\n")
    print(_text(statistics, colour))
    print("\npassed" if not reasons else "\nnot passed\n" + "\n".join(reasons))
    if options.json:
        print(json.dumps({"statistics": statistics, "colour": colour, "passed": not reasons}))
    return 1 if reasons or left_out else 0


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("calibrate", __doc__)
    add = parser.add_argument
    add("--real", type=Path, required=True, metavar="DIR", help="folder of real flash photographs")
    add_people(parser)
    add("--mix", default="real", help="of mixes.toml (%(default)s)")
    add("--flashes", type=at_least(1), default=FLASHES, help="how many (%(default)s)")
    add("--seed", type=at_least(0), default=SEED, help="of the flashes (%(default)s)")
    add("--json", action="store_true", help="end with one line of JSON")
    return parser
