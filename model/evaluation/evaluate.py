"""``python -m model evaluate --portraits DIR``: judge the networks on held-out people, beside doing nothing.

On two mixes of flashes: ``hard``, the one of the first versions, and ``real``, which is calibrated against
real flash photographs. With --real also on photographs without a truth, see `model.evaluation.photographs`.
Tables on stdout; with --json the last line is the result as JSON,
``{"default", "mixes": {NAME: {"systems": {...}}}}``. Progress and what was left out go
to stderr. Exit status: 0 fine, 1 some pictures could not be judged, 2 nothing could.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model import command_line
from model.data.synthesize.flash import named
from model.inference import predictor

from . import photographs, sheets, table
from .calibrate import photographs as pictures
from .flashes import Planned, plan, plan_real
from .judge import add_arguments, announced, judge
from .maps import held_out_maps
from .systems import REAL_YARDSTICKS, YARDSTICKS, network

MIXES = ("hard", "real")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    return command_line.run(_parser(), _run, arguments)


def _run(options: argparse.Namespace) -> int:
    mixes = {name: named(name) for name in options.mix or MIXES}
    real = plan_real(options.pairs) if options.pairs else []
    _check(options)  # not after all else has been judged
    maps = held_out_maps(options.portraits, options.mesh, options.cache)
    networks = _networks(options.network, options.weights)
    command_line.tell_left_out(maps.left_out)
    default = _default(networks, options.weights)
    result: dict[str, Any] = {"default": default, "mixes": {}, "seed": options.seed}
    trouble = [*maps.unreadable]
    for name, mix in mixes.items():
        planned = plan(maps.folder, maps.entries, options.flashes, options.seed, mix)
        print(f"mix {name}: {announced(planned, options.seed)}")
        result["mixes"][name] = _judge(planned, networks, options, name, trouble)
    if real:
        print(f"\n{len(real)} real pairs, every picture brought to the studio photograph's exposure")
        with _going_on(trouble):
            result["pairs"] = _judge(real, networks, options, "pairs", trouble, real=True)
    if options.real:
        with _going_on(trouble):
            result["photographs"] = _photographs(networks, options, trouble)
    if options.json:
        print(json.dumps(result))
    return 1 if trouble else 0


@contextmanager
def _going_on(trouble: list[str]) -> Iterator[None]:
    """Tell of pictures of which none can be judged: those of other kinds are judged all the same."""
    try:
        yield
    except ValueError as error:
        trouble.append(str(error))
        command_line.tell_left_out([str(error)])


def _check(options: argparse.Namespace) -> None:
    """Raise `ValueError` or `OSError` for folders that nothing can be read from, or written to."""
    if options.results and not options.real:
        raise ValueError("--results goes with --real DIR, the photographs that they were made of")
    folders = [folder for folder in (options.real, options.results) if folder]
    names = [{path.stem for path in pictures(folder)} for folder in folders]
    if names and not set.intersection(*names):
        raise ValueError(f"{options.results} has no picture of the same name as one of {options.real}")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)


def _judge(
    planned: Sequence[Planned],
    networks: Mapping[str, predictor.Network],
    options: argparse.Namespace,
    prefix: str,
    trouble: list[str],
    real: bool = False,
) -> dict[str, Any]:
    """Score, print the tables, write the contact sheets; the JSON's part. trouble: gets what could not be."""
    yardsticks = REAL_YARDSTICKS if real else YARDSTICKS
    systems = {**yardsticks, **{name: network(loaded) for name, loaded in networks.items()}}
    judged = judge(planned, systems, networks.keys(), real)
    command_line.tell_left_out(judged.trouble)
    trouble += judged.trouble
    if not judged.planned:
        raise ValueError("none of the pictures could be judged; the reasons are above")
    found = table.summary(judged.records, options.seed, judged.studio_change)
    print(f"\n{table.text(found)}")
    for name in networks:
        change = found[name]["studio_change"]
        print(f"\n{name} changes the studio portraits themselves by {change:.2f} levels of 255 on the mean")
        if options.out:
            shown = (judged.planned, judged.records[name], systems[name])
            written = sheets.write(options.out, f"{prefix}_{name}", *shown)
            print(f"contact sheets: {', '.join(str(file) for file in written)}")
    return {"systems": found, **judged.counts}


def _photographs(
    networks: Mapping[str, predictor.Network], options: argparse.Namespace, trouble: list[str]
) -> dict[str, Any]:
    """Measure photographs without a truth, print the table; the JSON's part."""
    found, unmeasured = photographs.measure(options.real, networks, options.results)
    command_line.tell_left_out(unmeasured)
    trouble += unmeasured
    print(f"\n{found['n']} photographs without a truth\n\n{photographs.text(found)}")
    return found


def _networks(name: str, weights: Path) -> dict[str, predictor.Network]:
    """Return the networks to judge: one by name, or all that are there. Raises `ModelError`."""
    names = [name] if name else [info.name for info in predictor.available(weights)]
    if not names:
        raise ValueError(f"{weights} holds no network; give a folder that python -m model export has written")
    loaded = [predictor.load(one, folder=weights) for one in names]
    return {one.name: one for one in loaded}


def _default(networks: Mapping[str, predictor.Network], weights: Path) -> str:
    """Return the network that serves unless another is asked for, if it was judged; else the judged one."""
    return next(info.name for info in predictor.available(weights) if info.name in networks)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("evaluate", __doc__)
    add_arguments(parser)
    add = parser.add_argument
    add("--pairs", type=Path, help="real pairs too: a folder made by python -m model prepare")
    add("--real", type=Path, metavar="DIR", help="flash photographs without a truth too")
    add("--results", type=Path, metavar="DIR", help="their served results, of the same names")
    add("--mix", action="append", help=f"of flashes, more than once if you like ({', '.join(MIXES)})")
    add("--network", default="", metavar="NAME", help="judge this one only (default: all)")
    add("--out", type=Path, help="folder for contact sheets: best, median and worst ten")
    return parser
