"""``python -m model.synthesize cache | preview``: prepare the portraits, and look at flashes."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import cache


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m model.synthesize", description=__doc__)
    commands = parser.add_subparsers(required=True)
    fill = commands.add_parser("cache", help="fit the mesh to every portrait and keep the maps")
    fill.add_argument("--portraits", type=Path, required=True, help="folder with manifest.csv")
    fill.add_argument("--mesh", type=Path, required=True, help="ict_face_model_light.npz")
    fill.add_argument("--cache", type=Path, required=True, help="folder to write, outside the repository")
    fill.add_argument("--processes", type=int, default=2)
    fill.set_defaults(run=_cache)
    look = commands.add_parser("preview", help="a contact sheet: flash, studio, difference")
    look.add_argument("--cache", type=Path, required=True)
    look.add_argument("--out", type=Path, required=True, help="PNG to write")
    look.add_argument("--seed", type=int, default=0)
    look.add_argument("--count", type=int, default=24)
    look.set_defaults(run=_preview)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _cache(arguments: argparse.Namespace) -> None:
    kept, left = cache.fill(arguments.portraits, arguments.mesh, arguments.cache, arguments.processes)
    for reason in left:
        print("left out:", reason)
    held = {entry.person for entry in kept if entry.held_out}
    people = {entry.person for entry in kept}
    print(f"{len(kept)} portraits of {len(people)} people, {len(held)} people held out; {len(left)} left out")


def _preview(arguments: argparse.Namespace) -> None:
    from .preview import sheet

    sheet(arguments.cache, arguments.out, arguments.seed, arguments.count)
    print(arguments.out)


if __name__ == "__main__":
    main()
