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


def reader(pixels: NDArray[Any]) -> Read:
    """Return what gives `Session.retouch` the rows of (H, W, C)."""
    return lambda plane, row, rows: np.ascontiguousarray(pixels[row : row + rows]).data


def writer(pixels: NDArray[Any], mask: NDArray[np.uint8] | None = None) -> Write:
    """Return what puts the rows of a result into (H, W, C) pixels, and into a mask (H, W) if there is one."""

    def write(plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        box = Box(**result["box"])
        target = pixels if plane == "pixels" else mask
        if target is not None:
            place = target[box.y + row : box.y + row + rows, box.x : box.x + box.width]
            place[...] = np.frombuffer(data, target.dtype).reshape(place.shape)

    return write


def retouch(
    session: Session,
    pixels: NDArray[Any],
    settings: Settings,
    *,
    icc: bytes | None = None,
    reference: NDArray[np.uint8] | None = None,
    mask: NDArray[np.uint8] | None = None,
    progress: Progress | None = None,
    series: Any = None,
) -> dict[str, Any]:
    """Send the picture and write the changed rows into `pixels`, (H, W, C) and writable; RESULT's header.

    reference: (H, W, 3) sRGB. series: see `Session.retouch`. mask: (H, W), written when ``settings.mask``
    asks for it. Raises `Problem`.
    """
    return session.retouch(
        shape_of(pixels),
        reader(pixels),
        writer(pixels, mask),
        icc=icc,
        reference=_with_reader(reference),
        settings=settings,
        progress=progress,
        series=series,
    )


def retouch_file(
    session: Session,
    file: bytes,
    size: tuple[int, int],
    settings: Settings,
    *,
    reference: NDArray[np.uint8] | None = None,
    series: Any = None,
) -> tuple[dict[str, Any], bytes]:
    """Send a JPEG's bytes; RESULT's header and the result's bytes, none where there is no face.

    size: width and height as stored. series: see `Session.retouch`. Raises `Problem`.
    """
    parts = list[bytes]()
    view = memoryview(file)
    told = session.retouch(
        ImageSpec(*size, 3, "u8"),
        lambda plane, row, rows: view[row : row + rows],
        lambda plane, row, rows, data, result: parts.append(bytes(data)),
        reference=_with_reader(reference),
        settings=settings,
        file=len(file),
        series=series,
    )
    return told, b"".join(parts)


@dataclass(frozen=True)
class RenderedPicture:
    """header: RESULT's. pixels: (H, W, C), the picture's, in its box the result's. mask: (H, W) uint8."""

    header: dict[str, Any]
    pixels: NDArray[Any]
    mask: NDArray[np.uint8]


class OpenPicture:
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
            reader(pixels),
            icc=icc,
            reference=_with_reader(reference),
            settings=settings,
            progress=progress,
        )
        self.told = self._work.analyse()

    def render(self, settings: Settings, layer: str = "") -> RenderedPicture:
        """Render the result, or one of `retouching.LAYERS`' content, at full size."""
        pixels, mask = self.pixels.copy(), np.zeros(self.pixels.shape[:2], np.uint8)
        return RenderedPicture(self._work.render(settings, writer(pixels, mask), layer), pixels, mask)

    def __enter__(self) -> OpenPicture:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.close()


def _with_reader(reference: NDArray[np.uint8] | None) -> tuple[ImageSpec, Read] | None:
    return None if reference is None else (shape_of(reference), reader(reference))
