"""Parasites, and what scripts keep in GIMP itself until it ends, which lies in some."""

from __future__ import annotations

import array
from typing import Any

from gi.repository import Gimp

from .scripts.byte_string import ByteString, to_bytes


def new(name: str, flags: int, data: Any) -> Gimp.Parasite:
    """Return a parasite that holds bytes or text."""
    raw = data.encode() if isinstance(data, str) else to_bytes(data)
    return Gimp.Parasite.new(name, flags, array.array("b", raw).tolist())  # libgimp's bytes have a sign


def data(parasite: Gimp.Parasite) -> ByteString:
    """Return what a parasite holds."""
    return ByteString(byte & 255 for byte in parasite.get_data())


def keep(name: str, kept: bytes) -> None:
    """Keep bytes under a name, for all scripts until GIMP ends."""
    Gimp.attach_parasite(new(f"gimpfu-{name}", 0, kept))


def kept(name: str) -> ByteString | None:
    """Return what was kept under a name last, None for nothing."""
    found = Gimp.get_parasite(f"gimpfu-{name}")
    return None if found is None else data(found)
