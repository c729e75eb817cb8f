"""What the commands of ``python -m model`` share: parsers, numbers, and how they tell what went wrong."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence

from model.errors import ModelError


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Make a command's parser; its module's own words are its help, line by line."""
    return argparse.ArgumentParser(
        prog=f"python -m model {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def at_least(least: float, kind: type[int] | type[float] = int) -> Callable[[str], float]:
    """For argparse: whole numbers from `least` on, or with `kind` float any finite ones."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not (value >= least and (kind is int or math.isfinite(value))):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a {'whole ' if kind is int else ''}number from {least:g} on"
            )
        return value

    return number


def run(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], int],
    arguments: Sequence[str] | None,
) -> int:
    """Return the exit status of `work`, or 2 after a sentence on why it could not begin."""
    options = parser.parse_args(arguments)
    try:
        return work(options)
    except ModelError as error:
        reason = f"{error.message} {error.hint or ''}".rstrip()
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except ValueError as error:
        reason = str(error)
    print(f"{parser.prog}: {reason}", file=sys.stderr)
    return 2


def tell_left_out(reasons: Iterable[str]) -> None:
    """Say on standard error what was left out, each with its reason."""
    for reason in reasons:
        print(f"left out: {reason}", file=sys.stderr)
