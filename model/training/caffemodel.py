"""Reads the weights in a Caffe model file, the other layout in which Oxford published VGG-Face.

A .caffemodel is one protocol buffer; names and blobs of the layers are all that is needed, in both
generations of the format (``layers`` until 2015, ``layer`` since). Field numbers: Caffe's caffe.proto.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

# (field of the layer in the net, of its name, of its blobs)
GENERATIONS: Final = {2: (4, 6), 100: (1, 7)}
DATA, SHAPE, DIMENSIONS, OLD_SHAPE = 5, 7, 1, (1, 2, 3, 4)
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
BROKEN: Final = "it is not a Caffe model, or is cut short"


def read(path: Path) -> dict[str, list[np.ndarray]]:
    """Layer name to its blobs, float32. Raises `ValueError` for a file of another kind or one cut short."""
    found = {}
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for number, value in _fields(data, 0, len(data)):
            if number in GENERATIONS and isinstance(value, range):
                name, blobs = _layer(data, value, *GENERATIONS[number])
                if blobs:
                    found[name] = blobs
    if not found:
        raise ValueError(BROKEN)
    return found


def _layer(data: mmap.mmap, where: range, name_field: int, blob_field: int) -> tuple[str, list[np.ndarray]]:
    name, blobs = "", []
    for number, value in _fields(data, where.start, where.stop):
        if isinstance(value, range) and number == name_field:
            name = data[value.start : value.stop].decode("utf-8", "replace")
        elif isinstance(value, range) and number == blob_field:
            blobs.append(_blob(data, value))
    return name, blobs


def _blob(data: mmap.mmap, where: range) -> np.ndarray:
    numbers, shape = np.zeros(0, np.float32), []
    for number, value in _fields(data, where.start, where.stop):
        if isinstance(value, int):
            if number in OLD_SHAPE:
                shape.append(value)
        elif number == DATA:
            if len(value) % 4:
                raise ValueError(BROKEN)
            numbers = np.frombuffer(data[value.start : value.stop], "<f4")
        elif number == SHAPE:
            shape = _shape(data, value)
    if math.prod(shape) != numbers.size:
        raise ValueError(BROKEN)
    return numbers.reshape(shape)


def _shape(data: mmap.mmap, where: range) -> list[int]:
    shape = []
    for number, value in _fields(data, where.start, where.stop):
        if number == DIMENSIONS and isinstance(value, range):  # packed
            at = value.start
            while at < value.stop:
                size, at = _varint(data, at, value.stop)
                shape.append(size)
        elif number == DIMENSIONS and isinstance(value, int):
            shape.append(value)
    return shape


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int | range]]:
    """Field numbers with their value: a whole number, or where their bytes lie."""
    while at < end:
        key, at = _varint(data, at, end)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(data, at, end)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at, end)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            size = 8 if kind == EIGHT_BYTES else 4
        else:
            raise ValueError(BROKEN)
        if size > end - at:
            raise ValueError(BROKEN)
        yield key >> 3, range(at, at + size)
        at += size


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(BROKEN)
