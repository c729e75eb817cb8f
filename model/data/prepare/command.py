"""``python -m model prepare``: photographs with flash and in the studio become pairs to train on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from model import command_line
from model.command_line import at_least
from model.errors import Unusable

from . import faid, pairing
from .dataset import FOLDER, Outcome, prepare
from .pairing import Candidate
from .pairs import MANIFEST
from .score import LIMIT


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done; 1: some pictures were left out, or no pair was good enough; 2: unusable arguments."""
    return command_line.run(_parser(), _run, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("prepare", __doc__)
    add = parser.add_argument
    add("--flash", type=Path, metavar="DIR", help="photographs taken with flash")
    add("--studio", type=Path, metavar="DIR", help="the same people in studio light")
    add("--faid", type=Path, metavar="DIR", help="instead: the folder of FAID")
    add("--out", type=Path, metavar="DIR", required=True, help="a new folder for the pairs")
    add("--person", metavar="REGEX", help="its first group, searched in the file's name, is the person")
    window = "seconds between two pictures of a pair (%(default)s)"
    add("--window", type=at_least(0, float), default=pairing.WINDOW, metavar="SECONDS", help=window)
    limit = "pixels a pair may be off, at 512 (%(default)s)"
    add("--limit", type=at_least(0, float), default=LIMIT, metavar="PIXELS", help=limit)
    add("--augment", action="store_true", help="write twenty versions of each pair")
    return parser


def _run(options: argparse.Namespace) -> int:
    candidates, missing = _candidates(options)
    _check_out(options.out)
    command_line.tell_left_out(missing)
    outcome = prepare(candidates, options.out, options.limit, options.augment)
    command_line.tell_left_out(outcome.failed)
    print(_summary(outcome, len(outcome.failed) + len(missing), options.out))
    return 1 if outcome.failed or missing or not outcome.kept else 0


def _summary(outcome: Outcome, left_out: int, out: Path) -> str:
    people = {pair.person for pair in outcome.kept}
    held = {pair.person for pair in outcome.kept if pair.held_out}
    told = (
        f"{len(outcome.kept)} pairs of {len(people)} people kept, {len(held)} of them held out; "
        f"{len(outcome.dropped)} dropped, {left_out} left out; look at kept.png and dropped.png in {out}"
    )
    if outcome.kept:
        return told
    return f"{told}\nNo pair was good enough; look at dropped.png, then perhaps raise --limit"


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
