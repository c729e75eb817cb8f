"""``python -m model compare --portraits DIR``: beside HDRNet, Pix2Pix and headshot style transfer.

The same flashes of held-out people, metrics and intervals as ``python -m model evaluate``, with what each
method costs, and a figure in which faces can be judged. Shipped networks take part by themselves; a network
that is not shipped by its training run (``--run``). With --json the last line is the result as JSON, which
`model.evaluation.card` takes too. Exit status: 0 fine, 1 something was left out, 2 nothing could be compared.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model import command_line
from model.evaluation import table
from model.evaluation.flashes import Planned, plan
from model.evaluation.judge import add_arguments, announced, judge
from model.evaluation.maps import held_out_maps
from model.evaluation.systems import YARDSTICKS, System
from model.networks.headshot_example import load_all

from . import figure, report
from .entrants import Entrant, entrants
from .examples import studio_examples

RUN = "a training run and what to call it (default: its network's name); may be repeated"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    return command_line.run(_parser(), _run, arguments)


def _run(options: argparse.Namespace) -> int:
    maps = held_out_maps(options.portraits, options.mesh, options.cache)
    if options.examples:
        examples = load_all(options.examples)
    else:
        examples = studio_examples(options.portraits, options.mesh, maps.folder)
    taking_part = entrants(options.weights, options.network, options.run, examples)
    planned = plan(maps.folder, maps.entries, options.flashes, options.seed)
    shown = figure.selected(planned, maps.entries, options.show)
    if options.document:  # these not after all else has been judged
        report.check(options.document)
    if options.selfies and not options.selfies.is_dir():
        raise ValueError(f"{options.selfies} is not a folder")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    result, trouble = _judged(planned, taking_part, options.seed)
    pictures = _pictures(options, shown, taking_part, trouble) if options.out else []
    if options.document:
        beside = [os.path.relpath(picture, options.document.parent) for picture in pictures]
        report.put(options.document, report.words(result, beside))
    command_line.tell_left_out([*maps.left_out, *trouble])
    if options.json:
        print(json.dumps(result))
    return 1 if trouble or maps.unreadable else 0


def _judged(
    planned: Sequence[Planned], taking_part: Sequence[Entrant], seed: int
) -> tuple[dict[str, Any], list[str]]:
    """Return the JSON's result, its tables printed; and what could not be judged."""
    print(announced(planned, seed), flush=True)
    named = {one.name: one for one in taking_part}
    judged = judge(planned, {**YARDSTICKS, **named}, named)
    if not judged.planned:
        raise ValueError("none of the flashes could be judged: " + "; ".join(judged.trouble))
    found, costs = table.summary(judged.records, seed, judged.studio_change), report.costs(taking_part)
    print(f"\n{table.text(found)}\n\n{report.cost_table(costs)}")
    return {
        "default": taking_part[0].name,
        "mixes": {"hard": {"systems": found, **judged.counts}},
        "costs": costs,
        "seed": seed,
    }, judged.trouble


def _pictures(
    options: argparse.Namespace, shown: Sequence[Planned], taking_part: Sequence[Entrant], trouble: list[str]
) -> list[Path]:
    """Write the figures and the curves; returns their paths."""
    systems: dict[str, System] = {one.name: one.system for one in taking_part}
    figures = {"comparison.jpg": figure.draw([one.make() for one in shown], systems, truth=True)}
    if options.selfies:
        samples, left_out = figure.selfies(options.selfies)
        trouble += left_out
        if samples:
            figures["comparison-selfies.jpg"] = figure.draw(samples, systems, truth=False)
    for name, picture in figures.items():
        figure.write(options.out / name, picture)
    written = [options.out / name for name in figures]
    curves = options.out / "comparison-curves.png"
    if report.curves(curves, taking_part):
        written.append(curves)
    print(f"\npictures: {', '.join(str(path) for path in written)}")
    return written


def _run_folder(text: str) -> tuple[str, Path]:
    """Return what a run is called, "" if nobody said, and its folder."""
    name, equals, folder = text.rpartition("=")
    return (name, Path(folder)) if equals and "/" not in name else ("", Path(text))


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("compare", __doc__)
    add_arguments(parser)
    add = parser.add_argument
    only = "of the shipped ones, only this; none: none of them"
    add("--network", action="append", default=[], metavar="NAME", help=only)
    add("--run", type=_run_folder, action="append", default=[], metavar="[NAME=]FOLDER", help=RUN)
    add("--examples", type=Path, help="portraits for headshot (default: 40 people of --portraits)")
    add("--out", type=Path, help="folder for the figures and the curves")
    add("--show", action="append", default=[], metavar="PORTRAIT", help="in the figure; may be repeated")
    add("--selfies", type=Path, help="photographs without a ground truth, for a figure of their own")
    add("--document", type=Path, help="put tables and figures between this document's marks")
    return parser
