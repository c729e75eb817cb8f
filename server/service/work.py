"""One task of one job, as the worker process hands it to the functions in `tasks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Settings


@dataclass
class Work:
    """One task of one job. Arrays are views of the job's shared memory.

    sent: (H, W, C) as the client sent it, not to be changed; a file's bytes, if that was sent; so for the
    result. settings: of the task, else those of SUBMIT.
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


def rendered(work: Work, result: Any) -> dict[str, Any]:
    """Return RESULT's fields of what `server.imaging` returned; its mask goes to the client's memory."""
    if result.mask is not None:
        work.mask[: result.mask.size] = result.mask.tobytes()
    return {
        "box": vars(result.box) if result.box else None,
        "faces": list(result.faces),
        "ms": {stage: round(ms, 1) for stage, ms in result.ms.items()},
        "notes": [*result.notes, *work.predictor.notes],
    }
