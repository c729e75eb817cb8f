"""``python -m model synthesize cache | preview``: prepare the portraits, and look at flashes.

Exit status: 0 all is well, 1 some pictures were left out, 2 the arguments cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import cache
from .portraits import Unusable


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m model synthesize", description=__doc__)
    commands = parser.add_subparsers(required=True)
    fill = commands.add_parser("cache", help="fit the mesh to every portrait and keep the maps")
    fill.add_argument("--portraits", type=Path, required=True, help="folder with manifest.csv")
    fill.add_argument("--mesh", type=Path, required=True, help="ict_face_model_light.npz")
    fill.add_argument("--cache", type=Path, required=True, help="folder to write, outside the repository")
    fill.add_argument("--processes", type=int, default=2)
    fill.set_defaults(run=_cache)
    look = commands.add_parser("preview", help="a contact sheet: portrait, normals, specular, shadow, flash")
    look.add_argument("--cache", type=Path, required=True)
    look.add_argument("--out", type=Path, required=True, help="PNG to write")
    look.add_argument("--beside", type=Path, help="folder of real photographs: flashes beside those instead")
    look.add_argument("--seed", type=int, default=0)
    look.add_argument("--count", type=int, default=24)
    look.set_defaults(run=_preview)
    chosen = parser.parse_args(arguments)
    try:
        left = chosen.run(chosen)
    except Unusable as reason:
        print(f"{reason}.", file=sys.stderr)
        return 2
    for line in left:
        print(f"left out: {line}", file=sys.stderr)
    return 1 if left else 0


def _cache(arguments: argparse.Namespace) -> list[str]:
    kept, left = cache.fill(arguments.portraits, arguments.mesh, arguments.cache, arguments.processes)
    if not kept:
        raise Unusable(f"no portrait can be used; the first: {left[0]}")
    held = {entry.person for entry in kept if entry.held_out}
    people = {entry.person for entry in kept}
    print(f"{len(kept)} portraits of {len(people)} people, {len(held)} people held out; {len(left)} left out")
    return left


def _preview(arguments: argparse.Namespace) -> list[str]:
    from .preview import beside, sheet

    left: list[str] = []
    if arguments.beside:
        left = beside(arguments.cache, arguments.beside, arguments.out, arguments.seed, arguments.count)
    else:
        sheet(arguments.cache, arguments.out, arguments.seed, arguments.count)
    print(arguments.out)
    return left
