"""The whole way from a flash photograph to a studio portrait, as one plain function.

`analyse` finds out about the picture, `render` makes the result of it by the settings, `retouch` does both.
No socket, no file and no GIMP here: the worker, the batch, the tests and the benchmarks all call these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.sliders import SLIDERS
from plugin.studio_portrait.link.wire import Box, Settings

from .analysis import Analysis, Predictor, analyse, describe
from .blend import Reconstruction
from .corrections import make_corrections
from .crop import whole_grid
from .errors import BadSetting
from .faces import Face
from .lift import Grid
from .reach import Selection, affected
from .run import Progress, Run, never, silent

UNCHANGED = "These settings change nothing in this picture."


@dataclass(frozen=True)
class Result:
    """box: the only part of the picture that may have changed, None for nothing.

    faces: one dictionary per face as in PROTOCOL.md. ms: milliseconds by stage.
    notes: sentences for the user. mask: (box height, box width) uint8, only if asked for.
    """

    box: Box | None
    faces: tuple[dict[str, Any], ...]
    ms: dict[str, float]
    notes: tuple[str, ...] = ()
    mask: NDArray[np.uint8] | None = None


def retouch(
    pixels: NDArray[Any],
    settings: Settings,
    predictor: Predictor,
    *,
    icc: bytes | None = None,
    selection: Selection | None = None,
    colours: Sequence[Sequence[float] | None] = (),
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> Result:
    """Retouch `pixels` IN PLACE: (H, W, C) uint8, uint16 or float32; grey or RGB, with or without alpha.

    Samples are encoded as `icc` says (None: sRGB). Only samples with a correction are changed; alpha never
    is. colours: by face, (3,) log-gains that were decided for a series. Raises `BadImage` (not-a-number
    samples, a broken profile), `BadSetting`, `Cancelled`, and what the predictor raises; the pixels are then
    undefined.
    """
    check_settings(settings, selection)
    analysis = analyse(
        pixels,
        predictor,
        icc=icc,
        choose=lambda faces: [] if settings.does_nothing else chosen(faces, settings, selection),
        progress=progress,
        cancelled=cancelled,
    )
    for index, colour in enumerate(colours):
        if colour is not None:  # for the slider as it stands at first
            analysis.tints[index] = np.asarray(colour, np.float32) / np.float32(SLIDERS["colour"].default)
    return render(
        pixels,
        analysis,
        settings,
        selection=selection,
        progress=progress,
        cancelled=cancelled,
        ms=analysis.ms,
    )


def render(
    pixels: NDArray[Any],
    analysis: Analysis,
    settings: Settings,
    *,
    selection: Selection | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
    ms: dict[str, float] | None = None,
) -> Result:
    """Retouch the analysed picture's `pixels` IN PLACE; see `retouch`. ms: of what was done before."""
    check_settings(settings, selection)
    run = Run(progress, cancelled, dict(ms or {}))
    run.start -= run.ms.pop("total", 0.0) / 1e3
    used = chosen(analysis.faces, settings, selection)
    described = tuple(describe(face, index in used) for index, face in enumerate(analysis.faces))
    corrections = [] if settings.does_nothing else make_corrections(pixels, analysis, settings, used, run)
    if not any(correction.changes for correction in corrections):
        notes = (*analysis.notes, UNCHANGED) if used else analysis.notes
        return Result(None, described, run.finish(), notes)
    if not settings.limit:
        selection = None
    with run.stage("reconstruct"):
        box = affected(corrections, *analysis.size[::-1], selection)
        mask = None
        if box is not None:
            work = Reconstruction(
                pixels,
                analysis.space.channels,
                analysis.space.linear,
                corrections,
                box,
                selection,
                left_alone(analysis, used),
                settings.mask,
            )
            work.run(cancelled, lambda share: progress("reconstruct", share))
            mask = work.mask
    run.check()
    return Result(box, described, run.finish(), analysis.notes, mask)


def chosen(faces: Sequence[Face], settings: Settings, selection: Selection | None) -> list[int]:
    """Return the indices of the faces that the settings ask for."""
    every = range(len(faces))
    if isinstance(settings.faces, tuple):
        return [index for index in settings.faces if index < len(faces)]
    if settings.faces == "largest":
        return list(every[:1])
    if settings.faces == "selection" and selection is not None:
        return [index for index in every if selection.holds(*faces[index].centre)]
    return list(every)


def left_alone(analysis: Analysis, used: Sequence[int]) -> list[Grid]:
    """Return the squares of the faces that stay as they are."""
    return [whole_grid(face.square) for index, face in enumerate(analysis.faces) if index not in used]


def check_settings(settings: Settings, selection: Selection | None) -> None:
    """Raise `BadSetting` when the settings need a selection that is not there."""
    if settings.faces == "selection" and selection is None:
        raise BadSetting(
            "Faces in the selection were asked for, but nothing is selected.",
            "Select a face, or choose all faces.",
        )
