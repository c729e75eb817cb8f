"""What a job can be asked for: each task as a plain function of its work.

Imported by the worker process only. Adding a task touches its function here, a command in
`plugin.studio_portrait.link.wire` and its answer in `job_service.ANSWERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Problem, Settings

from . import renderings


@dataclass
class Work:
    """One task of one job. Arrays are views of the job's shared memory.

    sent: (H, W, C) as the client sent it, not to be changed. settings: of the task, else those of SUBMIT.
    fields: what else came with the task, of JSON's types but unchecked. preview: where its rows go; empty
    unless the job was analysed. mask: where the result's mask goes. kept: lives in this worker as long as the
    job does, and is empty in another one. retouch: `server.imaging.retouch`, or a test's.
    """

    sent: NDArray[Any]
    result: NDArray[Any]
    preview: memoryview
    mask: memoryview
    icc: bytes | None
    settings: Settings
    selection: Any
    predictor: Any
    fields: dict[str, Any]
    kept: dict[str, Any]
    retouch: Callable[..., Any]
    progress: Callable[[str, float], None]
    cancelled: Callable[[], bool]

    def fresh(self) -> NDArray[Any]:
        """Return the result's memory with the picture as it was sent, to be changed in place."""
        np.copyto(self.result, self.sent)
        return self.result


def retouch(work: Work) -> dict[str, Any]:
    """Do all at once; returns RESULT's fields."""
    result = work.retouch(
        work.fresh(),
        work.settings,
        work.predictor,
        icc=work.icc,
        selection=work.selection,
        progress=work.progress,
        cancelled=work.cancelled,
    )
    return rendered(work, result)


def rendered(work: Work, result: Any) -> dict[str, Any]:
    """RESULT's fields of what `server.imaging` returns; its mask goes to the client's memory."""
    if result.mask is not None:
        work.mask[: result.mask.size] = result.mask.tobytes()
    return {
        "box": vars(result.box) if result.box else None,
        "faces": list(result.faces),
        "ms": {stage: round(ms, 1) for stage, ms in result.ms.items()},
        "notes": [*result.notes, *work.predictor.notes],
    }


TASKS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "retouch": retouch,
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
