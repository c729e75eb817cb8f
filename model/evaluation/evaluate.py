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
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.data.synthesize.flash import named
from model.errors import ModelError
from model.inference import predictor

from . import photographs, sheets, table
from .flashes import Planned, plan, plan_real
from .judge import Judged, announced, judge
from .maps import held_out_maps
from .systems import REAL_YARDSTICKS, YARDSTICKS, network

SEED = 2026
FLASHES = 2
MIXES = ("hard", "real")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (ValueError, OSError, ModelError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    mixes = {name: named(name) for name in options.mix or MIXES}
    real = plan_real(options.pairs) if options.pairs else []
    maps = held_out_maps(options.portraits, options.mesh, options.cache)
    networks = _networks(options.network, options.weights)
    for reason in maps.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    result: dict[str, Any] = {"default": _default(networks, options.weights), "mixes": {}}
    trouble = [*maps.unreadable]
    for name, mix in mixes.items():
        planned = plan(maps.folder, maps.entries, options.flashes, options.seed, mix)
        print(f"mix {name}: {announced(planned, options.seed)}")
        judged, result["mixes"][name] = _judge(planned, networks, options, name)
        trouble += judged.trouble
    result["seed"] = options.seed
    if real:
        print(f"\n{len(real)} real pairs, every picture brought to the studio photograph's exposure")
        judged, result["pairs"] = _judge(real, networks, options, "pairs", real=True)
        trouble += judged.trouble
    if options.real:
        result["photographs"], unmeasured = photographs.measure(options.real, networks, options.results)
        for reason in unmeasured:
            print(f"left out: {reason}", file=sys.stderr)
        print(f"\n{result['photographs']['n']} photographs without a truth\n")
        print(photographs.text(result["photographs"]))
        trouble += unmeasured
    if options.json:
        print(json.dumps(result))
    return 1 if trouble else 0


def _judge(
    planned: Sequence[Planned],
    networks: Mapping[str, predictor.Network],
    options: argparse.Namespace,
    prefix: str,
    real: bool = False,
) -> tuple[Judged, dict[str, Any]]:
    """Score, print the tables, write the contact sheets; the JSON's part with it."""
    yardsticks = REAL_YARDSTICKS if real else YARDSTICKS
    systems = {**yardsticks, **{name: network(loaded) for name, loaded in networks.items()}}
    judged = judge(planned, systems, networks.keys(), real)
    for reason in judged.trouble:
        print(f"left out: {reason}", file=sys.stderr)
    if not judged.planned:
        raise ValueError("none of the pictures could be judged; the reasons are above")
    found = table.summary(judged.records, options.seed, judged.studio_change)
    print(f"\n{table.text(found)}")
    for name in networks:
        change = found[name]["studio_change"]
        print(f"\n{name} changes the studio portraits themselves by {change:.2f} levels of 255 on the mean")
        if options.out:
            written = sheets.write(
                options.out, f"{prefix}_{name}", judged.planned, judged.records[name], systems[name]
            )
            print(f"contact sheets: {', '.join(str(file) for file in written)}")
    return judged, {"systems": found, **judged.counts}


def _networks(name: str, weights: Path) -> dict[str, predictor.Network]:
    """Return the networks to judge: one by name, or all that are there. Raises `ModelError`."""
    names = [name] if name else [info.name for info in predictor.available(weights)]
    if not names:
        raise ValueError(f"{weights} holds no network; give a folder that model.training.export has written")
    loaded = [predictor.load(one, folder=weights) for one in names]
    return {one.name: one for one in loaded}


def _default(networks: Mapping[str, predictor.Network], weights: Path) -> str:
    """Return the network that serves unless another is asked for, if it was judged; else the judged one."""
    return next(info.name for info in predictor.available(weights) if info.name in networks)


def positive(text: str) -> int:
    """For argparse: 1, 2, 3 ..."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def natural(text: str) -> int:
    """For argparse: 0, 1, 2 ..."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("0 or more")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model evaluate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--portraits", type=Path, required=True, help="folder with manifest.csv (file, source, person)")
    add("--pairs", type=Path, help="real pairs too: a folder made by python -m model prepare")
    add("--real", type=Path, metavar="DIR", help="flash photographs without a truth too")
    add("--results", type=Path, metavar="DIR", help="their served results, of the same names")
    add("--mix", action="append", help=f"of flashes, more than once if you like ({', '.join(MIXES)})")
    add("--network", default="", metavar="NAME", help="judge this one only (default: all)")
    add("--seed", type=natural, default=SEED, help="of the flashes and the bootstrap (%(default)s)")
    add("--json", action="store_true", help="end with one line of JSON")
    add("--flashes", type=positive, default=FLASHES, help="of each person, more of dark skin (%(default)s)")
    add("--out", type=Path, help="folder for contact sheets: best, median and worst ten")
    add("--mesh", type=Path, help="ict_face_model_light.npz (default: looked for near the portraits)")
    add("--cache", type=Path, help="folder of maps, such as training's (default: in the user's cache)")
    add("--weights", type=Path, default=predictor.WEIGHTS, help="folder of networks (default: the shipped)")
    return parser
