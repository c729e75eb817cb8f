"""Which picture is meant: a layer itself, or the one from which a result of ours was made.

A result (a layer or a group of ours, known by its parasite) is never retouched again: the filter run on
it works from the picture below and replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gi.repository import Gimp
from link.wire import Problem

PARASITE = "studio-portrait"


@dataclass(frozen=True)
class Origin:
    """The layer to retouch, and the earlier result to replace, with what its parasite says."""

    source: Gimp.Layer
    made: Gimp.Layer | None = None
    record: dict[str, Any] = field(default_factory=dict)


def find(image: Gimp.Image, drawable: Gimp.Drawable) -> Origin:
    """Find what to retouch when `drawable` is selected; a mask stands for its layer. Raises `Problem`."""
    layer = Gimp.Layer.from_mask(drawable) if isinstance(drawable, Gimp.LayerMask) else drawable
    made = _made(layer)
    if made is None:
        check_layer(image, layer)
        return Origin(layer)
    record = record_of(made)
    source = _source(image, made, record)
    if source is None:
        raise Problem(
            "bad-image",
            f"The picture from which “{made.get_name()}” was made is gone.",
            "Select the layer that is to be retouched.",
        )
    check_layer(image, source)
    return Origin(source, made, record)


def attach(layer: Gimp.Layer, record: dict[str, Any]) -> None:
    """Write down how `layer` was made; without the flag for undo GIMP could take no step back."""
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(PARASITE, flags, json.dumps(record).encode()))


def record_of(layer: Gimp.Item) -> dict[str, Any]:
    """Return what the parasite says; empty for none, or one that is damaged."""
    parasite = layer.get_parasite(PARASITE)
    if parasite is None:
        return {}
    try:
        record = json.loads(bytes(parasite.get_data()))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def results_of(image: Gimp.Image, source: Gimp.Layer) -> Iterator[Gimp.Layer]:
    """All results of ours in the image that were made from `source`."""
    tattoo = source.get_tattoo()
    for layer in _all(image.get_layers()):
        if layer.get_parasite(PARASITE) is not None and record_of(layer).get("source") == tattoo:
            yield layer


def is_there(image: Gimp.Image, layer: Gimp.Layer) -> bool:
    """Whether the layer is in the image now; the user may have closed, undone or deleted it meanwhile."""
    return image.is_valid() and layer.is_valid() and layer in list(_all(image.get_layers()))


def _all(layers: list[Gimp.Layer]) -> Iterator[Gimp.Layer]:
    for layer in layers:
        yield layer
        if isinstance(layer, Gimp.GroupLayer):
            yield from _all(layer.get_children())


def _made(item: Gimp.Item | None) -> Gimp.Layer | None:
    """Return the result of ours that is or holds `item`."""
    while item is not None:
        if not isinstance(item, Gimp.Channel) and item.get_parasite(PARASITE) is not None:
            return item
        item = item.get_parent()
    return None


def _source(image: Gimp.Image, made: Gimp.Layer, record: dict[str, Any]) -> Gimp.Layer | None:
    """Return the layer with the noted tattoo; without one, the next below that is no result of ours."""
    tattoo = record.get("source")
    if isinstance(tattoo, int) and 0 < tattoo < 2**32:
        found = image.get_layer_by_tattoo(tattoo)
        if found is not None and _made(found) is None:
            return found
    parent = made.get_parent()
    siblings = parent.get_children() if parent else image.get_layers()
    below = siblings[image.get_item_position(made) + 1 :]
    return next((layer for layer in below if _made(layer) is None), None)


def check_layer(image: Gimp.Image, layer: Gimp.Drawable) -> None:
    """Raise `Problem` for what is not an ordinary layer of pixels."""
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Problem(
            "bad-image", "The image has indexed colours.", "Choose Image > Mode > RGB, then try again."
        )
    if isinstance(layer, Gimp.Channel):
        raise Problem(
            "bad-image",
            "A channel is selected, not a layer.",
            "Click the layer in the Layers dialog, then try again.",
        )
    if layer.is_floating_sel():
        raise Problem(
            "bad-image", "There is a floating selection.", "Anchor it or make it a layer, then try again."
        )
    _check_kind(layer)
    _check_groups(layer.get_parent())


def _check_kind(layer: Gimp.Layer) -> None:
    name = layer.get_name()
    if isinstance(layer, Gimp.GroupLayer):
        raise Problem(
            "bad-image",
            f"“{name}” is a group of layers.",
            "Select a layer in it, or make one of the group (Layer > Merge Layer Group).",
        )
    if type(layer) is not Gimp.Layer:
        raise Problem(
            "bad-image",
            f"“{name}” is a text, link or vector layer, which GIMP draws itself.",
            "In the Layer menu choose Rasterize or Discard Text Information, then try again.",
        )


def _check_groups(parent: Gimp.GroupLayer | None) -> None:
    """Raise `Problem` where a group above is locked."""
    while parent is not None:
        if parent.get_lock_content():
            raise Problem(
                "bad-image", f"The group “{parent.get_name()}” is locked.", "Unlock it, then try again."
            )
        parent = parent.get_parent()
