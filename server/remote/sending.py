"""A picture in memory through a session, with the server here or on another machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.transfer import Progress
from plugin.studio_portrait.link.wire import Box, ImageSpec, Settings

_SAMPLES = {"uint8": "u8", "uint16": "u16", "float32": "f32"}


def shape_of(pixels: NDArray[Any]) -> ImageSpec:
    """Return what the wire says of (H, W, C) uint8, uint16 or float32."""
    height, width, channels = pixels.shape
    return ImageSpec(width, height, channels, _SAMPLES[pixels.dtype.name])


def retouch(
    session: Session,
    pixels: NDArray[Any],
    settings: Settings,
    *,
    icc: bytes | None = None,
    reference: NDArray[np.uint8] | None = None,
    mask: NDArray[np.uint8] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Send the picture and write the changed rows into `pixels`, (H, W, C) and writable; RESULT's header.

    reference: (H, W, 3) sRGB. mask: (H, W), written when ``settings.mask`` asks for it. Raises `Problem`.
    """
    height, width, channels = pixels.shape

    def read(plane: str, row: int, rows: int) -> Any:
        return np.ascontiguousarray(pixels[row : row + rows])

    def write(plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        box = Box(**result["box"])
        place = np.s_[box.y + row : box.y + row + rows, box.x : box.x + box.width]
        if plane == "pixels":
            pixels[place] = np.frombuffer(data, pixels.dtype).reshape(rows, box.width, channels)
        elif mask is not None:
            mask[place] = np.frombuffer(data, np.uint8).reshape(rows, box.width)

    def read_reference(plane: str, row: int, rows: int) -> Any:
        assert reference is not None
        return np.ascontiguousarray(reference[row : row + rows])

    return session.retouch(
        shape_of(pixels),
        read,
        write,
        icc=icc,
        reference=None if reference is None else (shape_of(reference), read_reference),
        settings=settings,
        progress=progress,
    )
