"""Colour of the samples: what the network needs (sRGB) against what the picture holds.

A picture's samples are encoded as its ICC profile says. Only the 512-pixel proxies
are ever converted; the full-size picture is corrected in its own encoding, so that a
sample whose correction is zero cannot change. Samples in linear light are the one
exception: there the correction is applied through sRGB's tone curve (and undone),
because a difference of encoded values is not a difference of light.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from model.paper.colour import decode_srgb, encode_srgb, luminance

from .errors import BadImage

Float = NDArray[np.float32]

# Below half an 8-bit level a profile is sRGB under another name (GIMP's built-in, v2, v4 ...).
SAME_AS_SRGB = 0.5 / 255
# sRGB's mid grey (0.5) lies at 0.214 in linear light; a linear profile maps 0.214 to 0.5.
LINEAR_MID_GREY = 0.2140


class ColourSpace:
    """Conversion between a picture's working encoding and sRGB.

    The working encoding is the picture's own, except for linear light, whose working
    encoding has sRGB's tone curve (`linear` is then true).

    icc: the profile's bytes, None for sRGB (or, with one channel, sRGB's grey).
    channels: 1 or 3. Raises `BadImage` when the profile is broken or
    belongs to another kind of picture (CMYK, Lab).
    """

    def __init__(self, icc: bytes | None, channels: int):
        self._icc = icc or b""
        self._space = "gray" if channels == 1 else "rgb"
        self._srgb = imagecodecs.cms_profile("srgb")
        self.channels = channels
        self.linear = False
        self.is_srgb = icc is None
        if icc is None:
            return
        steps = np.linspace(0, 1, 5, dtype=np.float32)
        grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), -1).reshape(1, -1, channels)
        grey = np.full((1, 1, channels), LINEAR_MID_GREY, np.float32)
        self.linear = bool(abs(float(self._to_srgb_native(grey).mean()) - 0.5) < 0.03)
        if not self.linear:
            expected = np.broadcast_to(grid, grid.shape[:-1] + (3,))
            self.is_srgb = bool(np.abs(self._to_srgb_native(grid) - expected).max() < SAME_AS_SRGB)

    def to_srgb(self, working: Float) -> Float:
        """(H, W, channels) in the working encoding -> (H, W, 3) sRGB, neither clipped."""
        if self.is_srgb:
            return np.repeat(working, 3, axis=-1) if self.channels == 1 else working
        return self._to_srgb_native(decode_srgb(working) if self.linear else working)

    def from_srgb(self, srgb: Float) -> Float:
        """Return the inverse of `to_srgb`; three channels fold into one by the grey profile's rule."""
        if self.is_srgb:
            # Rec. 709's luma weights, which are luminance's: what a grey sRGB picture means by one channel.
            return luminance(srgb)[..., None] if self.channels == 1 else srgb
        native = self._transform(srgb, self._srgb, self._icc, "rgb", self._space)
        native = native.reshape(srgb.shape[:2] + (self.channels,))
        return encode_srgb(native) if self.linear else native

    def _to_srgb_native(self, native: Float) -> Float:
        flat = native[..., 0] if self.channels == 1 else native
        return self._transform(flat, self._icc, self._srgb, self._space, "rgb")

    @staticmethod
    def _transform(data: Float, source: bytes, target: bytes, space: str, out: str) -> Float:
        try:
            return imagecodecs.cms_transform(
                np.ascontiguousarray(data),
                source,
                target,
                colorspace=space,
                outcolorspace=out,
                outdtype="f4",
            )
        except (imagecodecs.CmsError, ValueError, TypeError, RuntimeError):
            kind = "grey" if space == "gray" or out == "gray" else "RGB"
            raise BadImage(
                f"The picture's colour profile is damaged or not one for {kind} pictures.",
                "Assign another profile (GIMP: Image > Color Management > Assign Color Profile).",
            ) from None
