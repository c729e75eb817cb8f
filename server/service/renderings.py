"""The tasks of a picture that stays open: analysed once, then shown and rendered as often as one likes.

What was found out about a picture lies in the worker, beside other pictures' and within `MOST` bytes of
memory; what had to go, or lies in another worker, is found out again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from plugin.studio_portrait.link.wire import MAX_PREVIEW_BYTES, Box, Problem

from . import resources
from .work import Work, rendered

if TYPE_CHECKING:
    from server.imaging import Analysis, Layer, Result

MOST: Final = max(256 << 20, resources.memory_total() // 8)  # bytes of all analyses in this process
NAME = "analysis"
LAYERS = "layers"


class _Analyses:
    """Those of all open pictures, the one that was used last at the end."""

    def __init__(self, most: int):
        self._most = most
        self._kept: OrderedDict[int, dict[str, Any]] = OrderedDict()

    def of(self, work: Work) -> Analysis:
        """Return the picture's analysis, made now unless it is kept.

        Where memory ends, all others are given up.
        """
        key = (work.predictor.name, work.predictor.weights_sha256)
        before: Any
        analysis: Analysis | None
        before, analysis = work.kept.get(NAME, (None, None))
        if before != key or analysis is None:
            work.kept.clear()
            try:
                analysis = self._make(work)
            except MemoryError:
                self.give_up()
                analysis = self._make(work)
            work.kept[NAME] = key, analysis
        analysis.predictor = work.predictor
        self._kept.pop(id(work.kept), None)
        self._kept[id(work.kept)] = work.kept
        self._fit()
        return analysis

    def give_up(self) -> None:
        """Forgets them all."""
        for kept in self._kept.values():
            kept.clear()
        self._kept.clear()

    @staticmethod
    def _make(work: Work) -> Analysis:
        from server import imaging

        return imaging.analyse(
            work.sent, work.predictor, icc=work.icc, progress=work.progress, cancelled=work.cancelled
        )

    def _fit(self) -> None:
        """Those used longest ago go, and those of pictures that have ended."""
        self._kept = OrderedDict((key, kept) for key, kept in self._kept.items() if kept)
        while len(self._kept) > 1 and sum(kept[NAME][1].nbytes for kept in self._kept.values()) > self._most:
            _, oldest = self._kept.popitem(last=False)
            oldest.clear()


ANALYSES = _Analyses(MOST)


def analyse(work: Work) -> dict[str, Any]:
    """Find out about the picture; returns ANALYSED's fields."""
    from server.imaging.analysis import describe

    analysis = ANALYSES.of(work)
    return {
        "faces": [describe(face, True) for face in analysis.faces],
        "ms": _rounded(analysis.ms),
        "notes": [*analysis.notes, *work.predictor.notes],
    }


def preview(work: Work) -> dict[str, Any]:
    """Show a rectangle of the picture as `render` would make it; returns PREVIEW's fields."""
    from server import imaging

    start = time.perf_counter()
    height, width = work.sent.shape[:2]
    rect, (columns, rows), plane = _view(work.fields, width, height)
    analysis = ANALYSES.of(work)
    shown = imaging.preview(
        work.sent,
        analysis,
        work.settings,
        rect,
        columns,
        rows,
        selection=work.selection,
        plane=plane,
        cancelled=work.cancelled,
    )
    work.preview[: shown.nbytes] = np.ascontiguousarray(shown).data.cast("B")
    ms = {"total": (time.perf_counter() - start) * 1e3}
    told = {"serial": _serial(work.fields), "width": columns, "height": rows, "plane": plane}
    return {"bytes": shown.nbytes, **told, "ms": _rounded(ms)}


def render(work: Work) -> dict[str, Any]:
    """Make the result, or one of its layers, at full size; returns RESULT's fields."""
    name, serial = work.fields.get("layer", ""), _serial(work.fields)
    analysis = ANALYSES.of(work)
    told = _layer(work, analysis, name) if name else rendered(work, _rendered(work, analysis))
    return {**told, "serial": serial}


def _rendered(work: Work, analysis: Analysis) -> Result:
    from server import imaging

    return imaging.render(
        work.fresh(),
        analysis,
        work.settings,
        selection=work.selection,
        progress=work.progress,
        cancelled=work.cancelled,
    )


def _layer(work: Work, analysis: Analysis, name: object) -> dict[str, Any]:
    """One layer's content in place of the picture's samples; the mask is the whole result's."""
    from server.imaging.layers import LAYERS as KNOWN
    from server.imaging.layers import opacity

    if not isinstance(name, str) or name not in KNOWN:
        raise Problem("bad-setting", f"There is no layer {name!r:.20}; there is: {', '.join(KNOWN)}.")
    told = rendered(work, _rendered(work, analysis))
    found: Layer | None = next((layer for layer in _layers(work, analysis) if layer.name == name), None)
    told |= {"layer": name, "opacity": opacity(name, work.settings), "box": None}
    if found is not None:
        box = found.box
        place = work.fresh()[box.y : box.y + box.height, box.x : box.x + box.width]
        place[..., : found.pixels.shape[2]] = found.pixels
        told["box"] = vars(box)
    return told


def _layers(work: Work, analysis: Analysis) -> list[Layer]:
    """All layers, kept until the picture is rendered with other settings: each asks for the ones below it."""
    from server import imaging

    settings, found = work.kept.get(LAYERS, (None, None))
    if settings != work.settings or found is None:
        found = list(
            imaging.layers(
                work.sent, analysis, work.settings, selection=work.selection, cancelled=work.cancelled
            )
        )
        work.kept[LAYERS] = work.settings, found
    return list(found)


def _view(fields: dict[str, Any], width: int, height: int) -> tuple[Box, tuple[int, int], str]:
    """Return the rectangle, the preview's size and its plane. Raises `Problem` ``bad-request``."""
    rect, plane = fields.get("rect"), fields.get("plane", "pixels")
    size = (fields.get("width"), fields.get("height"))
    if plane not in ("pixels", "own", "mask"):
        raise Problem("bad-request", "A preview's plane is pixels, own or mask.")
    columns, rows = (value if isinstance(value, int) and not isinstance(value, bool) else 0 for value in size)
    if columns < 1 or rows < 1 or columns * rows * 3 > MAX_PREVIEW_BYTES:
        raise Problem(
            "bad-request", f"A preview has at least one pixel, and at most {MAX_PREVIEW_BYTES // 3} of them."
        )
    try:
        box = Box(0, 0, width, height) if rect is None else Box(**rect)
    except TypeError:
        raise Problem("bad-request", "rect has missing or unknown fields.") from None
    if box.x + box.width > width or box.y + box.height > height:
        raise Problem("bad-request", "The rectangle reaches over the picture's edge.")
    return box, (columns, rows), plane


def _serial(fields: dict[str, Any]) -> int:
    """Return the number by which the client knows the answer. Raises `Problem` ``bad-request``."""
    serial = fields.get("serial", 0)
    if not isinstance(serial, int) or isinstance(serial, bool) or abs(serial) >= 1 << 53:
        raise Problem("bad-request", "A serial is a whole number.")
    return serial


def _rounded(ms: dict[str, float]) -> dict[str, float]:
    return {stage: round(value, 1) for stage, value in ms.items()}
