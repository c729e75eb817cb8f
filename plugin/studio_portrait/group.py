"""The result as a group: one layer for each part, whose opacity is its slider.

The server sends each part ready for the mode Grain Merge: what it adds, around the middle of the range, in
the samples' own space. (GIMP's legacy mode would clip each part by itself.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from gi.repository import Babl, Gegl, Gimp
from link.retouching import LAYERS
from link.wire import Box, Problem
from masks import Strips
from pixels import Layout, check_open, write_rows
from translation import _

STRIP_ROWS = 256
_OPAQUE = {  # a sample of alpha 1
    **{kind: b"\xff" * size for kind, size in {"u8": 1, "u16": 2, "u32": 4}.items()},
    **{kind: struct.pack(code, 1.0) for kind, code in {"half": "e", "float": "f", "double": "d"}.items()},
}
NAMES = {"shine": _("Shine"), "light": _("Light"), "colour": _("Colour"), "tone": _("Tone")}


@dataclass
class Part:
    """One part's layer, made when its first rows come; None when that part changes nothing.

    name: of `LAYERS`. mask: the rows of the group's mask that came with it.
    """

    name: str
    source: Gimp.Layer
    how: Layout
    layer: Gimp.Layer | None = None
    mask: Strips = field(default_factory=list)

    def write(self, plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        """Take rows of the part's box."""
        box = Box(**result["box"])
        if plane == "mask":
            self.mask.append((row, rows, bytes(data)))
            return
        check_open(self.source)
        if self.layer is None:
            image, normal = self.source.get_image(), Gimp.LayerMode.NORMAL
            kind = self.source.type()
            self.layer = Gimp.Layer.new(image, NAMES[self.name], box.width, box.height, kind, 100.0, normal)
        place = (0, row, box.width, rows)
        write_rows(self.layer, place, self.how.babl, self.how.pixel_bytes, bytes(data))

    def drop(self) -> None:
        """Forget a layer that was not used."""
        if self.layer is not None and self.layer.is_valid() and self.layer.get_image() is not None:
            self.layer.delete()


def parts(source: Gimp.Layer, how: Layout) -> list[Part]:
    """Make all parts, from below to above. Raises `Problem` for a layer with effects: parts have none."""
    if has_effects(source):
        raise Problem(
            "bad-setting",
            "The layer has effects, which the layers of a group would not show.",
            "Merge the effects into the layer, or choose another output.",
        )
    return [Part(name, source, how) for name in LAYERS]


def has_effects(layer: Gimp.Layer) -> bool:
    """Whether filters change what the layer shows, of which its samples know nothing."""
    return any(effect.get_visible() for effect in layer.get_filters())


def set_mode(image: Gimp.Image, layer: Gimp.Layer) -> None:
    """Give a layer of differences the mode that adds them."""
    layer.set_mode(Gimp.LayerMode.GRAIN_MERGE)
    layer.set_blend_space(space_of(image))
    blend_in_samples(image, layer)


def blend_in_samples(image: Gimp.Image, layer: Gimp.Layer) -> None:
    """Let opacity and mask count in the samples' own encoding, as at the server, and not in linear light."""
    layer.set_composite_space(space_of(image))


def blend_encoded(image: Gimp.Image, layer: Gimp.Layer) -> None:
    """Let a result's mask count where the server lets it: in samples with a tone curve."""
    space = space_of(image)
    linear = space == Gimp.LayerColorSpace.RGB_LINEAR
    layer.set_composite_space(Gimp.LayerColorSpace.RGB_PERCEPTUAL if linear else space)


def space_of(image: Gimp.Image) -> Gimp.LayerColorSpace:
    """Tell the encoding of the image's samples."""
    nick, spaces = str(image.get_precision().value_nick), Gimp.LayerColorSpace
    if nick.endswith("non-linear"):
        return spaces.RGB_NON_LINEAR
    return spaces.RGB_PERCEPTUAL if nick.endswith("perceptual") else spaces.RGB_LINEAR


def without_alpha(layer: Gimp.Layer) -> None:
    """Make the layer opaque, whatever its colours were hidden by.

    Its samples are written anew: GIMP's own procedures heed the selection, locks and switched-off channels.
    """
    if not layer.has_alpha():
        return
    own, width, height = layer.get_format(), layer.get_width(), layer.get_height()
    native, opaque = Babl.get_name(own), _OPAQUE[Babl.format_get_encoding(own).partition(" ")[2]]
    pixel = layer.get_bpp()
    for row in range(0, height, STRIP_ROWS):
        part = Gegl.Rectangle.new(0, row, width, min(STRIP_ROWS, height - row))
        buffer = layer.get_buffer()  # one that is kept keeps all of the layer
        samples = bytearray(buffer.get(part, 1.0, native, Gegl.AbyssPolicy.NONE))
        for place, byte in enumerate(opaque, start=pixel - len(opaque)):
            samples[place::pixel] = bytes([byte]) * (len(samples) // pixel)
        buffer.set(part, native, bytes(samples))
        buffer.flush()
    layer.update(0, 0, width, height)
