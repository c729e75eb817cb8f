"""What the menu item does without its dialog: one layer to the server, the result beside it.

Nothing touches the image before the whole result is here, so there is nothing to take back when the server
fails, the user cancels or closes the image.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import origin
from choices import Choices
from gi.repository import Gegl, Gimp
from layers import Outcome
from link.retouching import Retouching
from link.session import Session
from link.transfer import Photograph
from link.wire import Box, Problem, Settings
from pixels import MASK_FORMAT, Layout, Source, check_open, layout
from progress import Bar
from reference import opened


def retouch(image: Gimp.Image, drawable: Gimp.Drawable, choices: Choices) -> Gimp.Layer:
    """Retouch what `drawable` stands for; returns the new layer or group. Raises `Problem`."""
    found = origin.find(image, drawable)
    how = layout(found.source)
    photograph = photograph_of(image, found.source, how, choices)
    bar = Bar()
    with opened(choices.reference) as portrait, Session.open(progress=bar.show) as session:
        told = {**vars(photograph), "reference": portrait, "settings": choices.settings}
        work = Retouching(session, **told, progress=bar.show, cancelled=lambda: not image.is_valid())
        work.analyse()
        settings = settled(choices, image, found.source, work.faces)
        check_found(settings, work.faces, choices)
        outcome = Outcome(found, how, choices, settings)
        try:
            return _made(image, work, outcome)
        except BaseException:
            outcome.drop()
            raise


def _made(image: Gimp.Image, work: Retouching, outcome: Outcome) -> Gimp.Layer:
    """Fetch all that there is to be, and put it into the image. Raises `Problem`."""
    outcome.results = [work.render(one.settings, one.write, one.layer) for one in outcome.renders]
    work.close()  # told so, the server keeps the picture's memory for the next one, which saves 60 ms
    if outcome.choices.output == "group" and not outcome.changes:
        raise unchanged()  # a group of nothing; a layer of its own is what a script may go on with
    return outcome.insert(image)


def photograph_of(image: Gimp.Image, layer: Gimp.Layer, how: Layout, choices: Choices) -> Photograph:
    """Return what the server is sent, but for the reference portrait. Raises `Problem`."""
    source = Source(layer, how)
    return Photograph(how.image, source.read, how.icc, _selected(image, layer, source, choices))


def _selected(
    image: Gimp.Image, layer: Gimp.Layer, source: Source, choices: Choices
) -> tuple[Box, Any] | None:
    """Return the selection's part over the layer, with its reader; None when it does not limit the effect."""
    if Gimp.Selection.is_empty(image) or not choices.limits:
        return None
    meets, *place = layer.mask_intersect()
    if not meets:
        raise Problem("bad-setting", "The selection lies outside of the layer.", "Move it, or Select > None.")
    box = Box(*place)
    return box, source.selection_reader(box)


def settled(choices: Choices, image: Gimp.Image, layer: Gimp.Layer, faces: list[dict[str, Any]]) -> Settings:
    """Return what the server is told: a selection that only chooses faces becomes their numbers."""
    if choices.settings.faces != "selection":
        return choices.settings
    check_open(layer)
    if Gimp.Selection.is_empty(image):
        raise Problem(
            "bad-setting",
            "The faces in the selection are to be retouched, but nothing is selected.",
            "Select a face, or choose all faces.",
        )
    dx, dy = layer.get_offsets()[1:]
    inside = tuple(n for n, face in enumerate(faces) if _is_selected(image, face["box"], dx, dy))
    return replace(choices.settings, faces=inside)


def _is_selected(image: Gimp.Image, box: dict[str, int], dx: int, dy: int) -> bool:
    """Whether the middle of a face's box (the layer's coordinates) is more in the selection than out."""
    x, y = box["x"] + box["width"] // 2 + dx, box["y"] + box["height"] // 2 + dy
    point = Gegl.Rectangle.new(x, y, 1, 1)
    cover = image.get_selection().get_buffer().get(point, 1.0, MASK_FORMAT, Gegl.AbyssPolicy.NONE)
    return bool(cover and cover[0] >= 128)


def unchanged() -> Problem:
    """Make what is told instead of making a result in which nothing is changed."""
    return Problem(
        "bad-setting",
        "These settings change nothing in this picture.",
        "Raise Strength, Shine or Light; Colour acts only where there clearly is a cast.",
    )


def used(settings: Settings, faces: list[dict[str, Any]]) -> set[int]:
    """Return the numbers of the faces that these settings (of `settled`) retouch."""
    numbers = set(range(len(faces)))
    if isinstance(settings.faces, str):
        return numbers if settings.faces == "all" else numbers & {0}
    return numbers & set(settings.faces)


def check_found(settings: Settings, faces: list[dict[str, Any]], choices: Choices) -> None:
    """Raise `Problem` when there is nothing to retouch."""
    taste = settings.strength and (settings.warmth or settings.brightness)  # which needs no face
    if used(settings, faces) or (not faces and settings.reach == "frame" and taste):
        return
    if faces and choices.settings.faces != "selection":
        raise Problem(
            "no-face",
            "Faces were found, but none of them is ticked.",
            "Tick a face in the picture, or choose all faces.",
        )
    raise Problem(
        "no-face",
        "No face was found in the selection."
        if choices.settings.faces == "selection"
        else "No face was found.",
        "It may be too small, turned away or covered.",
    )
