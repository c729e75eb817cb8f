"""gimpfu's ``gimpshelf``: values that a script keeps while GIMP runs.

GIMP 2 pickled them into the session's data. Here they lie as JSON in a file that is named
after GIMP's process, so they end with it; what is no JSON is kept for the run only.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from gi.repository import Gimp


class Gimpshelf(MutableMapping[str, Any]):
    """A dictionary for a session: ``shelf["key"] = value``."""

    def __init__(self) -> None:
        self._values: dict[str, Any] | None = None

    @property
    def _file(self) -> Path:
        folder = Path(Gimp.cache_directory() or tempfile.gettempdir()) / "gimpfu"
        return folder / f"shelf-{os.getppid()}.json"

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            try:
                self._values = dict(json.loads(self._file.read_text("utf-8")))
            except (OSError, ValueError):
                self._values = {}
        return self._values

    def _write(self) -> None:
        kept = {}
        for key, value in self._read().items():
            with contextlib.suppress(TypeError, ValueError):
                json.dumps(value)
                kept[key] = value
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(kept), "utf-8")

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
