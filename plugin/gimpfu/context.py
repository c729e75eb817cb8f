"""GIMP's context with some settings changed for one call: what GIMP 2 passed as arguments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gi.repository import Gimp


@contextmanager
def context(**settings: Any) -> Iterator[None]:
    """Run with ``Gimp.context_set_NAME(value)`` for each setting, then with the old ones again."""
    Gimp.context_push()
    try:
        for name, value in settings.items():
            function = getattr(Gimp, f"context_set_{name}")
            function(*value) if isinstance(value, tuple) else function(value)
        yield
    finally:
        Gimp.context_pop()
