"""The engine on this machine: some processes, each with its own network and its share of the processors.

A process that dies (too little memory, a fault in a decoder) costs nothing but time: its pictures are tried
once more, each alone with a fresh process, so that one that kills twice is known by name.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from plugin.studio_portrait.link.wire import Problem
from server import child, machine

from .item import Item, Lookahead, Order, Outcome, failed

ATTEMPTS = 2
LANES = 2  # pictures in work in a process: one is computed, another one read or written
_WORDS = 20  # lines of a worker's standard error that are kept
_LOOK_SECONDS = 0.5  # between two looks at whether somebody wants us to end

Event = tuple["_Worker", dict[str, Any]]


class Local:
    """Processes on this machine (`item.Engine`).

    jobs: pictures computed at the same time, 0 for what processors and memory allow. On GPUs there is one
    process for each, which gathers the crops of its pictures (`batching`). command: how a worker is started.
    threads: of each process, 0 for its share of the processors.
    """

    def __init__(
        self,
        order: Order,
        jobs: int = 0,
        command: Sequence[str] = (sys.executable, "-m", "server.batch.worker"),
        threads: int = 0,
    ):
        self._order = order
        self._jobs = machine.workers(jobs)
        self._threads = threads or max(1, machine.cores() // self._jobs)
        self._command = command
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._workers: list[_Worker] = []
        self._suspects: deque[Item] = deque()
        self._deaths: dict[str, int] = {}
        self._false_starts = 0
        self._lanes = LANES
        self.facts: dict[str, Any] = {"engine": "local", "jobs": self._jobs, "threads": self._threads}

    def map(self, items: Iterable[Item | None]) -> Iterator[Outcome]:
        """See `item.Engine`. Workers are started when there is a first picture."""
        waiting = Lookahead(items)
        if not waiting:
            return
        device = self._order.device
        gpus = machine.gpus() if device in ("auto", "cuda") else int(device.startswith("cuda:"))
        most = 1 if gpus else self._jobs
        while True:
            waiting.searching = False
            while len(self._workers) < most and waiting.soon():  # none that would have nothing to do
                self._start(device).give(waiting.next())
            self._feed(waiting)
            if not (any(worker.has for worker in self._workers) or self._suspects or waiting):
                return
            for worker, event in self._next_events(0 if waiting.searching else _LOOK_SECONDS):
                if event["event"] == "ready":
                    self._ready(worker, event["about"], gpus)
                elif event["event"] == "failed":
                    raise Problem(event["code"], event["message"], event["hint"])
                elif event["event"] == "outcome":
                    worker.has.pop(event["name"], None)
                    yield event["outcome"]
                else:
                    yield from self._died(worker)

    def _start(self, device: str) -> _Worker:
        order = json.dumps({**self._order.as_dict(), "device": device})
        words = [*self._command, "--order", order, "--threads", str(self._threads)]
        self._workers.append(_Worker(words, self._events, device))
        return self._workers[-1]

    def _ready(self, worker: _Worker, about: dict[str, Any], gpus: int) -> None:
        first, worker.ready, self._false_starts = not self.facts.get("device"), True, 0
        self.facts |= {name: about[name] for name in ("device", "network", "weights") if name in about}
        if not gpus or not first:
            return
        if about.get("device", "cpu") == "cpu":  # there is a GPU, but nothing that could use it
            for _ in range(self._jobs - 1):
                self._start("cpu")
        else:
            self._lanes = max(LANES, self._jobs // gpus + 2)
            for number in range(1, gpus):
                self._start(f"cuda:{number}")

    def _feed(self, waiting: Lookahead) -> None:
        """Give every worker what it can have in work; a suspect gets one to itself."""
        for worker in self._workers:
            if worker.alone and worker.has:
                continue
            worker.alone = False
            if self._suspects and not worker.has:
                worker.alone = True
                worker.give(self._suspects.popleft())
            if worker.alone or self._suspects:
                continue
            while len(worker.has) < self._lanes and waiting.soon():
                worker.give(waiting.next())

    def _next_events(self, seconds: float) -> Iterator[Event]:
        """All that has come; waits for a first one, but not for ever, so that a signal is heard."""
        with contextlib.suppress(Empty):
            yield self._events.get(timeout=seconds)
            while True:
                yield self._events.get_nowait()

    def _died(self, worker: _Worker) -> Iterator[Outcome]:
        """Yield a new process in its place; its pictures are tried again, or given up."""
        self._workers.remove(worker)
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= ATTEMPTS:
                words = worker.words[-1] if worker.words else f"exit status {worker.status}"
                sentence = f"A worker cannot start: {words}."
                raise Problem("worker-died", sentence, "Run the doctor, or try again.")
        for item in worker.has.values():
            if not worker.ready:  # not this picture's doing
                self._suspects.append(item)
                continue
            deaths = self._deaths[item.name] = self._deaths.get(item.name, 0) + 1
            if deaths < ATTEMPTS:
                self._suspects.append(item)
            else:
                yield _given_up(item, worker.status)
        self._start(worker.device)

    def close(self) -> None:
        """See `item.Engine`."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()


def _given_up(item: Item, status: int) -> Outcome:
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    sentence = f"The picture ended the worker {ATTEMPTS} times ({how}); it was given up."
    return failed(item, "worker-died", sentence)


class _Worker:
    """One process. has: the items it has in work by name. alone: it has a suspect and gets nothing else."""

    def __init__(self, command: Sequence[str], events: SimpleQueue[Event], device: str):
        self.device = device
        self.ready = self.alone = False
        self.status = 0
        self.has: dict[str, Item] = {}
        self.words: deque[str] = deque(maxlen=_WORDS)
        self._process = child.start(command, machine.KEEP_MEMORY)
        self._thread(self._hear, events)
        self._listener = self._thread(self._listen)

    @property
    def pid(self) -> int:
        return self._process.pid

    @staticmethod
    def _thread(target: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread

    def give(self, item: Item) -> None:
        """Give a process a picture; one that has just died is noticed by its last event, not here."""
        self.has[item.name] = item
        child.tell(self._process, item.as_dict())

    def _hear(self, events: SimpleQueue[Event]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            events.put((self, json.loads(line)))
        self.status = self._process.wait()
        self._listener.join()
        events.put((self, {"event": "died"}))

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.words.append(line.decode("utf-8", "replace").strip()[:300])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
