"""Modules that are made: of names, or as a copy of another one with some names changed."""

from __future__ import annotations

import importlib
import types
from typing import Any


def copied(name: str, source: Any = None, **more: Any) -> types.ModuleType:
    """Return a module with everything of `source` (or of `name` itself), and `more`."""
    native = importlib.import_module(source or name)
    own = {key: value for key, value in vars(native).items() if not key.startswith("__")}
    made = module(name, **{**own, **more})
    made.__getattr__ = lambda key: getattr(native, key)  # type: ignore[method-assign]
    return made


def module(name: str, /, **names: Any) -> types.ModuleType:
    """Make a module that holds these names."""
    made = types.ModuleType(name)
    vars(made).update(names)
    return made
