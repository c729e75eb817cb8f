"""Writes ``plugin/gimpfu/PROCEDURES.md``: ``python tests/gimpfu/procedure_table.py``.

The tables are read without GIMP: nothing in them calls it before a procedure is used.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))
TARGET = CHECKOUT / "plugin" / "gimpfu" / "PROCEDURES.md"
_HEAD = """# GIMP 2's procedures in gimpfu for GIMP 3

Made by `python tests/gimpfu/procedure_table.py` from the package's tables. Procedures that GIMP 3 has under
the same name with the same arguments are not listed: they are called as they are. Anything else is refused
with a sentence.

| GIMP 2 | status | how |
|---|---|---|
"""


def tables() -> Any:
    """Import the package's tables with a stand-in for GIMP's libraries."""
    import plugin.gimpfu

    assert plugin.gimpfu.__all__ == [] or "gi" in sys.modules
    parts = ("adapters", "files", "filters", "renames")
    stand_in = mock.MagicMock()
    names = {"gi": stand_in, "gi.repository": stand_in.repository}
    with mock.patch.dict(sys.modules, names):
        modules = {part: importlib.import_module(f"plugin.gimpfu.{part}") for part in parts}
        for name in [
            name for name in sys.modules if name.startswith("plugin.gimpfu.") and "scripts" not in name
        ]:
            del sys.modules[name]
    return modules


def rows() -> Iterator[tuple[str, str, str]]:
    found = tables()
    adapters, files, filters, renames = (found[name] for name in ("adapters", "files", "filters", "renames"))
    for name in adapters.ADAPTERS:
        yield name, "served", "arguments and results turned into GIMP 3's"
    for name in filters.FILTERS:
        yield name, "served", "GEGL operation"
    for name in filters.CALLS:
        yield name, "served", "another call"
    for kind in files.ARGUMENTS:
        yield f"file-{kind}-save", "served", "also -save2, -save-defaults; GIMP 3's export of that drawable"
    for name in ("gimp-file-save", "gimp-xcf-save"):
        yield name, "served", "GIMP 3's export of that drawable"
    yield "gimp-procedural-db-proc-exists", "served", "knows what is served here, too"
    for old, new in renames.RENAMED.items():
        if old not in adapters.ADAPTERS:
            yield old, "served", f"is `{new}` now"
    for name in renames.IGNORED:
        if name not in adapters.ADAPTERS:
            yield name, "does nothing", "there is nothing left to do"
    for name, sentence in renames.REFUSED.items():
        yield name, "refused", sentence.partition(": ")[2].rstrip(".")


def text() -> str:
    lines = [f"| `{name}` | {status} | {how} |" for name, status, how in sorted(set(rows()))]
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
    print(TARGET)
