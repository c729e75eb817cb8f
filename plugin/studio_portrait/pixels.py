"""A layer's samples as the server wants them, and back, without any conversion that loses.

What is sent are the layer's own samples (half floats widened to 32 bit, which is exact)
with the ICC profile that describes just these, so nothing is converted on the way, and a
sample that the server leaves alone comes back bit for bit. Only integers of 32 bit and
doubles do not fit into the wire's 32-bit floats: their unchanged samples are put back
from the original.
"""

from __future__ import annotations

from dataclasses import dataclass

from gi.repository import Babl, Gegl, Gimp
from link.wire import Box, ImageSpec, Problem

# Babl's colour models, as GIMP uses them, and their channels. A name from outside this
# table never reaches Babl: it ends the process at an unknown one.
_CHANNELS = {
    f"{model}{alpha}": channels + bool(alpha)
    for model, channels in {"RGB": 3, "R'G'B'": 3, "R~G~B~": 3, "Y": 1, "Y'": 1, "Y~": 1}.items()
    for alpha in ("", "A")
}
_SAMPLES = {"u8": "u8", "u16": "u16", "half": "f32", "float": "f32", "u32": "f32", "double": "f32"}
_BABL_TYPES = {"u8": "u8", "u16": "u16", "f32": "float"}
_WIDER = {"u32": 4, "double": 8}  # sample types that the wire cannot carry exactly, and their bytes
Place = tuple[int, int, int, int]  # x, y, width, height
ICC_HEADER = 128  # bytes of an ICC profile's header
MASK_FORMAT = "Y u8"  # of selections and layer masks: coverage, not light, so linear


@dataclass(frozen=True)
class Layout:
    """How a layer is sent: image as the wire describes it, Babl's name for that, the profile.

    icc: None stands for sRGB. native: Babl's name for the layer's own format; native_bytes: of
    its pixel where the wire's is narrower, otherwise 0. shown: the profile of a preview in the
    picture's own colours; None where it comes in sRGB.
    """

    image: ImageSpec
    babl: str
    icc: bytes | None
    native: str
    native_bytes: int = 0
    shown: Gimp.ColorProfile | None = None

    @property
    def pixel_bytes(self) -> int:
        """Return the bytes of a pixel as it is sent."""
        return self.image.row_bytes // self.image.width


def layout(layer: Gimp.Layer) -> Layout:
    """Return the layout of `layer`. Raises `Problem` for a format or size that cannot be sent."""
    own = layer.get_format()
    model, _, sample = Babl.format_get_encoding(own).partition(" ")
    if model not in _CHANNELS or sample not in _SAMPLES:
        raise Problem("bad-image", f"Layers of the format {model} {sample} are not supported.")
    wire_sample = _SAMPLES[sample]
    channels = _CHANNELS[model]
    image = ImageSpec(layer.get_width(), layer.get_height(), channels, wire_sample)
    babl = Babl.get_name(Babl.format_with_space(f"{model} {_BABL_TYPES[wire_sample]}", own))
    icc = _profile(layer.get_image(), model)
    shown = None if icc is None or model.startswith("Y") else _shown(layer.get_image(), model)
    return Layout(image, babl, icc, Babl.get_name(own), channels * _WIDER.get(sample, 0), shown)


def _profile(image: Gimp.Image, model: str) -> bytes | None:
    """Return the ICC profile of samples in `model` (``RGB`` linear, ``R~G~B~`` with sRGB's curve,
    ``R'G'B'`` with the profile's own); None when that is sRGB, colour or grey."""
    profile = image.get_effective_color_profile()
    if "'" not in model:
        curve = "srgb_trc" if "~" in model else "linear"
        profile = getattr(profile, f"new_{curve}_from_color_profile")()
    if profile is None:
        raise Problem(
            "bad-image",
            "The image's colour profile does not fit its precision.",
            "Convert the image to sRGB (Image > Color Management) or choose Perceptual gamma in"
            " Image > Precision, then try again.",
        )
    grey = model.startswith("Y")
    standard = Gimp.ColorProfile.new_d65_gray_srgb_trc() if grey else Gimp.ColorProfile.new_rgb_srgb()
    return None if profile.is_equal(standard) else bytes(profile.get_icc_profile())


def _shown(image: Gimp.Image, model: str) -> Gimp.ColorProfile | None:
    """Return the profile of its colours with 8 bits: with sRGB's curve where the samples are linear light."""
    profile = image.get_effective_color_profile()
    curved = "'" in model and not profile.is_linear()
    return profile if curved else profile.new_srgb_trc_from_color_profile()


class Source:
    """The rows of a layer, and of the selection over it.

    Each call opens the buffer anew: a buffer keeps every tile that went through it in this
    process, which would add up to a copy of the layer.
    """

    def __init__(self, layer: Gimp.Layer, how: Layout):
        self._layer = layer
        self._how = how
        self._selection = layer.get_image().get_selection()
        self._offsets = layer.get_offsets()[1:]

    def read(self, plane: str, row: int, rows: int) -> bytes:
        """Rows of the layer, as `Layout.image` says. Raises `Problem`."""
        width = self._how.image.width
        return _get(self._layer, 0, row, width, rows, self._how.babl, rows * self._how.image.row_bytes)

    def selection_reader(self, box: Box):  # type: ignore[no-untyped-def]
        """Make a reader of the selection's rows over `box` (the layer's coordinates)."""
        dx, dy = self._offsets

        def read(plane: str, row: int, rows: int) -> bytes:
            x, y = box.x + dx, box.y + dy + row
            return _get(self._selection, x, y, box.width, rows, MASK_FORMAT, rows * box.width)

        return read


class Target:
    """Where the result's rows go: a copy of the layer, of which only the box is written."""

    def __init__(self, layer: Gimp.Layer, how: Layout):
        self._layer = layer
        self._how = how

    def write(self, box: Box, row: int, rows: int, data: bytes) -> None:
        """Rows of the result's `box`, counted from its top. Raises `Problem`."""
        place = (box.x, box.y + row, box.width, rows)
        if self._how.native_bytes:
            self._write_wider(place, data)
        else:
            write_rows(self._layer, place, self._how.babl, self._how.pixel_bytes, data)

    def _write_wider(self, place: Place, data: bytes) -> None:
        """Write where the layer holds more than the wire: only pixels that changed lose by it."""
        how, pixel = self._how, self._how.pixel_bytes
        check_rows(place, pixel, data)
        check_open(self._layer)
        buffer, rectangle = self._layer.get_buffer(), Gegl.Rectangle.new(*place)
        sent, before = (
            buffer.get(rectangle, 1.0, babl, Gegl.AbyssPolicy.NONE) for babl in (how.babl, how.native)
        )
        if sent == data:
            return
        buffer.set(rectangle, how.babl, data)
        after = buffer.get(rectangle, 1.0, how.native, Gegl.AbyssPolicy.NONE)
        kept = keep_unchanged(sent, data, pixel, before, after, how.native_bytes)
        buffer.set(rectangle, how.native, kept)
        buffer.flush()


def write_rows(drawable: Gimp.Drawable, place: Place, babl: str, pixel: int, data: bytes) -> None:
    """Write rows of pixels at x, y, width, height. Raises `Problem`."""
    check_rows(place, pixel, data)
    check_open(drawable)
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(*place), babl, data)
    buffer.flush()


def check_rows(place: Place, pixel: int, data: bytes) -> None:
    """Raise `Problem` for rows of another length, at which GEGL itself would only print a warning."""
    if len(data) != place[2] * place[3] * pixel:
        raise Problem("internal", "The result's rows have the wrong length.")


def keep_unchanged(
    sent: bytes, received: bytes, pixel: int, before: bytes, after: bytes, native_pixel: int
) -> bytes:
    """`after`, with the pixels of `before` wherever `received` is what was `sent`.

    `pixel` and `native_pixel` are the bytes of one pixel in the first and second pair.
    """
    kept = bytearray(after)
    starts = range(0, len(sent), pixel)
    for index, start in enumerate(starts):
        if sent[start : start + pixel] == received[start : start + pixel]:
            place = slice(index * native_pixel, (index + 1) * native_pixel)
            kept[place] = before[place]
    return bytes(kept)


def check_open(drawable: Gimp.Drawable) -> None:
    """Raise `Problem` ``cancelled`` when the user has closed the image meanwhile."""
    if not drawable.is_valid():
        raise Problem("cancelled", "The image was closed while it was retouched.")


def check_same(layer: Gimp.Layer, how: Layout) -> None:
    """Raise `Problem` when the layer is gone, or has another size, format or profile than was sent."""
    check_open(layer)
    now, sent = (
        # A profile that is made from another has the time of its making in its header.
        (one.image, one.babl, one.native, one.icc and one.icc[ICC_HEADER:])
        for one in (layout(layer), how)
    )
    if now != sent:
        raise Problem(
            "bad-image", "The layer was scaled, cropped or converted meanwhile.", "Run the filter again."
        )


def _get(drawable: Gimp.Drawable, x: int, y: int, width: int, rows: int, babl: str, nbytes: int) -> bytes:
    check_open(drawable)
    rectangle = Gegl.Rectangle.new(x, y, width, rows)
    data = drawable.get_buffer().get(rectangle, 1.0, babl, Gegl.AbyssPolicy.NONE)
    if len(data) != nbytes:
        raise Problem("internal", "GIMP gave fewer samples than the layer has.")
    return data  # type: ignore[no-any-return]
