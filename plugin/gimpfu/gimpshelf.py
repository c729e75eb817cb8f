"""gimpfu's ``gimpshelf``: values that a script keeps while GIMP runs.

GIMP 2 pickled them into the session's data. Here they lie there as JSON; what is no
JSON is kept for the run only.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, MutableMapping
from typing import Any

from . import parasites


class Gimpshelf(MutableMapping[str, Any]):
    """A dictionary for a session: ``shelf["key"] = value``."""

    def __init__(self) -> None:
        self._values: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            self._values = dict(json.loads(parasites.kept("shelf") or "{}"))
        return self._values

    def _write(self) -> None:
        kept = {}
        for key, value in self._read().items():
            with contextlib.suppress(TypeError, ValueError):
                json.dumps(value)
                kept[key] = value
        parasites.keep("shelf", json.dumps(kept).encode())

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._read()[key] = value
        self._write()

    def __delitem__(self, key: str) -> None:
        del self._read()[key]
        self._write()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def has_key(self, key: str) -> bool:
        """Return whether the shelf holds the key, as Python 2 asked it."""
        return key in self


shelf = Gimpshelf()
