"""What goes into an engine and what comes out: names and plain dictionaries, never pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Protocol

Outcome = dict[str, Any]  # one line of the manifest, see docs/batch.md
MOST_BYTES = 4 << 20  # of a line; a thousand faces take a tenth of that

DONE, NO_FACE, FAILED, MEASURED = "done", "no-face", "failed", "measured"
DISK_FULL = "disk-full"  # the code that ends a run: every further picture would meet it


@dataclass(frozen=True)
class Item:
    """One picture: where it is, where its result goes, and that place's name below the destination.

    name: unique in a run, with ``/`` on every system. colours: the colour decision of each face of
    a series (`series`), log-gains in linear light; none where the network's own is used.
    """

    source: str
    target: str
    name: str
    colours: tuple[tuple[float, float, float] | None, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Item:
        """Read what `as_dict` gave."""
        colours = tuple(None if colour is None else tuple(colour) for colour in fields.get("colours", ()))
        return cls(fields["source"], fields["target"], fields["name"], colours)


@dataclass(frozen=True)
class Order:
    """What is the same for every picture of a run.

    settings: `wire.Settings` as a dictionary. reference: the portrait to be matched, or "". device and
    engine: as for `model.inference.predictor.load`. mask: write the mask beside the picture. measure: write
    nothing, but tell what `series` compares.
    """

    settings: dict[str, Any]
    reference: str = ""
    device: str = "auto"
    engine: str = "auto"
    mask: bool = False
    measure: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


class Engine(Protocol):
    """What does the work. facts: what the manifest's header says of it."""

    facts: dict[str, Any]

    def map(self, items: Iterable[Item | None]) -> Iterator[Outcome]:
        """Yield one outcome for each item as it ends, in any order.

        Items are taken only as they can be worked at, so that whoever gives them can stop giving; None among
        them says that the next one is still being looked for. Raises `Problem` when nothing can be done.
        """

    def close(self) -> None:
        """Stop at once; what is being done is dropped."""


def whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file's lines; of one that is longer than any of ours, pieces, which are none."""
    return iter(lambda: file.readline(MOST_BYTES), b"")


def outcome_in(line: bytes) -> Outcome | None:
    """Return the outcome that a line of a manifest holds; None for a header and what is no line of ours."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and isinstance(told.get("name"), str) else None


def failed(item: Item, code: str, sentence: str) -> Outcome:
    """Return the outcome of a picture about which nothing else is known."""
    return {
        "name": item.name,
        "input": item.source,
        "status": FAILED,
        "code": code,
        "message": sentence,
        "ms": {},
    }


class Lookahead:
    """An iterator that can be asked whether there is more; looks one ahead.

    searching: whether, when last asked, the next one was still being looked for.
    """

    def __init__(self, items: Iterable[Item | None]):
        self._items = iter(items)
        self._ahead: Item | None = None
        self.searching = False

    def __bool__(self) -> bool:
        """Return whether there is another, however long it takes to find it."""
        while not self.soon() and self.searching:
            pass
        return self._ahead is not None

    def soon(self) -> bool:
        """Return whether there is another already, after looking for it for a moment."""
        self.searching = False
        if self._ahead is None:
            end = object()
            found = next(self._items, end)
            self.searching = found is None
            self._ahead = found if isinstance(found, Item) else None
        return self._ahead is not None

    def next(self) -> Item:
        """Return the next item; there must be one."""
        item, self._ahead = self._ahead, None
        assert item is not None
        return item
