"""A picture in memory through a session, with the server here or on another machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.retouching import Retouching
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.transfer import Progress, Read, Write
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
    return session.retouch(
        shape_of(pixels),
        _reader(pixels),
        _writer(pixels, mask),
        icc=icc,
        reference=_with_reader(reference),
        settings=settings,
        progress=progress,
    )


@dataclass(frozen=True)
class Rendered:
    """header: RESULT's. pixels: (H, W, C), the picture's, in its box the result's. mask: (H, W) uint8."""

    header: dict[str, Any]
    pixels: NDArray[Any]
    mask: NDArray[np.uint8]


class Opened:
    """A picture that stays with the server and is rendered as often as one likes. A context manager.

    pixels: (H, W, C), which stay as they are. told: ANALYSED's header. Everything raises `Problem`.
    """

    def __init__(
        self,
        session: Session,
        pixels: NDArray[Any],
        settings: Settings,
        *,
        icc: bytes | None = None,
        reference: NDArray[np.uint8] | None = None,
        progress: Progress | None = None,
    ):
        self.pixels = pixels
        self._work = Retouching(
            session,
            shape_of(pixels),
            _reader(pixels),
            icc=icc,
            reference=_with_reader(reference),
            settings=settings,
            progress=progress,
        )
        self.told = self._work.analyse()

    def render(self, settings: Settings, layer: str = "") -> Rendered:
        """Render the result, or one of `retouching.LAYERS`' content, at full size."""
        pixels, mask = self.pixels.copy(), np.zeros(self.pixels.shape[:2], np.uint8)
        return Rendered(self._work.render(settings, _writer(pixels, mask), layer), pixels, mask)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.close()


def _reader(pixels: NDArray[Any]) -> Read:
    def read(plane: str, row: int, rows: int) -> Any:
        return np.ascontiguousarray(pixels[row : row + rows])

    return read


def _with_reader(reference: NDArray[np.uint8] | None) -> tuple[ImageSpec, Read] | None:
    return None if reference is None else (shape_of(reference), _reader(reference))


def _writer(pixels: NDArray[Any], mask: NDArray[np.uint8] | None) -> Write:
    def write(plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        box = Box(**result["box"])
        place = np.s_[box.y + row : box.y + row + rows, box.x : box.x + box.width]
        if plane == "pixels":
            pixels[place] = np.frombuffer(data, pixels.dtype).reshape(rows, box.width, -1)
        elif mask is not None:
            mask[place] = np.frombuffer(data, np.uint8).reshape(rows, box.width)

    return write
