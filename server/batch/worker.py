"""One local worker: a process with its own loaded network that does the pictures it is told to.

Started by `local` as ``python -m server.batch.worker``. JSON lines come in on standard input and go out
on standard output; several pictures may be in work, so that one is read or written while another is computed.
The end of the pipe ends the process at once, whatever it is doing.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from plugin.studio_portrait.link.wire import Problem

from .item import Item, Order, Outcome

MOST = 64  # pictures in work at a time, however many are sent

Work = Callable[[Item], Outcome]


def start(make: Callable[[Order, int], Work]) -> None:
    """Run the process: arguments, pipes, then picture after picture.

    make(order, threads): see `Retoucher`.
    """
    parser = argparse.ArgumentParser(prog="server.batch.worker")
    parser.add_argument("--order", required=True, help="an Order as JSON")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us hears it too and decides
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    Channel(*_pipes()).run(lambda: make(Order(**json.loads(args.order)), args.threads))


class Channel:
    """What comes is begun at once, each picture in a thread: who sends decides how many that are."""

    def __init__(self, source: BinaryIO, sink: BinaryIO):
        self._source, self._sink = source, sink
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._speaking = threading.Lock()

    def run(self, make: Callable[[], Work]) -> None:
        """Load, say so, then work until the pipe ends."""
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            work = make()
        except Problem as problem:
            self._tell("failed", code=problem.code, message=problem.message, hint=problem.hint)
            return
        self._tell("ready", about=getattr(work, "about", {}))
        with ThreadPoolExecutor(MOST) as lanes:
            while True:
                lanes.submit(self._one, work, self._items.get())

    def _one(self, work: Work, item: Item) -> None:
        self._tell("outcome", name=item.name, outcome=work(item))

    def _listen(self) -> None:
        for line in self._source:
            self._items.put(Item.of(json.loads(line)))
        if os.name == "posix" and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # with what a library may have started
        os._exit(0)

    def _tell(self, event: str, **fields: Any) -> None:
        data = json.dumps({"event": event, **fields}).encode() + b"\n"
        with self._speaking:
            self._sink.write(data)
            self._sink.flush()


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes, for us alone: what a library prints goes to standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def _retoucher(order: Order, threads: int) -> Work:
    from .retoucher import Retoucher

    return Retoucher(order, threads)


if __name__ == "__main__":
    start(_retoucher)
