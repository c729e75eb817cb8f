"""One local worker: a process with its own loaded network that does the pictures it is told to.

Started by `local` as ``python -m server.batch.worker``. JSON lines come in on standard input and go out
on standard output; several pictures may be in work, so that one is read or written while another is computed.
The end of the pipe ends the process at once, whatever it is doing.
"""

from __future__ import annotations

import argparse
import json
import logging
import queue
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from server import child

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
    Channel(*child.own_pipes()).run(lambda: make(Order(**json.loads(args.order)), args.threads))


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
        except Exception as error:  # whoever started us tells it in a sentence
            from .retoucher import problem_of

            problem = problem_of(error)
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
        child.vanish()

    def _tell(self, event: str, **fields: Any) -> None:
        data = json.dumps({"event": event, **fields}).encode() + b"\n"
        with self._speaking:
            self._sink.write(data)
            self._sink.flush()


def _retoucher(order: Order, threads: int) -> Work:
    from .retoucher import Retoucher

    return Retoucher(order, threads)


if __name__ == "__main__":
    start(_retoucher)
