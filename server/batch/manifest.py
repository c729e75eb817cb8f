"""What was done with each picture, one line of JSON as it ends; and the proof that it still stands.

The file is only ever added to, one whole line at a time, so that a run killed at any moment leaves at
most half a line, which the next run cuts off. What it says is found again by an index of sixteen bytes a
picture, not by keeping it in memory.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import math
import os
import re
import sys
from pathlib import Path
from typing import IO, Any

import numpy as np

from plugin.studio_portrait.link.wire import Problem

from ..files.errors import PictureError
from ..files.names import mask_beside
from .item import DONE, FAILED, MEASURED, MOST_BYTES, NO_FACE, Item, Outcome, outcome_in, whole_lines
from .retoucher import fingerprint

FORM = 1
_FAR = 1 << 40
_PLAIN = re.compile(rb'\{"name":"([ !#-\[\]-~]*)",.*\}\n', re.DOTALL)  # without anything that JSON escapes
_FAILURE = f'"status":"{FAILED}"'.encode()  # within a text, its quotation marks would be escaped
_HEADER = "manifest"  # the key that only a header has
_HEAD = b'{"manifest":'  # so begins the file, also where a run was killed at once


class Manifest:
    """The file, locked for this run. A context manager.

    resume: go on with a file that is there; without it that is refused. Raises `Problem`
    ``bad-output``.
    """

    def __init__(self, path: Path, resume: bool):
        self.path = path
        self._file = _opened(path, resume)
        try:
            _lock(self._file, path)
            self._reader = path.open("rb")
            self._keys, self._places, self._failures = self._index()
        except BaseException:
            self._file.close()
            raise

    def head(self, facts: dict[str, Any]) -> None:
        """Begin a run. facts: versions, settings, sources."""
        self._write({_HEADER: FORM, **facts})

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome. Raises `Problem` ``bad-output`` when it cannot be written."""
        self._write(outcome)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(_finite(line), separators=(",", ":"), allow_nan=False).encode() + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        try:
            while data:  # a full disk takes a part of it, and says why when it is given the rest
                data = data[self._file.write(data) :]
        except OSError as error:
            self._file.truncate(end)
            sentence = f"The manifest {self.path} cannot be written ({error.strerror})."
            raise Problem("bad-output", sentence, "Make room there, then go on with --resume.") from None

    def find(self, name: str) -> Outcome | None:
        """Return the last line about the picture of this name, from before this run."""
        found = self.look_up(name)
        return found and found[1]

    def look_up(self, name: str) -> tuple[int, Outcome] | None:
        """Return that line with a number below `len`, which is this picture's alone."""
        key = _key(name)
        last = bisect.bisect_right(self._keys, key) - 1
        while last >= 0 and self._keys[last] == key:
            self._reader.seek(self._places[last])
            line = outcome_in(self._reader.readline(MOST_BYTES))
            if line is not None and line["name"] == name:
                return last, line
            last -= 1
        return None

    def place(self, name: str) -> int | None:
        """Return the number of the last line about it, or about a name with the same 64-bit hash, if any."""
        key = _key(name)
        last = bisect.bisect_right(self._keys, key) - 1
        return last if last >= 0 and self._keys[last] == key else None

    def failed(self, number: int) -> bool:
        """Tell whether the line of this number is about a failure, without reading it again."""
        return bool(self._failures[number])

    def __len__(self) -> int:
        """How many lines about pictures there were before this run."""
        return len(self._keys)

    def _index(self) -> tuple[memoryview[int], ...]:
        """Keys, in order, where their lines begin, and which failed. Half a line at the end is cut off."""
        keys, places, failures = bytearray(), bytearray(), bytearray()
        at = begin = 0  # of this piece, and of its line
        for line in whole_lines(self._reader):
            if at == 0:
                self._check_ours(line)
            if at == begin and line.endswith(b"\n") and (name := _name(line)) is not None:
                keys += _digest(name)
                places += at.to_bytes(8, sys.byteorder)
                failures.append(_FAILURE in line)
            at += len(line)
            begin = at if line.endswith(b"\n") else begin
        if begin < at:
            self._file.truncate(begin)
        numbers = np.frombuffer(bytes(keys), np.uint64)
        order = np.argsort(numbers, kind="stable")
        # Views, since numpy takes ten times as long to look up a single one.
        return (
            numbers[order].data,
            np.frombuffer(bytes(places), np.int64)[order].data,
            np.frombuffer(bytes(failures), np.uint8)[order].data,
        )

    def _check_ours(self, line: bytes) -> None:
        """Refuse a file that some other program wrote: it would be added to, and its last line cut off.

        And one that a later version of this program wrote, whose lines may mean something else.
        """
        form = _form(line)
        if isinstance(form, int) and form > FORM:
            sentence = f"A newer version of this program wrote {self.path}."
            raise Problem("bad-output", sentence, "Go on with that version, or name another manifest.")
        whole = line.endswith(b"\n")
        if outcome_in(line) is None and not (
            form is not None if whole else _HEAD.startswith(line[: len(_HEAD)])
        ):
            sentence = f"{self.path} is not a manifest."
            raise Problem("bad-output", sentence, "Name the manifest of the run that is to go on.")

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._file.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def may_stand(line: Outcome, item: Item, settings: dict[str, Any], weights: str) -> bool:
    """Whether nothing that can be seen without reading a file speaks against `stands`."""
    if line.get("status") not in (DONE, NO_FACE, MEASURED) or line.get("settings") != settings:
        return False
    if weights and line.get("weights") != weights:
        return False
    if line.get("colours", []) != [colour and list(colour) for colour in item.colours]:
        return False
    try:
        if os.stat(item.source).st_size != line["size"]:
            return False
        if line["status"] != DONE:
            return True
        if settings.get("mask") and not mask_beside(Path(item.target)).is_file():
            return False
        return bool(os.stat(item.target).st_size == line["output_size"])
    except (OSError, KeyError):
        return False


def stands(line: Outcome, item: Item, settings: dict[str, Any], weights: str) -> bool:
    """Whether what the line says is still so: same source, same settings, same weights, output as written.

    weights: "" where nobody can tell them without computing. Reads the output to the end, the source
    only when its time says that it may have changed.
    """
    if not may_stand(line, item, settings, weights):
        return False
    try:
        if not _same_source(line, item):
            return False
        if line["status"] != DONE:
            return True
        mask = line.get("mask_sha256")  # 0.2.0's first lines have none
        if settings.get("mask") and mask and not _has(str(mask_beside(Path(item.target))), mask):
            return False
        return _has(item.target, line["output_sha256"])
    except (OSError, PictureError, KeyError):
        return False


def _same_source(line: Outcome, item: Item) -> bool:
    if os.stat(item.source).st_mtime_ns == line["mtime_ns"] and line["input"] == item.source:
        return True
    return _has(item.source, line["sha256"])


def _has(name: str, sha256: object) -> bool:
    return bool(fingerprint(Path(name))[0]["sha256"] == sha256)


def _form(line: bytes) -> object:
    """Return what a header says of the manifest's form; None for what is no header."""
    try:
        return json.loads(line)[_HEADER]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _finite(value: Any) -> Any:
    """Put None in place of numbers that JSON does not have: those of one picture must not end the run."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _name(line: bytes) -> str | None:
    """Return the picture that a line is about; None for a header and for what is no line of ours.

    Our own lines begin with it: most need not be parsed, which is what opening a long manifest takes.
    """
    found = _PLAIN.match(line)
    if found:
        return found[1].decode("ascii")
    outcome = outcome_in(line)
    return None if outcome is None else str(outcome["name"])


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _key(name: str) -> int:
    return int.from_bytes(_digest(name), sys.byteorder)


def _opened(path: Path, resume: bool) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise Problem("bad-output", f"{path} is not a file.", "Name another one with --manifest.")
        return open(path, "r+b" if resume and path.exists() else "x+b", buffering=0)  # noqa: SIM115
    except FileExistsError:
        raise Problem(
            "bad-output",
            f"There is a manifest already: {path}.",
            "Go on where it ends with --resume, or give this run another one with --manifest.",
        ) from None
    except OSError as error:
        raise Problem("bad-output", f"The manifest {path} cannot be written ({error.strerror}).") from None


def _lock(file: IO[bytes], path: Path) -> None:
    """For this process alone, as long as it lives."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_FAR)  # what is locked nobody else can read there, so it is no byte of a line
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Problem(
            "bad-output", f"Another run is writing {path}.", "Wait for it, or name another."
        ) from None
