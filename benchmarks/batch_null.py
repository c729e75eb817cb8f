"""A worker for `benchmarks.batch --only simulation`, which computes nothing: the null network "null".

Files are read, hashed, written and told about as by any other worker; only faces and network are left out.
"""

from __future__ import annotations

from typing import Any

from server.batch.item import Item, Order, Outcome
from server.batch.retoucher import outcome_of
from server.batch.worker import Work, start
from server.files.picture import Picture

ABOUT = {"network": "null", "weights": "null", "engine": "none", "device": "cpu"}


def told(item: Item, picture: Picture) -> dict[str, Any]:
    """Tell of a picture what a network would that saw one face and changed nothing."""
    return {"faces": [{"used": True}], "notes": [], **ABOUT}


def _work(item: Item) -> Outcome:
    return outcome_of(item, told)


def _make(order: Order, threads: int) -> Work:
    return _work


if __name__ == "__main__":
    start(_make)
