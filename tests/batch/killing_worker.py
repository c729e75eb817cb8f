"""A worker that dies of pictures named so, as one does whose decoder has a fault or that is out of memory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from server.batch.item import Item, Order, Outcome
from server.batch.retoucher import Retoucher
from server.batch.worker import Work, start


def _make(order: Order, threads: int) -> Work:
    if (first := os.environ.get("DIES_AT_FIRST")) and not Path(first).exists():
        Path(first).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    retoucher = Retoucher(order, threads)

    def work(item: Item) -> Outcome:
        once = Path(item.source).with_suffix(".once")
        if "kills" in item.name or ("once" in item.name and not once.exists()):
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return retoucher(item)

    return work


if __name__ == "__main__":
    start(_make)
