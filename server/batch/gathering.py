"""Crops of several pictures in one batch, for a device that is quicker with many than with one.

No timer: while the device works at one batch, the next one gathers. A lone picture is never kept waiting.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 16  # crops at a time; bounds the device's memory

Array = NDArray[np.float32]


class Gathered:
    """A predictor that may be called from many threads; what waits is run together, at most `most` crops."""

    def __init__(self, predictor: Any, most: int = MOST):
        self.name, self.weights_sha256 = predictor.name, predictor.weights_sha256
        self.engine, self.device, self.size = predictor.engine, predictor.device, predictor.size
        self.batch = most
        self.largest = 0  # crops that were run at once so far
        self._predictor = predictor
        self._waiting: queue.SimpleQueue[tuple[Array, Future[Array]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def __call__(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> Array:
        """As the predictor's own. A batch is not cancelled: others wait for it."""
        answer: Future[Array] = Future()
        self._waiting.put((crops, answer))
        return answer.result()

    def _run(self) -> None:
        left: tuple[Array, Future[Array]] | None = None
        while True:
            together = [left or self._waiting.get()]
            left, count = None, len(together[0][0])
            while left is None and not self._waiting.empty():
                more = self._waiting.get()
                count += len(more[0])
                if count > self.batch:
                    left = more
                else:
                    together.append(more)
            self._answer(together)

    def _answer(self, together: list[tuple[Array, Future[Array]]]) -> None:
        crops = np.concatenate([crops for crops, _ in together])
        self.largest = max(self.largest, len(crops))
        try:
            predictions = self._predictor(crops)
        except Exception as error:
            for _, answer in together:
                answer.set_exception(error)
            return
        first = 0
        for own, answer in together:
            answer.set_result(predictions[first : first + len(own)])
            first += len(own)
