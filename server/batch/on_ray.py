"""The engine on Ray: actors on this machine or on a cluster that sees the same files (docs/cluster.md).

Ray Data's `map_batches` runs over paths; pixels never go through Ray's object store, but from the shared
file system to an actor and back. What failed is an outcome, not an exception; an actor that dies is started
anew and its batch tried again. The manifest, and not Ray, knows what is done.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from .. import machine
from ..remote import ray_cluster
from .item import Item, Order, Outcome, failed
from .local import LANES

CHUNK = 2000  # pictures that Ray knows of at a time; the actors are started anew after so many
GPU_LANES = 16  # pictures in work in an actor that has a GPU
_NOT_BEGUN = "not-begun"


class OnRay:
    """Ray at `address`, ``local`` for one that is started here and ends with the run (`item.Engine`).

    jobs: actors, 0 for as many as the processors (or GPUs) of the cluster allow. installed: the other
    machines have this program already; else it is sent to them with its packages. stopping(): asked between
    batches. Raises `Problem` ``set-up`` without Ray, ``no-server`` when it cannot be reached.
    """

    def __init__(
        self,
        order: Order,
        address: str,
        jobs: int = 0,
        installed: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._order, self._stopping = order, stopping
        self._ray: Any = ray_cluster.connect(address, installed)
        _quieten()
        there: dict[str, float] = self._ray.cluster_resources()
        self._gpus = int(there.get("GPU", 0)) if order.device in ("auto", "cuda") else 0
        cpus = max(1, int(there.get("CPU", 1)))
        self._actors = jobs or self._gpus or max(1, cpus if address != "local" else machine.workers())
        self._threads = max(1, cpus // self._actors)
        self.facts: dict[str, Any] = {
            "engine": f"ray {self._ray.__version__}",
            "ray": address,
            "jobs": self._actors,
            "threads": self._threads,
        }

    def map(self, items: Iterable[Item | None]) -> Iterator[Outcome]:
        """See `item.Engine`. A chunk waits until its items are found: a start of the actors takes longer."""
        flag = self._ray.remote(num_cpus=0)(_Flag).remote()
        source = (item for item in items if item is not None)
        while chunk := list(islice(source, CHUNK)):
            missing = {item.name: item for item in chunk}
            # What an actor took down with it is tried once more, by actors that do one picture at a time.
            for lanes in (GPU_LANES if self._gpus else LANES, 1):
                for outcome in self._outcomes(list(missing.values()), lanes, flag):
                    del missing[outcome["name"]]
                    if outcome["status"] != _NOT_BEGUN:
                        yield outcome
                if not missing:
                    break
            for item in missing.values():
                yield failed(item, "worker-died", "The picture ended its actor each time.")

    def _outcomes(self, items: list[Item], lanes: int, flag: Any) -> Iterator[Outcome]:
        data = self._ray.data
        rows = [{"item": json.dumps(item.as_dict())} for item in items]
        resources = {"num_gpus": 1} if self._gpus else {"num_cpus": self._threads}
        pool = data.ActorPoolStrategy(
            size=min(self._actors, len(rows)),
            max_concurrent_calls_per_actor=lanes,
            max_tasks_in_flight_per_actor=lanes + 1,
            enable_true_multi_threading=True,
        )
        dataset = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Actor,
            fn_constructor_args=(self._order.as_dict(), self._threads, flag),
            batch_size=1,
            batch_format="numpy",
            compute=pool,
            ray_remote_args_fn=lambda: {"max_restarts": -1, "max_task_retries": 1},
            **resources,
        )
        asked = False
        for row in dataset.iter_rows():
            yield json.loads(row["outcome"])
            if not asked and self._stopping():
                asked = True
                flag.set.remote()

    def close(self) -> None:
        """See `item.Engine`."""
        self._ray.shutdown()


class _Flag:
    """Whether a stop was asked for, for all actors."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set


class Actor:
    """A loaded network in a process of Ray's. Calling it: a batch of items to outcomes, as JSON."""

    def __init__(self, order: dict[str, Any], threads: int, flag: Any):
        from .retoucher import Retoucher

        self._retoucher = Retoucher(Order(**order), threads)
        self._flag = flag

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Retouch a block of pictures; returns their outcomes as JSON."""
        import ray

        stopping = ray.get(self._flag.is_set.remote())
        items = [Item.of(json.loads(str(text))) for text in batch["item"]]
        outcomes = [
            {"name": item.name, "status": _NOT_BEGUN} if stopping else self._retoucher(item) for item in items
        ]
        return {"outcome": [json.dumps(outcome) for outcome in outcomes]}


def _quieten() -> None:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
