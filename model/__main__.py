"""``python -m model COMMAND``: the tools around the networks; ``python -m model COMMAND --help`` explains
each.

They need packages that the server does not: without those, a sentence. Exit status: 0 all is well, 1
something was left out, 2 it could not begin.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

# What to type, the module whose main(arguments) does it, and what it does. Imported when it is asked for.
COMMANDS: Final = {
    "prepare": ("model.data.prepare.command", "pairs of one's own: align, check, augment, split"),
    "synthesize": ("model.data.synthesize.command", "portraits to a cache, and a look at flashes made of it"),
    "calibrate": ("model.evaluation.calibrate", "statistics of real flashes beside those of synthetic ones"),
    "train": ("model.training.train", "train a network as a recipe says"),
    "colour": ("model.training.colour", "fit the colour of the person to studio's other weights"),
    "look": ("model.evaluation.look", "what a checkpoint makes of pictures"),
    "evaluate": ("model.evaluation.evaluate", "networks on held-out people, beside doing nothing"),
    "compare": ("model.evaluation.compare.command", "our networks beside other methods"),
    "blind": ("model.evaluation.blind", "sheets for judges who do not know which is which"),
    "export": ("model.training.export", "a checkpoint to a weights file that is served"),
    "card": ("model.evaluation.card", "the model card, from measured numbers"),
}
OWN: Final = {"model", "server", "plugin"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status, or 2 if there is none or a package that it needs is missing."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] in ([], ["-h"], ["--help"]):
        print("usage: python -m model COMMAND [--help]\n")
        print("\n".join(f"  {name:12}{does}" for name, (_, does) in COMMANDS.items()))
        return 0 if given else 2
    name, *rest = given
    if name not in COMMANDS:
        print(f"python -m model: there is no {name!r}; there is: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        status: int = importlib.import_module(COMMANDS[name][0]).main(rest)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in OWN:
            raise
        print(f"python -m model {name} needs {missing}, which is not installed.", file=sys.stderr)
        print("Install what the tools need: python3 install.py --train", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
