"""What a job can be asked for: each task as a plain function of its work.

Imported by the worker process only. Adding a task touches its function here, a command in
`plugin.studio_portrait.link.wire` and its answer in `job_service.ANSWERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Problem, found_nobody

from ..stopwatch import Stopwatch
from . import renderings
from .work import Work, rendered


def retouch(work: Work) -> dict[str, Any]:
    """Do all at once; returns RESULT's fields."""
    return _done(work, work.fresh(), work.icc)


def _done(work: Work, pixels: NDArray[Any], icc: bytes | None) -> dict[str, Any]:
    """Retouch the pixels in place, or only measure them for a series; returns RESULT's fields."""
    what = work.fields.get("series")
    more: dict[str, Any] = {"icc": icc, "progress": work.progress, "cancelled": work.cancelled}
    if what == "measure":
        from ..imaging.measuring import measure

        return {"box": None, "notes": [], **measure(pixels, work.predictor, **more)}
    more |= {"selection": work.selection, "colours": what or ()}
    return rendered(work, work.retouch(pixels, work.settings, work.predictor, **more))


def retouch_file(work: Work) -> dict[str, Any]:
    """Decode a JPEG, do all at once, code it as it was; returns RESULT's fields. Raises `PictureError`."""
    from ..files import decoder, jpeg_segments, pictures
    from ..files.picture import back_in_one_piece, in_one_piece

    clock, size, sent = Stopwatch(), work.fields["size"], work.sent.tobytes()
    other = Problem("bad-image", "The file is another one than was announced.")
    if not jpeg_segments.is_of_size(sent, *size):  # the server's limits were asked about the announced one
        raise other
    with clock("decode"):
        picture = in_one_piece(decoder.shared().decode(sent))
        if picture.pixels.shape[0] * picture.pixels.shape[1] != size[0] * size[1]:
            raise other
    told = _done(work, picture.pixels, picture.icc)
    with clock("encode"):
        wanted = not found_nobody(told) and "series" not in told
        data = pictures.encode(picture, back_in_one_piece(picture), "jpeg") if wanted else b""
    if len(data) > len(work.result):
        raise Problem("too-large", "The result's file is larger than its samples.")
    work.result[: len(data)] = np.frombuffer(data, np.uint8)
    return {**told, "ms": {**told["ms"], **clock.ms}, "bytes": len(data)}


TASKS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "retouch": retouch,
    "file": retouch_file,
    "analyse": renderings.analyse,
    "preview": renderings.preview,
    "render": renderings.render,
}


def problem_of(error: Exception) -> Problem | None:
    """Return the error as the client is told of it; None for a fault of our own.

    The exceptions of `model` and `server.imaging` have a code, a sentence and a hint, as `Problem` has.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, MemoryError):
        return Problem("out-of-memory", "There was not enough memory to retouch the picture.")
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if not isinstance(code, str) or not isinstance(message, str):
        return None
    return Problem(code, message, getattr(error, "hint", None))
