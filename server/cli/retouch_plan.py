"""Which picture becomes which file, decided and checked before anything is started.

Everything here that goes wrong means that nothing was tried: a mistake in the command must
not cost a started server, and never an input.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin.studio_portrait.link.wire import Problem

from ..files.errors import PictureError
from ..files.names import ENDINGS, HEIC, HINT, LAYERED, RAW, SUFFIXES, beside, format_of


@dataclass(frozen=True)
class Task:
    """One picture to be done. `source` may still turn out to be missing or no picture."""

    source: Path
    target: Path


def plan(
    inputs: Sequence[str],
    output: str,
    reference: str | None = None,
    suffix: str = "",
    extras: Sequence[str] = (),
) -> list[Task]:
    """Make the tasks for files and folders of pictures, as the words of the command name them.

    output: a file for a single input file; for several, or a folder, or if it ends with a
    slash, a folder, which is made. reference: a file that is read too, and must not be an output.
    suffix: goes between a name and its ending in a folder. extras: what else is written beside each output,
    such as its mask.
    Raises `Problem` ``bad-setting`` or ``bad-output``, and `PictureError` ``bad-output``.
    """
    if not output or not all(inputs):  # an unset variable in a script; as a path it would be this folder
        raise Problem("bad-setting", "A name is empty.", "Name the pictures, and where they go (-o).")
    if "/" in suffix or os.sep in suffix or "\0" in suffix:
        sentence = f"--suffix {suffix} is no part of a file's name."
        raise Problem("bad-setting", sentence, "Use letters, digits, '-' and '_'.")
    try:
        into_folder = output.endswith(("/", os.sep))
        portrait = Path(reference) if reference else None
        return _plan([Path(word) for word in inputs], Path(output), into_folder, portrait, suffix, extras)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        sentence = f"{error.filename} cannot be used ({error.strerror})."
        raise Problem("bad-setting", sentence, "Choose another name or folder.") from None


def _plan(
    inputs: Sequence[Path],
    out: Path,
    out_is_folder: bool,
    reference: Path | None,
    suffix: str,
    extras: Sequence[str],
) -> list[Task]:
    sources = list(_pictures(inputs))
    into_folder = out_is_folder or out.is_dir() or len(inputs) > 1 or inputs[0].is_dir()
    if into_folder:
        _check_folder(out, out_is_folder)
    elif suffix:
        sentence = f"--suffix {suffix} is for results in a folder, and {out} names one file."
        raise Problem("bad-setting", sentence, f"Put it into that name; if a folder is meant: {out}{os.sep}")
    elif sources[0].exists():  # else that it is missing is told, and not this
        _check_format(out)
    named = [out / f"{source.stem}{suffix}{_ending(source)}" if into_folder else out for source in sources]
    tasks = [Task(source, target) for source, target in zip(sources, named, strict=True)]
    more = [Task(task.source, beside(task.target, what)) for what in extras for task in tasks]
    _check_targets(tasks, more, reference)
    if into_folder:
        _make_folder(out)
    _check_writable({task.target.parent for task in tasks})
    return tasks


def _check_folder(out: Path, is_folder: bool) -> None:
    """Refuse a file, or a name that looks like one's, where there may be several results."""
    if out.exists() and not out.is_dir():
        hint = "Name a folder, which is made."
        raise Problem("bad-output", f"{out} is a file; several pictures need a folder.", hint)
    if not is_folder and not out.is_dir() and _is_named_file(out):
        sentence = f"{out} is the name of one picture, but there may be several."
        hint = f"Name a folder; if {out.name} is to be one, write {out}{os.sep}"
        raise Problem("bad-output", sentence, hint)


def _is_named_file(out: Path) -> bool:
    return out.suffix.lower() in (*SUFFIXES, LAYERED)


def _check_format(out: Path) -> None:
    """Raise `PictureError` ``bad-output`` for a name that does not say in which format to write."""
    if out.suffix.lower() == LAYERED:
        return
    try:
        format_of(out)
    except PictureError as error:
        hint = f"{error.hint.removesuffix('.')}, or with {LAYERED} for layers."
        raise PictureError(error.code, error.message, hint) from None


def _ending(source: Path) -> str:
    """Of a result in a folder: the picture's own, or that of what takes the place of a format only read."""
    own = source.suffix.lower()
    return ENDINGS["jpeg" if own in HEIC else "tiff"] if own in HEIC or own in RAW else source.suffix


def _pictures(inputs: Iterable[Path]) -> Iterable[Path]:
    """Yield the files, and the pictures that lie directly in the folders, by name."""
    for path in inputs:
        if not path.is_dir():
            yield path
            continue
        try:
            inside = [entry for entry in sorted(path.iterdir()) if _is_picture(entry)]
        except OSError as error:
            sentence = f"The folder {path} cannot be read ({error.strerror})."
            raise Problem("bad-setting", sentence, "Check who may read it.") from None
        if not inside:
            raise Problem("bad-setting", f"There is no picture in {path}.", HINT)
        yield from inside


def _is_picture(path: Path) -> bool:
    known = path.suffix.lower() in (*SUFFIXES, *HEIC, *RAW)
    return known and not path.name.startswith(".") and os.path.isfile(path)


def _check_targets(tasks: list[Task], more: list[Task], reference: Path | None) -> None:
    """Refuse an output that is an input or the reference, also by a link, or the output of two inputs."""
    sources = {_identity(task.source): task.source for task in tasks}
    taken: dict[str, Path] = {}
    for task in [*tasks, *more]:
        _check_overwrites_nothing(task.target, sources, reference)
        other = taken.setdefault(str(task.target).casefold(), task.source)
        if other is task.source:
            continue
        if _identity(other) == _identity(task.source):
            raise Problem("bad-setting", f"{task.source} is named twice.", "Name each picture once.")
        sentence = f"{other} and {task.source} would both become {task.target}."
        raise Problem("bad-output", sentence, "Retouch them into different folders.")


def _check_overwrites_nothing(
    target: Path, sources: Mapping[tuple[int, int] | str, Path], reference: Path | None
) -> None:
    """Refuse an output that is an input, the reference or a folder."""
    hint = "Choose another name or folder: originals are never changed."
    if same := sources.get(_identity(target)):
        raise Problem("bad-output", f"The output {target} is the input {same} itself.", hint)
    if reference is not None and _identity(reference) == _identity(target):
        raise Problem("bad-output", f"The output {target} is the reference portrait itself.", hint)
    if target.is_dir():
        raise Problem("bad-output", f"The output {target} is a folder.", "Choose another name.")


def _identity(path: Path) -> tuple[int, int] | str:
    """Return what is the same for two names of one file, whether it exists or not."""
    try:
        status = path.stat()
    except OSError:
        return str(Path(os.path.realpath(path)))
    return status.st_dev, status.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem("bad-output", f"The folder {folder} cannot be made ({error.strerror}).") from None


def _check_writable(folders: Iterable[Path]) -> None:
    """Write and remove an empty file in each: permission bits do not tell for root or a full disk."""
    for folder in folders:
        probe = folder / f".studio-portrait-{secrets.token_hex(4)}"
        try:
            probe.touch(exist_ok=False)
        except OSError as error:
            raise Problem("bad-output", f"Nothing can be written into {folder} ({error.strerror}).") from None
        with contextlib.suppress(OSError):
            probe.unlink()
