"""The command ``studio-portrait``: its words; each command is a file of this folder.

Only what every command needs is imported here, so that help and status come at
once; what is heavy belongs to the worker process alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final, NoReturn

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from .terminal import printable

# Each a module of this folder with add_arguments(parser) and run(args), imported when it is asked for.
COMMANDS: Final = {
    "serve": "run the server that GIMP and the command line use",
    "stop": "end the running server",
    "status": "tell what the running server does",
    "retouch": "retouch files and folders",
    "batch": "retouch a whole shoot: resumes, keeps a manifest, uses every core",
    "keys": "the keys with which machines know each other",
    "connect": "let GIMP here use the server of another machine",
    "doctor": "check the installation and say what to do",
    "sbom": "print what belongs to this version, as CycloneDX JSON",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 not understood, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, TextIOWrapper):  # a file's name may have letters that a Windows file has not
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        parser = _parser(next((word for word in words if word in COMMANDS), ""))
        args = parser.parse_args(words)
        if words[:1] == ["serve"]:
            args = _module("serve").with_own_options(parser, args, words[1:])
        status = int(args.run(args))
        if sys.stdout is not None:  # as in `retouch ... >&-`
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # who read our output has seen enough; Python shall not try to flush it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:  # where no command has something better to say
        return 130
    except Problem as problem:
        print(printable(f"studio-portrait: {problem}"), file=sys.stderr)
        return 2 if problem.code == "bad-setting" else 1


class _Parser(argparse.ArgumentParser):
    """Repeats a word that it does not understand, which may be the name of any file, harmlessly."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser(asked: str) -> argparse.ArgumentParser:
    """Return the parser; of the commands only the one that is asked for has its options."""
    parser = _Parser(
        prog="studio-portrait", description="Turns flash selfies into studio portraits, on this machine only."
    )
    parser.add_argument("--version", action="version", version=f"studio-portrait {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does)
        if name == asked:
            command.set_defaults(run=_module(name).run)
            _module(name).add_arguments(command)
    return parser


def _module(command: str) -> Any:
    return import_module(f"server.cli.{command}")
