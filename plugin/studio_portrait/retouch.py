"""What the menu item does: one layer to the server, the result beside it as a new layer.

The new layer is a copy of the old one in which only the result's box is written: outside
of it, it cannot differ. It keeps the old one's opacity, mode and mask, as GIMP's own
Duplicate Layer does. Nothing touches the image before the whole result is here, so there
is nothing to take back when the server fails or the user cancels.
"""

from __future__ import annotations

import json
import time
from typing import Any

from gi.repository import Gimp
from gimpfu import gimp
from link.session import Session
from link.version import VERSION
from link.wire import STAGES, Box, Problem, Settings
from pixels import Layout, Source, Target, layout, write_mask
from reference import opened

PARASITE = "studio-portrait"
_UPDATE_SECONDS = 0.1

# Where each stage begins and ends in the progress bar; the queue can only wait at its start.
_SPANS = {
    "queue": (0.0, 0.0),
    "upload": (0.0, 0.15),
    "load": (0.15, 0.25),
    "faces": (0.25, 0.35),
    "filter": (0.35, 0.4),
    "predict": (0.4, 0.8),
    "reconstruct": (0.8, 0.9),
    "download": (0.9, 1.0),
}


def retouch(image: Gimp.Image, layer: Gimp.Drawable, settings: Settings, reference: str = "") -> Gimp.Layer:
    """Retouches `layer`; returns the new layer right above it. reference: path of a portrait to match.

    Raises `Problem`.
    """
    check_layer(image, layer)
    how = layout(layer)
    source = Source(layer, how)
    selection = _selection(image, layer, source, settings)
    bar = _Bar()
    with opened(reference) as portrait, Session.open(progress=bar.show) as session:
        copy = _unlocked_copy(layer)
        try:
            job = _Job(copy, how)
            result = session.retouch(
                how.image,
                source.read,
                job.write,
                icc=how.icc,
                selection=selection,
                reference=portrait,
                settings=settings,
                progress=bar.show,
            )
            _check_found(result, settings)
        except BaseException:
            copy.delete()
            raise
    _insert(image, layer, copy, job, result, settings)
    return copy


def check_layer(image: Gimp.Image, layer: Gimp.Drawable) -> None:
    """Raises `Problem` for what is not an ordinary layer of pixels."""
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Problem(
            "bad-image", "The image has indexed colours.", "Choose Image > Mode > RGB, then try again."
        )
    if isinstance(layer, (Gimp.LayerMask, Gimp.Channel)):
        raise Problem(
            "bad-image",
            "A mask or channel is selected, not a layer.",
            "Click the layer's picture in the Layers dialog, then try again.",
        )
    name = layer.get_name()
    if isinstance(layer, Gimp.GroupLayer):
        raise Problem(
            "bad-image",
            f"“{name}” is a group of layers.",
            "Select a layer in it, or make one of the group (Layer > Merge Layer Group).",
        )
    if layer.is_floating_sel():
        raise Problem(
            "bad-image", "There is a floating selection.", "Anchor it or make it a layer, then try again."
        )
    if type(layer) is not Gimp.Layer:
        raise Problem(
            "bad-image",
            f"“{name}” is a text, link or vector layer, which GIMP draws itself.",
            "In the Layer menu choose Rasterize or Discard Text Information, then try again.",
        )
    parent = layer.get_parent()
    while parent is not None:
        if parent.get_lock_content():
            raise Problem(
                "bad-image", f"The group “{parent.get_name()}” is locked.", "Unlock it, then try again."
            )
        parent = parent.get_parent()


def _unlocked_copy(layer: Gimp.Layer) -> Gimp.Layer:
    """A copy that may be written to; GIMP ends a plug-in that writes to a locked layer."""
    copy = layer.copy()
    copy.set_lock_content(False)
    copy.set_lock_position(False)
    copy.set_lock_visibility(False)
    return copy


def _selection(
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


class _Job:
    """Takes the result's rows: pixels go into the copy, the mask waits for the copy to be in the image."""

    def __init__(self, copy: Gimp.Layer, how: Layout):
        self.target = Target(copy, how)
        self.mask: list[tuple[int, int, bytes]] = []

    def write(self, plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        raw = bytes(data)
        if plane == "mask":
            self.mask.append((row, rows, raw))
        else:
            self.target.write(Box(**result["box"]), row, rows, raw)


def _check_found(result: dict[str, Any], settings: Settings) -> None:
    """Raises `Problem` when there was nothing to retouch."""
    if any(face["used"] for face in result["faces"]):
        return
    where = " in the selection" if settings.faces == "selection" else ""
    raise Problem(
        "no-face",
        f"No face was found{where}.",
        "It may be too small, turned away or covered.",
    )


def _insert(
    image: Gimp.Image,
    layer: Gimp.Layer,
    copy: Gimp.Layer,
    job: _Job,
    result: dict[str, Any],
    settings: Settings,
) -> None:
    """Puts the finished copy right above its original, as one undo step."""
    image.undo_group_start()
    try:
        copy.set_name(f"{layer.get_name()} - studio portrait")
        copy.set_visible(True)
        image.insert_layer(copy, layer.get_parent(), image.get_item_position(layer))
        copy.set_offsets(*layer.get_offsets()[1:])
        if settings.mask:
            _set_mask(copy, job, result)
        note = json.dumps(_account(result, settings)).encode()
        copy.attach_parasite(Gimp.Parasite.new(PARASITE, Gimp.PARASITE_PERSISTENT, note))
        image.set_selected_layers([copy])
    except BaseException:
        if copy.is_valid() and image.get_item_position(copy) >= 0:
            image.remove_layer(copy)
        raise
    finally:
        image.undo_group_end()


def _set_mask(copy: Gimp.Layer, job: _Job, result: dict[str, Any]) -> None:
    """Gives the copy the result's mask; where the original had one, both limit it."""
    earlier = copy.get_mask()
    own = earlier.copy() if earlier is not None and copy.get_apply_mask() else None
    if earlier is not None:
        copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
    mask = copy.create_mask(Gimp.AddMaskType.BLACK)
    copy.add_mask(mask)
    for row, rows, data in job.mask:
        write_mask(mask, Box(**result["box"]), row, rows, data)
    if own is not None:
        mask.combine_masks(own, Gimp.ChannelOps.INTERSECT, 0, 0)
        own.delete()
    mask.update(0, 0, mask.get_width(), mask.get_height())


def _account(result: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What the parasite on the new layer says: enough to make the same layer again."""
    told = {
        name: result.get(name) for name in ("engine", "device", "network", "weights", "faces", "box", "ms")
    }
    return {"version": VERSION, "settings": settings.as_dict(), **told}


class _Bar:
    """GIMP's progress bar: the stage's sentence, and the share of the whole."""

    def __init__(self) -> None:
        self._stage = ""
        self._shown = 0.0

    def show(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        if stage != self._stage:
            gimp.progress_init(STAGES.get(stage, stage))
            self._stage = stage
        elif now - self._shown < _UPDATE_SECONDS:
            return
        self._shown = now
        begin, end = _SPANS.get(stage, (0.0, 1.0))
        gimp.progress_update(begin + (end - begin) * fraction)
