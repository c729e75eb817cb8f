"""What the menu item does without its dialog: one layer to the server, the result beside it.

Nothing touches the image before the whole result is here, so there is nothing to take back when the server
fails, the user cancels or closes the image.
"""

from __future__ import annotations

from typing import Any

import layers
import origin
from gi.repository import Gimp
from layers import Parts
from link.session import Session
from link.wire import Box, Problem, Settings
from pixels import Source, layout
from progress import Bar
from reference import opened


def retouch(
    image: Gimp.Image, drawable: Gimp.Drawable, settings: Settings, reference: str = ""
) -> Gimp.Layer:
    """Retouch what `drawable` stands for; returns the new layer. reference: path of a portrait to match.

    Raises `Problem`.
    """
    found = origin.find(image, drawable)
    how = layout(found.source)
    source = Source(found.source, how)
    selection = selected(image, found.source, source, settings)
    bar = Bar()
    with opened(reference) as portrait, Session.open(progress=bar.show) as session:
        parts = Parts.of(found.source, how)
        try:
            result = session.retouch(
                how.image,
                source.read,
                parts.write,
                icc=how.icc,
                selection=selection,
                reference=portrait,
                settings=settings,
                progress=bar.show,
                cancelled=lambda: not image.is_valid(),
            )
            check_found(result, settings)
            return layers.insert(image, found, parts, result, settings)
        except BaseException:
            parts.drop()
            raise


def selected(
    image: Gimp.Image, layer: Gimp.Layer, source: Source, settings: Settings
) -> tuple[Box, Any] | None:
    """The selection's part over the layer, with its reader; None when nothing is selected."""
    if Gimp.Selection.is_empty(image):
        if settings.faces == "selection":
            raise Problem(
                "bad-setting",
                "The faces in the selection are to be retouched, but nothing is selected.",
                "Select a face, or choose all faces.",
            )
        return None
    meets, x, y, width, height = layer.mask_intersect()
    if not meets:
        raise Problem("bad-setting", "The selection lies outside of the layer.", "Move it, or Select > None.")
    box = Box(x, y, width, height)
    return box, source.selection_reader(box)


def check_found(result: dict[str, Any], settings: Settings) -> None:
    """Raise `Problem` when there was nothing to retouch."""
    if any(face["used"] for face in result["faces"]):
        return
    where = " in the selection" if settings.faces == "selection" else ""
    raise Problem("no-face", f"No face was found{where}.", "It may be too small, turned away or covered.")
