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

from model.inference.components import Components

MOST = 16  # crops at a time; bounds the device's memory

Array = NDArray[np.float32]
Call = tuple[Array, "Future[list[Components]]"]


class BatchingPredictor:
    """A network that may be asked from many threads; what waits is run together, about `most` at a time."""

    def __init__(self, network: Any, most: int = MOST):
        self.name, self.weights_sha256 = network.name, network.weights_sha256
        self.engine, self.device, self.batch = network.engine, network.device, most
        self.largest = 0  # crops that were run at once so far
        self._network = network
        self._waiting: queue.SimpleQueue[Call] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def components(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> list[Components]:
        """As the network's own. A batch is not cancelled: others wait for it."""
        answer: Future[list[Components]] = Future()
        self._waiting.put((crops, answer))
        return answer.result()

    def _run(self) -> None:
        while True:
            calls = [self._waiting.get()]
            while sum(len(crops) for crops, _ in calls) < self.batch and not self._waiting.empty():
                calls.append(self._waiting.get())
            self._answer(calls)

    def _answer(self, calls: list[Call]) -> None:
        crops = np.concatenate([crops for crops, _ in calls])
        self.largest = max(self.largest, len(crops))
        try:
            found = self._network.components(crops)
        except Exception as error:
            for _, answer in calls:
                answer.set_exception(error)
            return
        for own, answer in calls:
            answer.set_result(found[: len(own)])
            found = found[len(own) :]
