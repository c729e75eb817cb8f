"""``python -m model synthesize cache | preview``: prepare the portraits, and look at flashes.

Exit status: 0 all is well, 1 some pictures were left out, 2 the arguments cannot be used.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from model import command_line
from model.command_line import at_least
from model.errors import Unusable

from . import cache


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return command_line.run(_parser(), lambda options: int(options.run(options)), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("synthesize", __doc__)
    commands = parser.add_subparsers(required=True, metavar="cache|preview")
    fill = commands.add_parser("cache", help="fit the mesh to every portrait and keep the maps")
    fill.add_argument("--portraits", type=Path, required=True, help="folder with manifest.csv")
    fill.add_argument("--mesh", type=Path, required=True, help="ict_face_model_light.npz")
    fill.add_argument("--cache", type=Path, required=True, help="folder to write, outside the repository")
    fill.add_argument("--processes", type=at_least(1), default=2, help="at work together (%(default)s)")
    fill.set_defaults(run=_cache)
    look = commands.add_parser("preview", help="a contact sheet: portrait, normals, specular, shadow, flash")
    look.add_argument("--cache", type=Path, required=True, help="as synthesize cache has filled it")
    look.add_argument("--out", type=Path, required=True, help="PNG to write")
    look.add_argument("--beside", type=Path, help="folder of real photographs: flashes beside those instead")
    look.add_argument("--seed", type=at_least(0), default=0, help="of the flashes (%(default)s)")
    look.add_argument("--count", type=at_least(1), default=24, help="how many (%(default)s)")
    look.set_defaults(run=_preview)
    return parser


def _cache(options: argparse.Namespace) -> int:
    kept, left = cache.fill(options.portraits, options.mesh, options.cache, options.processes)
    if not kept:
        raise Unusable(f"no portrait can be used; the first: {left[0]}")
    held = {entry.person for entry in kept if entry.held_out}
    people = {entry.person for entry in kept}
    print(f"{len(kept)} portraits of {len(people)} people, {len(held)} people held out; {len(left)} left out")
    command_line.tell_left_out(left)
    return 1 if left else 0


def _preview(options: argparse.Namespace) -> int:
    from .preview import beside, sheet

    left: list[str] = []
    if options.beside:
        left = beside(options.cache, options.beside, options.out, options.seed, options.count)
    else:
        sheet(options.cache, options.out, options.seed, options.count)
    print(options.out)
    command_line.tell_left_out(left)
    return 1 if left else 0
