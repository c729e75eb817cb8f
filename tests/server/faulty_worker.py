"""The real worker, its predictions on a device that has one of a graphics card's faults.

``memory``: it has no memory for any crop. ``device``: it must not be used any more.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from model.inference.predictor import load
from server.service.fallback import Fallback
from server.service.worker import start
from server.service.worker_tools import Tools, real_tools

BROKEN = "CUDA error: an illegal memory access was encountered"


class FaultyDevice:
    """A network that says it is on a graphics card, and fails there as one does."""

    device, batch = "cuda:0", 4

    def __init__(self, network: Any, fault: str):
        self._fault = fault
        self.name, self.weights_sha256, self.engine = network.name, network.weights_sha256, network.engine

    def components(self, crops: Any, cancelled: Any) -> Any:
        if self._fault == "memory":
            raise MemoryError
        raise RuntimeError(BROKEN)

    __call__ = components


def faulty(fault: str, args: argparse.Namespace) -> Tools:
    """The real tools, every network on a faulty device and, for its fallback, on the processor."""
    network = load("", device="cpu")
    broken = Fallback(FaultyDevice(network, fault), lambda: network)
    return replace(real_tools(args.device, args.engine), predictor=lambda name: broken)


if __name__ == "__main__":
    fault = sys.argv.pop(1)
    start(lambda args: faulty(fault, args))
