"""``studio-portrait retouch``: pictures in files, one by one, through the same server as GIMP's menu item."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import (
    MAX_REFERENCE_SIDE,
    STAGES,
    Problem,
    Settings,
    check_reference,
)

from ..files import decoder
from ..files.errors import PictureError
from ..files.names import LAYERED, NAMES, listed, unreadable
from .retouch_file import MATTES, as_problem, retouch_file
from .retouch_plan import Task, plan
from .settings import add_arguments as add_settings
from .settings import add_result_arguments, check_is_there, from_arguments
from .terminal import is_terminal, printable, progress_bars, say, tell

Show = Callable[[str, float | None], None]

DONE, SOME_FAILED, NOTHING_TRIED, INTERRUPTED = 0, 1, 2, 130
_SESSION_ENDS = ("lost-server", "shutting-down", "internal")
# How far along a picture is when a stage begins; the shares are those of a warm server.
_BEGINS = {
    "queue": 0.0,
    "upload": 0.02,
    "load": 0.1,
    "faces": 0.12,
    "filter": 0.25,
    "predict": 0.3,
    "reconstruct": 0.8,
    "download": 0.92,
}


_EPILOG = """examples:
  retouch selfie.jpg -o portrait.jpg
  retouch selfie.jpg -o portrait.ora      layers for GIMP and Krita
  retouch photos/ -o done/ --preset Matte --suffix _studio
  retouch group.tif -o out.tif --faces 1,3 --warmth 20

A file that already has an output's name is replaced, an input never.
Exit status: 0 every picture is done; 1 at least one is not; 2 nothing was tried."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``retouch``."""
    parser.description = (
        f"Retouches {listed(NAMES, 'and')} files; metadata, colour profile and bit depth stay."
        " Reads HEIC and RAW, too, where install.py has set that up (--with heic, --with raw)."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("inputs", nargs="+", metavar="IN", help="a picture, or a folder of pictures")
    output = (
        f"a file for one picture, otherwise a folder (is made); NAME{LAYERED} (OpenRaster) holds"
        " the photograph and a layer for each of shine, light and colour, 8 or 16 bit sRGB without metadata"
    )
    add("-o", "--output", required=True, metavar="OUT", help=output)
    add_result_arguments(parser)
    mattes = "write what is person and what is skin, too (NAME-person.png, NAME-skin.png)"
    add("--mattes", action="store_true", help=mattes)
    add("--server", metavar="HOST[:PORT]", help="use another machine's server (see: keys)")
    add("--json", action="store_true", help="one JSON object per picture on standard output")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Exit status 0, 1, 2 (see the help text) or 130 after Ctrl-C."""
    try:
        settings = replace(from_arguments(args), mask=args.mask)
        tasks = _tasks(args)
        reference = _reference(args.reference, settings)
        if not any(os.path.exists(task.source) for task in tasks):
            return _none_is_there(tasks, args.json)
        good = _all(tasks, settings, reference, args)
    except (Problem, PictureError) as problem:
        _report(as_problem(problem), None, args.json)
        return NOTHING_TRIED
    except KeyboardInterrupt:
        tell("Stopped.")
        return INTERRUPTED
    if len(tasks) > 1:
        tell(f"{sum(good)} of {len(tasks)} pictures are done.")
    return DONE if all(good) else SOME_FAILED


def _tasks(args: argparse.Namespace) -> list[Task]:
    """Return what is to be done. Raises `Problem` and `PictureError`."""
    inside = args.output.lower().endswith(LAYERED)  # whose layers hold all of it
    extras = [] if inside else [*["mask"] * args.mask, *(MATTES if args.mattes else ())]
    tasks = plan(args.inputs, args.output, args.reference, args.suffix, extras)
    if args.mask and tasks[0].target.suffix.lower() == LAYERED:
        sentence = "The layers of an OpenRaster file have their masks in them."
        raise Problem("bad-setting", sentence, "Leave --mask out.")
    return tasks


def _all(tasks: list[Task], settings: Settings, reference: Any, args: argparse.Namespace) -> list[bool]:
    """Do the pictures one after the other; returns which are done."""
    decoder.shared().start()  # while the server starts, too
    with _bar() as show, closing(_Sessions(show, args.server)) as sessions:
        _check_network(sessions.session(), settings.network)
        return [
            _one(sessions, task, settings, reference, args, _counted(show, number, len(tasks)))
            for number, task in enumerate(tasks, 1)
        ]


def _counted(show: Show, number: int, count: int) -> Show:
    """Return the same, with the picture's number where there are several."""
    if count == 1:
        return show
    return lambda text, share: show(f"{number} of {count}: {text}" if text else text, share)


def _none_is_there(tasks: list[Task], as_json: bool) -> int:
    """Told without the seconds that a server takes to start."""
    for task in tasks:
        _report(as_problem(unreadable(os.strerror(errno.ENOENT))), task, as_json)
    return SOME_FAILED


class _Sessions:
    """The session in use; a new one is opened when the last was lost and another picture is to be done.

    A server that was told to end is not started again behind the user's back.
    """

    def __init__(self, show: Show, server: str | None):
        self._show = show
        self._server = server
        self._session: Session | None = None
        self._told_to_end = False

    def session(self) -> Session:
        if self._session is None:
            self._session = self._open()
        return self._session

    def _open(self) -> Session:
        if self._server is None and not self._told_to_end:
            return Session.open(progress=lambda stage, share: self._show("Starting the server", share))
        if self._server is None:
            try:
                return Session.open(start=False)
            except Problem as problem:
                if problem.code not in ("no-server", "lost-server"):
                    raise
                sentence = "The server was told to end; this picture was not tried."
                hint = "Give the command again for the pictures that are left."
                raise Problem("shutting-down", sentence, hint) from None
        from ..remote.remote_session import open_remote

        return open_remote(self._server)

    def failed(self, problem: Problem) -> None:
        """Leave a session that will do no further picture."""
        self._told_to_end |= problem.code == "shutting-down"
        if problem.code in _SESSION_ENDS:
            self.close()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _check_network(session: Session, name: str) -> None:
    names = [network["name"] for network in session.networks]
    if name and name not in names:
        have = f"There is {', '.join(names)}." if names else "None is installed: run install.py again."
        raise Problem("unknown-network", f"There is no network called {name}.", have)


def _reference(name: str | None, settings: Settings) -> Any:
    """Return the reference portrait's samples, (H, W, 3) uint8 sRGB; None without one. Raises `Problem`."""
    if name is None:
        check_reference(settings, None)
        return None
    from ..files.pictures import read_reference

    check_is_there(name)
    try:
        pixels = read_reference(Path(name), MAX_REFERENCE_SIDE)
    except PictureError as error:
        sentence = f"The reference portrait {name} cannot be used. {error.message}"
        raise Problem("bad-setting", sentence, error.hint) from error
    from ..remote.sending import shape_of

    check_reference(settings, shape_of(pixels))
    return pixels


def _one(
    sessions: _Sessions, task: Task, settings: Settings, reference: Any, args: argparse.Namespace, show: Show
) -> bool:
    """One picture, its result or failure told; whether it is done."""

    def progress(stage: str, share: float) -> None:
        show(f"{task.source.name}: {STAGES.get(stage, stage)}", _along(stage, share))

    try:
        told = retouch_file(sessions.session(), task, settings, progress, reference, args.mattes)
    except Exception as error:  # whatever it is, the user reads a sentence and the other pictures are done
        show("", None)
        sessions.failed(as_problem(error))
        _report(as_problem(error), task, args.json)
        return False
    show("", None)
    if args.json:
        say(json.dumps(told), sys.stdout)
    for note in told["notes"]:
        tell(f"{task.source}: {note}")
    return True


def _report(problem: Problem, task: Task | None, as_json: bool) -> None:
    about = f"{task.source}: " if task else "studio-portrait: "
    tell(f"{about}{problem.message} {problem.hint}".rstrip())
    if as_json:
        error = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        say(json.dumps({"input": str(task.source) if task else None, "error": error}), sys.stdout)


def _along(stage: str, share: float) -> float:
    begin = _BEGINS.get(stage, 0.0)
    end = min((value for value in _BEGINS.values() if value > begin), default=1.0)
    return begin + share * (end - begin)


@contextmanager
def _bar() -> Iterator[Show]:
    """show(text, share): a progress bar on a terminal, nothing elsewhere. share None: hidden until next."""
    if not is_terminal():
        yield lambda text, share: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with progress_bars(*columns, transient=True) as bars:
        bar = bars.add_task("", total=1.0)

        def show(text: str, share: float | None) -> None:
            # A new name or stage is shown at once, however short it lasts; shares at the bar's own pace.
            new = share is None or bars.tasks[0].description != printable(text)
            done, shown = share or 0.0, share is not None
            bars.update(bar, description=printable(text), completed=done, visible=shown, refresh=new)

        yield show
