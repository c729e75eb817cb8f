"""A picture's metadata as text and bytes between two processes, made anew from a closed list of types.

The reader does not trust the writer, which has just met a stranger's file: hence no pickle.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from . import exif, jpeg, png, tiff
from .picture import Picture

_TYPES: dict[str, Any] = {
    "picture": Picture,
    "jpeg": jpeg.Source,
    "chunk": png.Chunk,
    "tiff": tiff.Source,
    "block": exif.Block,
    "entry": exif.Entry,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def pack(value: Any, blobs: list[bytes]) -> Any:
    """Turn into what JSON holds; bytes go to the end of `blobs`, in whose place their length stands."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        blobs.append(value)
        return {"bytes": len(value)}
    if isinstance(value, tuple):
        return [pack(item, blobs) for item in value]
    if isinstance(value, dict):
        return {"dict": [[pack(key, blobs), pack(item, blobs)] for key, item in value.items()]}
    if isinstance(value, list):
        return {"list": [pack(item, blobs) for item in value]}
    fields = {field.name: pack(getattr(value, field.name), blobs) for field in dataclasses.fields(value)}
    return {"type": _NAMES[type(value)], "fields": fields}


def unpack(value: Any, blobs: memoryview) -> Any:
    """Undo `pack`; `blobs`: all bytes in a row. Raises `ValueError` for what `pack` does not write."""
    unpacked, left = _unpack(value, blobs)
    if left:
        raise ValueError("bytes that belong to nothing")
    return unpacked


def _unpack(value: Any, blobs: memoryview) -> tuple[Any, memoryview]:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value, blobs
    if isinstance(value, list):
        items, blobs = _unpack_all(value, blobs)
        return tuple(items), blobs
    match value:
        case {"bytes": int(length)} if 0 <= length <= len(blobs):
            return bytes(blobs[:length]), blobs[length:]
        case {"list": list(inner)}:
            return _unpack_all(inner, blobs)
        case {"dict": list(pairs)}:
            items, blobs = _unpack_all(pairs, blobs)
            return dict(items), blobs
        case {"type": str(name), "fields": dict(fields)} if name in _TYPES:
            items, blobs = _unpack_all(list(fields.values()), blobs)
            return _made(name, dict(zip(fields, items, strict=True))), blobs
    raise ValueError("no picture")


def _made(name: str, fields: dict[str, Any]) -> Any:
    try:
        return _TYPES[name](**fields)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _unpack_all(values: list[Any], blobs: memoryview) -> tuple[list[Any], memoryview]:
    items = []
    for value in values:
        item, blobs = _unpack(value, blobs)
        items.append(item)
    return items, blobs
