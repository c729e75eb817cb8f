"""OpenRaster: a picture and its layers in one file, as GIMP and Krita open it (specification 0.0.6).

A ZIP whose first entry, not compressed, is ``mimetype``; ``stack.xml`` names the layers, each one a PNG.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

import cv2
import imagecodecs
import numpy as np

from .picture import Samples

NORMAL: Final = "svg:src-over"
HARD_LIGHT: Final = "svg:hard-light"
THUMBNAIL: Final = 256  # pixels a side at most
_LEVEL = 4  # zlib's, as for PNG files
# What XML cannot say: control characters and half characters, as a file's name may hold them.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Layer:
    """pixels: (H, W, C) uint8 or uint16 sRGB, C 1 to 4 as in `picture.Picture`, with its corner at x, y.

    opacity: 0..1. mode: the blend mode's name in SVG.
    """

    name: str
    pixels: Samples
    x: int = 0
    y: int = 0
    opacity: float = 1.0
    mode: str = NORMAL
    visible: bool = True


def encode(layers: Sequence[Layer], merged: Samples) -> bytes:
    """Make the file. layers: from the top down. merged: how all of them look, as large as the picture."""
    height, width = merged.shape[:2]
    image = ElementTree.Element("image", version="0.0.6", w=str(width), h=str(height))
    stack = ElementTree.SubElement(image, "stack")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
        file.writestr("mimetype", "image/openraster")
        for number, layer in enumerate(layers):
            name = f"data/{number:03d}.png"
            file.writestr(name, _png(layer.pixels))
            ElementTree.SubElement(stack, "layer", _described(layer, name))
        file.writestr("stack.xml", ElementTree.tostring(image, "UTF-8", xml_declaration=True))
        file.writestr("mergedimage.png", _png(merged))
        file.writestr("Thumbnails/thumbnail.png", _png(_small(merged)))
    return stream.getvalue()


def _described(layer: Layer, source: str) -> dict[str, str]:
    """Return a layer's attributes. source: where its PNG lies."""
    return {
        "name": _NO_TEXT.sub("\ufffd", layer.name),
        "src": source,
        "x": str(layer.x),
        "y": str(layer.y),
        "opacity": f"{layer.opacity:.4f}",
        "visibility": "visible" if layer.visible else "hidden",
        "composite-op": layer.mode,
    }


def _png(pixels: Samples) -> bytes:
    stored = np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return bytes(imagecodecs.png_encode(stored, level=_LEVEL))


def _small(pixels: Samples) -> Samples:
    share = min(1.0, THUMBNAIL / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share)))
    eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    return np.asarray(cv2.resize(eight, size, interpolation=cv2.INTER_AREA)).reshape(size[1], size[0], -1)
