"""The real worker on the processor, whose prediction has one of a device's faults.

``memory``: the device has no memory for any crop. ``device``: it must not be used any more.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from server.service import worker
from server.service.fallback import Fallback
from server.service.worker import Tools, real_tools, start

BROKEN = "CUDA error: an illegal memory access was encountered"


class FaultyDevice:
    """A network that says it runs on a graphics card, and fails there as one does."""

    device, batch = "cuda:0", 4

    def __init__(self, network: Any, fault: str):
        self._fault = fault
        self.name, self.weights_sha256, self.engine = network.name, network.weights_sha256, network.engine

    def __call__(self, crops: Any, cancelled: Any) -> Any:
        if self._fault == "memory":
            raise MemoryError
        raise RuntimeError(BROKEN)


def faulty(fault: str) -> Tools:
    """The real tools, each network on a faulty device and, for its fallback, on the processor."""
    tools = real_tools("cpu", "auto")

    def predictor(name: str) -> Fallback:
        network = tools.predictor(name)
        return Fallback(FaultyDevice(network, fault), lambda: network.on_processor)

    return replace(tools, predictor=predictor)
