"""A predictor that does not give up when the device's memory is full.

Another program may take the graphics card's memory at any moment. The same crops
are then tried in smaller batches and at last on the processor, and the result says so.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tasks import problem_of

SMALLER = "The device's memory was nearly full; it took the faces in smaller groups."
PROCESSOR = "The device's memory was full; the processor did its work, which takes longer."

Array = NDArray[np.float32]


class Fallback:
    """A `model.inference.predictor.Predictor` and, made when it is needed, the same network on the processor.

    notes: what `retouch`'s result must tell the user of this job. cancelled: asked during a prediction.
    """

    def __init__(self, predictor: Any, on_processor: Callable[[], Any]):
        self._first = self._now = predictor
        self._on_processor = on_processor
        self._processor: Any = None
        self._accelerated = predictor.device != "cpu"
        self.name, self.weights_sha256 = predictor.name, predictor.weights_sha256
        self.batch: int = predictor.batch
        self.begin(lambda: False)

    @property
    def engine(self) -> str:
        """Name the engine that made the last prediction."""
        return str(self._now.engine)

    @property
    def device(self) -> str:
        """Where the last prediction was made."""
        return str(self._now.device)

    def begin(self, cancelled: Callable[[], bool]) -> None:
        """Begin a new job: the device is tried again."""
        self._now = self._first
        self.cancelled = cancelled
        self.notes: list[str] = []

    def __call__(self, crops: Array) -> Array:
        """Predict y, (N, 512, 512, 3), of crops of the same shape."""
        return np.concatenate(self._in_parts(crops, lambda part: [self._now(part, self.cancelled)]))

    def components(self, crops: Array) -> list[Any]:
        """Return the network's components of each crop (`model.inference.components`)."""
        return self._in_parts(crops, lambda part: self._now.components(part, self.cancelled))

    def _in_parts(self, crops: Array, predict: Callable[[Array], list[Any]]) -> list[Any]:
        size = self.batch
        while True:
            try:
                parts = [predict(crops[i : i + size]) for i in range(0, len(crops), size)]
                return [answer for part in parts for answer in part]
            except Exception as error:
                problem = problem_of(error)
                if problem is None or problem.code != "out-of-memory" or not self._on_device:
                    raise
            if size > 1:
                self.batch = size = min(size, len(crops)) // 2 or 1
                self._note(SMALLER)
            else:
                self._fall_back()
            _give_memory_back()

    @property
    def _on_device(self) -> bool:
        return self._accelerated and self._now is self._first

    def _fall_back(self) -> None:
        self._processor = self._processor or self._on_processor()
        self._now = self._processor
        self._note(PROCESSOR)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


class Painting:
    """A `Painter` as a job meets it. Its full-size step is the processor's anyway."""

    def __init__(self, painter: Any):
        self.name, self.weights_sha256 = painter.name, painter.weights_sha256
        self.engine, self.device = painter.engine, painter.device
        self.batch, self.paint = painter.batch, painter.paint
        self.components = painter.components
        self.notes: list[str] = []

    def begin(self, cancelled: Callable[[], bool]) -> None:
        """Begin a new job: nothing is kept of the last one."""


def with_fallback(network: Any, on_processor: Callable[[], Any]) -> Fallback | Painting:
    """Return what a job is done with."""
    return Painting(network) if hasattr(network, "paint") else Fallback(network, on_processor)


def _give_memory_back() -> None:
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def leaves_the_device_broken(error: Exception) -> bool:
    """After such an error every later call on the device fails; only another process helps."""
    text = str(error).lower()
    sick = any(
        words in text for words in ("cuda error", "cudnn_status", "cublas_status", "device-side assert")
    )
    return sick or type(error).__name__ == "AcceleratorError"
