"""``python -m model prepare``: photographs with flash and in the studio become pairs to train on."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from . import faid, pairing
from .dataset import FOLDER, prepare
from .pairing import Candidate, Unusable
from .pairs import MANIFEST
from .score import LIMIT


def main(arguments: list[str] | None = None) -> int:
    """0: done; 1: some pictures were left out, or no pair was good enough; 2: unusable arguments."""
    options = _parser().parse_args(arguments)
    try:
        candidates, missing = _candidates(options)
        _check_out(options.out)
    except (Unusable, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for line in missing:
        print(line, file=sys.stderr)
    try:
        outcome = prepare(candidates, options.out, options.limit, options.augment)
    except OSError as error:
        print(f"{options.out} cannot be written: {error.strerror}; give another folder", file=sys.stderr)
        return 2
    for line in outcome.failed:
        print(line, file=sys.stderr)
    people = {pair.person for pair in outcome.kept}
    held = {pair.person for pair in outcome.kept if pair.held_out}
    left = len(outcome.failed) + len(missing)
    print(
        f"{len(outcome.kept)} pairs of {len(people)} people kept, {len(held)} of them held out; "
        f"{len(outcome.dropped)} dropped, {left} left out; look at kept.png and dropped.png in {options.out}"
    )
    if not outcome.kept:
        print(
            "No pair was good enough; look at dropped.png, then perhaps raise --limit",
            file=sys.stderr,
        )
    return 1 if left or not outcome.kept else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model prepare", description=__doc__)
    parser.add_argument("--flash", type=Path, metavar="DIR", help="photographs taken with flash")
    parser.add_argument("--studio", type=Path, metavar="DIR", help="the same people in studio light")
    parser.add_argument("--faid", type=Path, metavar="DIR", help="instead: the folder of FAID")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="a new folder for the pairs")
    parser.add_argument(
        "--person", metavar="REGEX", help="its first group, searched in the file's name, is the person"
    )
    parser.add_argument(
        "--window",
        type=_seconds,
        default=pairing.WINDOW,
        help="seconds between two pictures of a pair (%(default)s)",
    )
    parser.add_argument(
        "--limit", type=_seconds, default=LIMIT, help="pixels a pair may be off, at 512 (%(default)s)"
    )
    parser.add_argument("--augment", action="store_true", help="write twenty versions of each pair")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return value


def _candidates(options: argparse.Namespace) -> tuple[list[Candidate], list[str]]:
    if options.faid is not None and options.flash is None and options.studio is None:
        return faid.candidates(options.faid)
    if options.faid is not None or options.flash is None or options.studio is None:
        raise Unusable("give either --flash DIR and --studio DIR, or --faid DIR")
    found = pairing.folders(options.flash, options.studio, options.person, options.window)
    if not found[0]:
        raise Unusable(
            f"no picture in {options.flash} has a partner in {options.studio}; "
            "give partners one name, or a larger --window"
        )
    return found


def _check_out(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise Unusable(f"{out} is a file; give a new folder")
    if (out / MANIFEST).exists() or (out / FOLDER).exists():
        raise Unusable(f"{out} holds prepared pairs already; give a new folder or remove it")
