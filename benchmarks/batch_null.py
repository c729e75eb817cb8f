"""A worker for `benchmarks.batch --only simulation`, which computes nothing: the null network "null".

Files are read, hashed, written and told about as by any other worker; only faces and network are left out.
"""

from __future__ import annotations

from server.batch.item import Item, Order, Outcome
from server.batch.retoucher import outcome_of
from server.batch.worker import Work, start

ABOUT = {"network": "null", "weights": "null", "engine": "none", "device": "cpu"}


def _work(item: Item) -> Outcome:
    return outcome_of(item, lambda item, picture: {"faces": [{}], "notes": [], **ABOUT})


def _make(order: Order, threads: int) -> Work:
    return _work


if __name__ == "__main__":
    start(_make)
