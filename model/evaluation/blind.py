"""``python -m model blind make|score``: pairs of photographs without names, for a judge who must not know.

``make --before DIR --after DIR --out DIR`` puts every picture that both folders hold (same name but for the
ending) beside its other version, A | B, sides drawn at random, in OUT/sheets/NNN.png; the judge gets this
folder and OUT/form.csv, never OUT/key.json. A judge writes for each pair in the form

- preferred: A, B or same
- sure: 1 (a guess), 2 or 3 (certain)
- defects_a, defects_b: words apart by spaces: neck red orange grey flat halo shine dark light eyes none

``score --key key.json FORM...`` counts: how often the second folder was preferred, with Wilson's 95 %
interval, by group; the defects in it; and how far judges agree when there are several forms. Exit status: 0
fine, 1 some pictures or lines could not be used, 2 nothing could.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import command_line, contact_sheet
from ..command_line import at_least
from .calibrate import KINDS

DEFECTS: Final = ("neck", "red", "orange", "grey", "flat", "halo", "shine", "dark", "light", "eyes")
COLUMNS: Final = ("pair", "preferred", "sure", "defects_a", "defects_b")
KEY: Final = "key.json"
HEIGHT: Final = 900  # of a picture on a sheet; smaller ones stay as they are
WIDTH: Final = 760
GAP: Final = 16
CAPTION: Final = 36  # pixels above it
Z: Final = 1.96  # of 95 %


@dataclass(frozen=True)
class Vote:
    """One judge's word on one pair. chosen: "after", "before" or "same"; defects: in the result."""

    pair: str
    group: str
    chosen: str
    sure: int
    defects: tuple[str, ...]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if not n:
        return 0.0, 1.0
    share, z2 = hits / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def make(before: Path, after: Path, out: Path, groups: Mapping[str, str], seed: int) -> list[str]:
    """Write sheets, form and key; returns sentences about what was left out.

    groups: of a picture's name without its ending, such as its skin. Raises `ValueError` with a sentence.
    """
    first, second = _pictures(before), _pictures(after)
    names = sorted(first.keys() & second.keys())
    if not names:
        raise ValueError(
            f"{before} and {after} have no picture of the same name; name them alike but for the ending"
        )
    if (out / KEY).exists():  # a form may be filled in already, and old sheets would lie between new ones
        raise ValueError(f"{out} holds sheets already; name another folder")
    left_out = [f"{name} is in one of the folders only" for name in sorted(first.keys() ^ second.keys())]
    (out / "sheets").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    key: dict[str, dict[str, str]] = {}
    for name in (names[place] for place in rng.permutation(len(names))):
        one, other = cv2.imread(str(first[name])), cv2.imread(str(second[name]))
        if one is None or other is None:
            left_out.append(f"{name} cannot be read")
            continue
        pair, swapped = f"{len(key) + 1:03}", bool(rng.random() < 0.5)
        contact_sheet.save(out / "sheets" / f"{pair}.png", _sheet(one, other, swapped))
        key[pair] = {"name": name, "after": "A" if swapped else "B", "group": groups.get(name) or ""}
    if not key:
        raise ValueError(f"no picture of {before} and {after} could be read")
    _write_form(out, key)
    return left_out


def _write_form(out: Path, key: Mapping[str, Mapping[str, str]]) -> None:
    """Write the judge's form, and beside it the key."""
    (out / KEY).write_text(json.dumps(key, indent=1) + "\n", "utf-8")
    with (out / "form.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([COLUMNS, *([pair, "", "", "", ""] for pair in key)])


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; name one with pictures")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in KINDS}


def _sheet(before: NDArray[Any], after: NDArray[Any], swapped: bool) -> NDArray[Any]:
    """Return A | B, captioned, in sRGB; both (H, W, 3) BGR. swapped: the one that is after stands left."""
    other = cv2.resize(after, before.shape[1::-1], interpolation=cv2.INTER_AREA)
    scale = min(1.0, HEIGHT / before.shape[0], WIDTH / before.shape[1])
    size = (max(1, round(before.shape[1] * scale)), max(1, round(before.shape[0] * scale)))
    sheet = np.full((size[1] + CAPTION, 2 * size[0] + GAP, 3), 128, np.uint8)
    sides = (other, before) if swapped else (before, other)
    for letter, side, x in zip("AB", sides, (0, size[0] + GAP), strict=True):
        sheet[CAPTION:, x : x + size[0]] = cv2.resize(side, size, interpolation=cv2.INTER_AREA)
        contact_sheet.write(sheet, letter, (x + 8, 27), 0.9, (255, 255, 255), 2)
    return sheet[..., ::-1]


def read(form: Path, key: Mapping[str, Mapping[str, str]]) -> tuple[list[Vote], list[str]]:
    """Return a judge's votes, and sentences about lines that say nothing or are missing.

    Spreadsheets put a mark before the first column, and where a comma is a decimal point a semicolon between
    columns. Raises `ValueError` for another file.
    """
    try:
        words = form.read_text("utf-8-sig")
        between = ";" if ";" in words.partition("\n")[0] else ","
        rows = list(csv.DictReader(io.StringIO(words, newline=""), delimiter=between))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{form} cannot be read") from error
    if not rows or not {"pair", "preferred"} <= rows[0].keys():
        raise ValueError(f"{form} is not a form; its columns are {', '.join(COLUMNS)}")
    votes: dict[str, Vote] = {}
    missing, unused = set(key), []
    for row in rows:
        missing.discard(_pair(row))
        if not (vote := _vote(row, key)):
            unused.append(f"{form}: pair {row['pair']!r} says {row['preferred']!r}; it is A, B or same")
        elif vote.pair in votes:
            unused.append(f"{form}: pair {vote.pair} is there twice; the first line counts")
        else:
            votes[vote.pair] = vote
    if missing:
        unused.append(f"{form} has no line for {len(missing)} of the pairs, like {min(missing)}")
    return list(votes.values()), unused


def _pair(row: Mapping[str, str]) -> str:
    """Return a line's pair; a spreadsheet makes 1 of 001."""
    return str(row["pair"]).strip().zfill(3)


def _vote(row: Mapping[str, str], key: Mapping[str, Mapping[str, str]]) -> Vote | None:
    """Return what a line of a form says; None if nothing that can be counted."""
    pair, said = _pair(row), str(row["preferred"]).strip().upper()
    if pair not in key or said not in ("A", "B", "SAME"):
        return None
    after = key[pair]["after"]
    chosen = "same" if said == "SAME" else "after" if said == after else "before"
    sure = str(row.get("sure") or "").strip()
    words = str(row.get(f"defects_{after.lower()}") or "").lower().replace(",", " ").split()
    defects = tuple(word for word in words if word in DEFECTS)
    return Vote(pair, key[pair]["group"] or "", chosen, int(sure) if sure.isdecimal() else 1, defects)


def score(judges: Sequence[Sequence[Vote]]) -> dict[str, Any]:
    """Return the JSON: by group, defects, agreement."""
    votes = [vote for judge in judges for vote in judge]
    groups = {"all": list(votes)}
    for vote in votes:
        if vote.group and vote.group != "all":
            groups.setdefault(vote.group, []).append(vote)
    counted = {name: _counted(own) for name, own in groups.items()}
    return {"judges": len(judges), "groups": counted, "agreement": _agreement(judges)}


def _counted(votes: Sequence[Vote]) -> dict[str, Any]:
    hits = sum(vote.chosen == "after" for vote in votes)
    return {
        "n": len(votes),
        "preferred": hits,
        "photograph": sum(vote.chosen == "before" for vote in votes),
        "share": round(hits / len(votes), 3),
        "interval": [round(end, 3) for end in wilson(hits, len(votes))],
        "sure": sum(vote.chosen == "after" and vote.sure > 1 for vote in votes),
        "sure_photograph": sum(vote.chosen == "before" and vote.sure > 1 for vote in votes),
        "free": sum(not vote.defects for vote in votes),
        "defects": dict(Counter(word for vote in votes for word in set(vote.defects)).most_common()),
    }


def _agreement(judges: Sequence[Sequence[Vote]]) -> float | None:
    """Return the share of pairs on which two judges say the same; None if no two saw the same pair."""
    chosen = [{vote.pair: vote.chosen for vote in votes} for votes in judges]
    both = [(one, other, pair) for one, other in combinations(chosen, 2) for pair in one.keys() & other]
    same = [one[pair] == other[pair] for one, other, pair in both]
    return round(sum(same) / len(same), 3) if same else None


def _text(result: Mapping[str, Any]) -> str:
    lines = [
        f"{'':<12}{'pairs':>6}{'result':>8}{'photo':>7}{'share':>7}  95 %           sure     free  defects"
    ]
    for name, row in result["groups"].items():
        low, high = row["interval"]
        defects = ", ".join(f"{word} {n}" for word, n in row["defects"].items())
        lines.append(
            f"{name:<12}{row['n']:>6}{row['preferred']:>8}{row['photograph']:>7}{row['share']:>7.0%}"
            f"  {low:.0%} - {high:.0%}".ljust(56)
            + f"{row['sure']} / {row['sure_photograph']}".rjust(7)
            + f"{row['free']:>7}  {defects}"
        )
    if result["agreement"] is not None:
        lines.append(f"judges agree on {result['agreement']:.0%} of the pairs")
    return "\n".join(lines)


def _groups(manifest: Path | None, column: str) -> dict[str, str]:
    if manifest is None:
        return {}
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            if not {"file", column} <= set(rows.fieldnames or ()):
                raise KeyError(column)
            return {Path(row["file"] or "").stem: row[column] for row in rows}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{manifest} cannot be read, or lacks the column file or {column}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    return command_line.run(_parser(), lambda options: int(options.run(options)), arguments)


def _make(options: argparse.Namespace) -> int:
    groups = _groups(options.manifest, options.group)
    trouble = make(options.before, options.after, options.out, groups, options.seed)
    print(f"{options.out}/sheets and form.csv are for the judge; key.json is not")
    command_line.tell_left_out(trouble)
    return 1 if trouble else 0


def _score(options: argparse.Namespace) -> int:
    key = _key(options.key)
    judges, trouble = [], []
    for form in options.forms:
        try:
            votes, unused = read(form, key)
        except ValueError as error:
            trouble.append(str(error))
            continue
        trouble += unused
        judges += [votes] if votes else []
    command_line.tell_left_out(trouble)
    if not judges:
        raise ValueError("no form says anything; a judge writes A, B or same in the column preferred")
    result = score(judges)
    print(_text(result))
    if options.json:
        print(json.dumps(result))
    return 1 if trouble else 0


def _key(path: Path) -> dict[str, dict[str, str]]:
    """Read what `make` has written. Raises `ValueError` for another file."""
    try:
        key = json.loads(path.read_text("utf-8"))
        if key and all(facts["after"] in ("A", "B") and "group" in facts for facts in key.values()):
            return dict(key)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise ValueError(f"{path} is not a key that blind make has written")


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("blind", __doc__)
    commands = parser.add_subparsers(required=True, metavar="make|score")
    making = commands.add_parser("make", help="sheets, a form and a key")
    making.add_argument("--before", type=Path, required=True, help="folder of photographs")
    making.add_argument("--after", type=Path, required=True, help="folder of results, of the same names")
    making.add_argument("--out", type=Path, required=True, help="folder to write")
    making.add_argument("--manifest", type=Path, help="CSV with the columns file and --group")
    making.add_argument("--group", default="skin", help="column to score by (%(default)s)")
    making.add_argument("--seed", type=at_least(0), default=1, help="of order and sides (%(default)s)")
    making.set_defaults(run=_make)
    scoring = commands.add_parser("score", help="count filled-in forms")
    scoring.add_argument("forms", type=Path, nargs="+", metavar="FORM", help="what a judge has filled in")
    scoring.add_argument("--key", type=Path, required=True, help="key.json, as make has written it")
    scoring.add_argument("--json", action="store_true", help="end with one line of JSON")
    scoring.set_defaults(run=_score)
    return parser
