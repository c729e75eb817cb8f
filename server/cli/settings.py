"""The settings as options of a command, the same for ``retouch`` and ``batch``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path

from plugin.studio_portrait.link import presets
from plugin.studio_portrait.link.sliders import SLIDERS
from plugin.studio_portrait.link.wire import HEADSHOT, REACHES, Problem, Settings

from .terminal import printable

WEIGHTS = Path(__file__).resolve().parents[2] / "model" / "weights"
_REACH = "how far it reaches: the faces, all of their skin, the persons (default), or the whole frame"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `from_arguments` reads. None has a default, so that a preset can give it."""
    group = parser.add_argument_group("settings", "as in GIMP's dialog; an option goes before its preset")
    add = group.add_argument
    add("--preset", metavar="NAME|FILE", help=_as_help("; ".join(_preset_names())) or None)
    for name, slider in SLIDERS.items():
        text = f"{slider.about} {slider.least * 100} to 100, default {round(slider.default * 100)}."
        add(f"--{name}", type=float, metavar="PERCENT", help=text)
    add("--reach", choices=REACHES, help=_REACH)
    faces = "which faces, by number: 1 is the largest; default all"
    add("--faces", metavar="all|largest|N,N", help=faces)
    names = _network_names()
    known = _as_help(f"one of: {', '.join(names)}; default {names[0]}") if names else None
    add("--network", metavar="NAME", help=known)


def add_result_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of what becomes of the results, which `retouch` and `batch` share."""
    add = parser.add_argument
    add("--suffix", default="", metavar="TEXT", help="goes between name and ending of results in a folder")
    add(
        "--mask", action="store_true", help="unfeathered results, and their masks (NAME-mask.png) beside them"
    )
    reference = f"a portrait whose look is matched, with --network {HEADSHOT}"
    add("--reference", metavar="PORTRAIT", help=reference)


def check_is_there(reference: str | None) -> None:
    """Raise `Problem` ``bad-setting`` for a reference portrait that is named and not there."""
    if reference is not None and not os.path.isfile(reference):
        sentence = f"The reference portrait {reference} is not there."
        raise Problem("bad-setting", sentence, "Choose another file.")


def device(text: str) -> str:
    """For argparse: a device's name."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, cuda, cuda:NUMBER, mps or cpu")
    return text


def _as_help(names: str) -> str:
    """Names as argparse may print them: they are the user's own, and "%" means something to it."""
    return printable(names).replace("%", "%%")


def from_arguments(args: argparse.Namespace) -> Settings:
    """Return the settings that the options and their preset name. Raises `Problem` ``bad-setting``."""
    settings = presets.find(args.preset).over(Settings()) if args.preset is not None else Settings()
    given = {name: getattr(args, name) / 100 for name in SLIDERS if getattr(args, name) is not None}
    given |= {name: getattr(args, name) for name in ("reach", "network") if getattr(args, name) is not None}
    if args.faces is not None:
        given["faces"] = _faces(args.faces)
    try:
        return replace(settings, **given)
    except Problem as problem:
        hint = "What each option may be stands in retouch --help."
        raise Problem(problem.code, problem.message, hint) from None


def _faces(text: str) -> str | tuple[int, ...]:
    """``all``, ``largest`` or numbers that count from 1, as people do, into indices."""
    if text in ("all", "largest"):
        return text
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise Problem(
            "bad-setting",
            f"--faces {text:.40} is neither all, largest, nor numbers from 1.",
            "For the largest face and the third one: --faces 1,3",
        )
    return tuple(number - 1 for number in numbers)


def _network_names() -> list[str]:
    """Those with weights, the default one first; read here, as `model` loads numpy, which no help needs."""
    found = []
    for path in sorted(WEIGHTS.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found.append((not json.loads(path.read_text("utf-8")).get("default"), path.stem))
    return [*(name for _, name in sorted(found)), HEADSHOT] if found else []


def _preset_names() -> list[str]:
    shipped = ", ".join(preset.name for preset in presets.available())
    return [f"one of: {shipped}", "or a preset's JSON file"] if shipped else []
