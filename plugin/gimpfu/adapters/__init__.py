"""PDB procedures of GIMP 2 whose GIMP 3 counterpart takes or gives something else.

Each function has the GIMP 2 procedure's arguments, units and results, as GIMP 2.10's
``pdb/groups/*.pdb`` declare and its ``app/pdb`` computes them. Each module ends with the table of its own;
`ADAPTERS` is all of them. Procedures that only changed their name are in `renames`, filters in `filters`, the
``file-*-save`` family in `files`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import (
    colours,
    database,
    editing,
    images,
    layers,
    named_resources,
    paths,
    plug_ins,
    selections,
    text,
    transformations,
)

ADAPTERS: dict[str, Callable[..., Any]] = {
    **layers.ADAPTERS,
    **images.ADAPTERS,
    **selections.ADAPTERS,
    **editing.ADAPTERS,
    **colours.ADAPTERS,
    **text.ADAPTERS,
    **transformations.ADAPTERS,
    **named_resources.ADAPTERS,
    **paths.ADAPTERS,
    **database.ADAPTERS,
    **plug_ins.ADAPTERS,
}
