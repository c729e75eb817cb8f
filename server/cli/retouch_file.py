"""Do one picture of ``studio-portrait retouch``: from its file to the result's, by a session with the server.

The session sends the samples as they are stored and gets back the rows that changed, so the
command line and the menu give the same pixels. Reading and writing the files is `server.files`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin.studio_portrait.link.retouching import matte
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem, Settings, found_nobody

from ..files.errors import PictureError
from ..files.names import LAYERED, beside, format_of
from ..stopwatch import Stopwatch
from .retouch_plan import Task

if TYPE_CHECKING:
    from ..files.picture import Picture
    from ..remote.sending import OpenPicture

Files = dict[Path, Callable[[], bytes]]
MATTES = ("person", "skin")
Progress = Callable[[str, float], None]


def retouch_file(
    session: Session,
    task: Task,
    settings: Settings,
    progress: Progress,
    reference: Any = None,
    mattes: bool = False,
) -> dict[str, Any]:
    """Read, retouch and write one picture; returns what ``--json`` prints about it.

    reference: (H, W, 3) uint8 sRGB. mattes: write the person's and the skin's, too. progress(stage, fraction)
    as in `Session.retouch`. Raises `Problem` and what `as_problem` knows; nothing is written then.
    """
    from ..files import pictures
    from ..remote import sending  # and with it numpy and the codecs: only now, while the server loads its own

    clock = Stopwatch()
    with clock("read"):
        picture = pictures.read(task.source)
        if not _is_layered(task):
            format_of(task.target)
        pixels, icc, lost = _sent(picture, _is_layered(task))
    sent: dict[str, Any] = {"icc": icc, "reference": reference, "progress": progress}
    if _is_layered(task) or mattes:
        with sending.OpenPicture(session, pixels, settings, **sent) as work:
            result, files = _several(work, task, picture, settings, progress, mattes)
    else:
        mask = _no_mask(pixels)
        result = sending.retouch(session, pixels, settings, mask=mask, **sent)
        files = _files(task, picture, pixels, mask if settings.mask else None)
    if found_nobody(result):
        raise _nobody(len(result["faces"]))
    if not _is_layered(task):
        lost = pictures.left_out(picture, format_of(task.target))
    with clock("write"):
        _write(files, picture)
    return {
        "input": str(task.source),
        "output": str(task.target),
        "ms": {**clock.ms, **result["ms"]},
        "notes": [*picture.notes, *lost, *result["notes"]],
        **{name: result[name] for name in ("faces", "engine", "device", "network", "weights")},
    }


def as_problem(error: Exception) -> Problem:
    """Turn whatever a picture's way may raise into a sentence."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, PictureError):
        return Problem(error.code, error.message, error.hint)
    if isinstance(error, MemoryError):
        return Problem("out-of-memory", "There is not enough memory for this picture.")
    return Problem(
        "internal", f"Something unforeseen happened ({type(error).__name__}: {error}).", "Please report it."
    )


def _nobody(faces: int) -> Problem:
    if not faces:
        return Problem("no-face", "No face was found.")
    sentence = f"None of the faces asked for was found: there {'is one' if faces == 1 else f'are {faces}'}."
    return Problem("no-face", sentence, "Faces are counted from the largest: --faces 1 is that one.")


def _is_layered(task: Task) -> bool:
    return task.target.suffix.lower() == LAYERED


def _sent(picture: Picture, is_layered: bool) -> tuple[Any, bytes | None, tuple[str, ...]]:
    """Make the samples that the server gets, (H, W, C), with their profile, and what that has lost."""
    if not is_layered:
        return picture.pixels.copy(), picture.icc, ()
    from . import layered

    pixels, lost = layered.sixteen_bit(picture)
    return pixels, None, lost


def _no_mask(pixels: Any) -> Any:
    import numpy as np

    return np.zeros(pixels.shape[:2], np.uint8)


def _several(
    work: OpenPicture, task: Task, picture: Picture, settings: Settings, progress: Progress, mattes: bool
) -> tuple[dict[str, Any], Files]:
    """RESULT's header, and the files of a picture that is rendered more than once."""
    whole = work.render(settings)
    found = {what: work.render(matte(settings, what)).mask for what in (MATTES if mattes else ())}
    if _is_layered(task):
        files = _layers(work, task, picture, settings, progress, whole.pixels, found)
    else:
        files = _files(task, picture, whole.pixels, whole.mask if settings.mask else None)
        files |= {beside(task.target, what): partial(_grey, mask) for what, mask in found.items()}
    return whole.header, files


def _layers(
    work: OpenPicture,
    task: Task,
    picture: Picture,
    settings: Settings,
    progress: Progress,
    merged: Any,
    mattes: dict[str, Any],
) -> Files:
    """Return the file of layers. merged: the result. mattes: by name, become layers that are hidden."""
    from ..files import openraster
    from . import layered

    deep = picture.pixels.dtype.itemsize > 1
    step = partial(progress, "reconstruct")
    stack = layered.stack(work.pixels, task.source.stem, work, settings, deep, step)
    hidden = [
        openraster.Layer(what.capitalize(), mask[..., None], visible=False) for what, mask in mattes.items()
    ]
    whole = layered.in_depth(merged, stack[-1].pixels.dtype)
    return {task.target: lambda: openraster.encode([*hidden, *stack], whole)}


def _files(task: Task, picture: Picture, pixels: Any, mask: Any) -> Files:
    """Return the result's file, and beside it its mask's if there is one."""
    files: Files = {task.target: lambda: _coded(picture, pixels, task.target)}
    if mask is not None:
        files[beside(task.target, "mask")] = lambda: _grey(mask)
    return files


def _coded(picture: Picture, pixels: Any, path: Path) -> bytes:
    from ..files import pictures

    return pictures.encode(picture, pixels, format_of(path))


def _grey(mask: Any) -> bytes:
    from ..files import pictures
    from ..files.picture import Picture

    return pictures.encode(Picture(mask[..., None], "mask"), mask[..., None], "png")


def _write(files: Files, picture: Picture) -> None:
    """All of them, made before the first is written."""
    from ..files import pictures

    made = {path: make() for path, make in files.items()}
    for path, data in made.items():
        pictures.store(data, path, picture.mode)
