"""One picture, from its file to its result's file, in this process: what every engine does in the end.

Local workers and Ray's actors hold one `Retoucher` each: a loaded network and what it needs. Whatever
happens to a picture becomes an outcome; nothing is raised, and a target appears whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import numpy as np

from plugin.studio_portrait.link.wire import MAX_REFERENCE_SIDE, Problem, Settings, found_nobody

from ..files import pictures
from ..files.names import format_of, mask_beside
from ..files.opening import opened
from ..files.picture import Picture, back_in_one_piece, in_one_piece
from ..stopwatch import Stopwatch
from .batching import BatchingPredictor
from .item import DISK_FULL, DONE, FAILED, MEASURED, NO_FACE, Item, Order, Outcome

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
Change = Callable[[Item, Picture], dict[str, Any]]  # retouches `picture.pixels` in place and tells about it


class Retoucher:
    """Calling it with an `Item` does it. From several threads: files are read and written at the same
    time; the pipeline is entered by one at a time where a processor runs the network.

    Making it loads the network: raises `Problem` when that cannot be done.
    """

    def __init__(self, order: Order, threads: int = 0):
        from model.inference import threads as own_threads

        if threads:
            own_threads.use(threads)
        from model.inference.predictor import load, match

        self._settings = Settings(**{**order.settings, "mask": order.mask})
        self._mask, self._measures = order.mask, order.measure
        if order.reference:
            loaded: Any = match([pictures.read_reference(Path(order.reference), MAX_REFERENCE_SIDE)])
        else:
            loaded = load(self._settings.network, order.device, order.engine)
        self.about = {
            "network": loaded.name,
            "weights": loaded.weights_sha256,
            "engine": loaded.engine,
            "device": loaded.device,
        }
        self.on_processor = loaded.device == "cpu"
        self._predictor = loaded if self.on_processor else BatchingPredictor(loaded)
        self._turn = threading.Lock() if self.on_processor else nullcontext()

    def __call__(self, item: Item) -> Outcome:
        """Do one picture; see `outcome_of`."""
        return outcome_of(item, self._measure if self._measures else self._change)

    def _measure(self, item: Item, picture: Picture) -> dict[str, Any]:
        from ..imaging.measuring import measure
        from .series import taken

        with self._turn:
            told = measure(picture.pixels, self._predictor, icc=picture.icc)
        told["series"] = [{**face, **taken(picture.exif)} for face in told["series"]]
        return {**told, **self.about}

    def _change(self, item: Item, picture: Picture) -> dict[str, Any]:
        from .. import imaging

        more: dict[str, Any] = {"icc": picture.icc, "colours": item.colours}
        with self._turn:
            result = imaging.retouch(picture.pixels, self._settings, self._predictor, **more)
        mask = None
        if self._mask:
            mask = np.zeros((*picture.pixels.shape[:2], 1), np.uint8)
            if result.box is not None and result.mask is not None:
                box = result.box
                mask[box.y : box.y + box.height, box.x : box.x + box.width, 0] = result.mask
        return {
            "faces": list(result.faces),
            "ms": {stage: round(ms, 1) for stage, ms in result.ms.items() if stage != "total"},
            "notes": list(result.notes),
            "mask": mask,
            "box": result.box,
            **self.about,
        }


def outcome_of(item: Item, change: Change) -> Outcome:
    """Read, change, write one picture; the manifest's line about it (see docs/batch.md).

    change(item, picture): retouches ``picture.pixels`` in place; what it returns goes into the line, and
    ``mask``, (H, W, 1) uint8 or None, into a file beside the target.
    """
    return told_of(item, lambda line, clock: in_pixels(item, change, line, clock))


def told_of(item: Item, do: Callable[[Outcome, Stopwatch], None]) -> Outcome:
    """Return the manifest's line about what `do` did, which fills it, or of what it raised."""
    line: Outcome = {"name": item.name, "input": item.source}
    if item.colours:
        line["colours"] = [colour and list(colour) for colour in item.colours]
    clock = Stopwatch()
    try:
        do(line, clock)
    except Exception as error:  # whatever it is, the other pictures are done
        problem = problem_of(error)
        line |= {"status": FAILED, "code": problem.code, "message": str(problem)}
    line["ms"] = {**line.get("ms", {}), **clock.ms}
    return line


def in_pixels(item: Item, change: Change, line: Outcome, clock: Stopwatch) -> None:
    """Do what `outcome_of` says; whatever goes wrong is raised."""
    source, target = Path(item.source), Path(item.target)
    with clock("read"):
        about, mode, _ = fingerprint(source)
        line |= about
        picture = in_one_piece(pictures.read(source))
    told = change(item, picture)
    nobody, mask = found_nobody(told), told.pop("mask", None)
    told.pop("box", None)
    line |= told
    line["notes"] = [*picture.notes, *told.get("notes", ())]
    if nobody:
        line["status"] = NO_FACE
        return
    if "series" in told:
        line["status"] = MEASURED
        return
    with clock("write"):
        kind = format_of(target)
        pixels = back_in_one_piece(picture) if kind == picture.format else picture.pixels
        data = pictures.encode(picture, pixels, kind)
        line["notes"] += pictures.left_out(picture, kind)
        if mask is not None:
            coded = pictures.encode(Picture(mask, "mask"), mask, "png")
            put(mask_beside(target), coded, mode)
            line["mask_sha256"] = hashlib.sha256(coded).hexdigest()
        put(target, data, mode)
    line |= written(item, data)


def written(item: Item, data: bytes) -> Outcome:
    """Return what the manifest says of a result's file with these bytes."""
    return {
        "status": DONE,
        "output": item.target,
        "output_size": len(data),
        "output_sha256": hashlib.sha256(data).hexdigest(),
    }


def fingerprint(path: Path, most: int = 0) -> tuple[dict[str, Any], int, bytes]:
    """Return ``size``, ``mtime_ns`` and ``sha256`` of a regular file, its permission bits, and its bytes.

    most: of a larger file no bytes are returned. Raises `OSError`, `PictureError`.
    """
    path.stat()  # that it is missing is told as such
    with opened(path) as file:
        status = os.fstat(file.fileno())
        data = file.read(most) if status.st_size <= most else b""
        digest = hashlib.sha256(data) if data else hashlib.file_digest(cast(BufferedReader, file), "sha256")
    found = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": digest.hexdigest()}
    return found, status.st_mode & 0o666, data


def put(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write a whole file or none. mode: the permission bits of what it was made of. Raises `Problem`.

    What a killed run left beside it has the same name each time, so that the next run replaces it; and if
    that run's process still lives, it must not take the file that is written here for its own.
    """
    tag = hashlib.blake2b(path.name.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    beside = path.with_name(f".studio-portrait-{tag}")
    own: os.stat_result | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with open(beside, "xb", opener=pictures.as_private_as(mode)) as file:
            own = os.fstat(file.fileno())
            file.write(data)
            file.flush()
            if not os.path.samestat(own, beside.stat()):
                raise FileExistsError(errno.EEXIST, "another run is writing it")
        beside.replace(path)
    except BaseException as error:
        with suppress(OSError):
            if own is not None and os.path.samestat(own, beside.stat()):
                beside.unlink()
        if isinstance(error, OSError):
            raise _unwritable(error) from None
        raise


def _unwritable(error: OSError) -> Problem:
    sentence = f"The result cannot be written ({error.strerror})."
    if error.errno in _FULL:
        return ManifestProblem(DISK_FULL, sentence, "Make room there.")
    return ManifestProblem("bad-output", sentence, "See what lies there, and who may write.")


def problem_of(error: Exception) -> Problem:
    """Any error as the manifest's code, one sentence and a hint."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, FileNotFoundError) and error.filename:
        return ManifestProblem("missing", "The file is not there any more.", "")
    if isinstance(error, OSError):
        return ManifestProblem("unreadable", f"The file cannot be read ({error.strerror or error}).", "")
    if isinstance(error, MemoryError):
        return Problem("out-of-memory", "There is not enough memory for this picture.")
    if all(isinstance(getattr(error, name, None), str) for name in ("code", "message", "hint")):
        return ManifestProblem(error.code, error.message, error.hint)  # type: ignore[attr-defined]
    return ManifestProblem(
        "internal", f"Something unforeseen happened ({type(error).__name__}: {error}).", "Please report it."
    )


class ManifestProblem(Problem):
    """A `Problem` with a code of the manifest's own, which no wire knows."""

    def __init__(self, code: str, message: str, hint: str):
        super().__init__("internal", message, hint)
        self.code = code
