"""PDB procedures of GIMP 2 whose GIMP 3 counterpart takes or gives something else.

Each function has the GIMP 2 procedure's arguments, units and results, as GIMP 2.10's
``pdb/groups/*.pdb`` declare and its ``app/pdb`` computes them. `ADAPTERS`, at the end, is the
table; procedures that only changed their name are in `renames`, filters in `filters`, the
``file-*-save`` family in `files`.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gimp, Gio, GLib

from . import colour, enums, gegl, pixels, resources
from .context import context
from .errors import error
from .filters import run
from .native import named

_EMPTY: tuple[Any, ...] = ()


def _fill_type(number: Any) -> Any:
    return enums.native(Gimp.FillType, number)


# Layers, channels, paths: making and placing


def _layer_new(
    image: Any, width: int, height: int, kind: int, name: str, opacity: float = 100.0, mode: int = 28
) -> Any:
    image_type, layer_mode = Gimp.ImageType(int(kind)), Gimp.LayerMode(int(mode))
    return Gimp.Layer.new(image, str(name), int(width), int(height), image_type, float(opacity), layer_mode)


def _channel_new(image: Any, width: int, height: int, name: str, opacity: float, color: Any) -> Any:
    native = colour.to_gegl(color)
    return Gimp.Channel.new(image, str(name), int(width), int(height), float(opacity), native)


def _add_layer(image: Any, layer: Any, position: int = -1) -> None:
    image.insert_layer(layer, None, int(position))


def _add_channel(image: Any, channel: Any, position: int = -1) -> None:
    insert_channel(image, channel, None, int(position))


def _selection_save(image: Any) -> Any:
    _note_layer(image)
    return Gimp.Selection.save(image)


_native_insert, _native_remove = Gimp.Image.insert_channel, Gimp.Image.remove_channel
_layer_before: dict[int, int] = {}  # image to the layer that was active before a channel was


def _note_layer(image: Any) -> None:
    if chosen := image.get_selected_layers():
        _layer_before[image.get_id()] = chosen[0].get_id()


def insert_channel(image: Any, channel: Any, parent: Any = None, position: int = -1) -> Any:
    """``gimp-image-insert-channel``: the channel becomes the active one."""
    _note_layer(image)
    return _native_insert(image, channel, parent or None, int(position))


def remove_channel(image: Any, channel: Any) -> Any:
    """``gimp-image-remove-channel``: the layer that was active before becomes so again."""
    removed = _native_remove(image, channel)
    layers = image.get_layers()
    if layers and not image.get_selected_layers() and not image.get_selected_channels():
        before = Gimp.Item.get_by_id(_layer_before.get(image.get_id(), 0))
        known = before is not None and before.is_layer() and before.get_image() == image
        image.set_selected_layers([before if known else layers[0]])
    return removed


def _add_vectors(image: Any, vectors: Any, position: int = -1) -> None:
    image.insert_path(vectors, None, int(position))


def _image_scale_full(image: Any, width: int, height: int, interpolation: int) -> None:
    image.scale(int(width), int(height), interpolation)


def _layer_scale_full(layer: Any, width: int, height: int, local_origin: bool, interpolation: int) -> None:
    layer.scale(int(width), int(height), local_origin, interpolation)


def _first(items: Sequence[Any]) -> Any:
    return next(iter(items), None)


def _active_layer(image: Any) -> Any:
    return _first(image.get_selected_layers())


def _active_channel(image: Any) -> Any:
    return _first(image.get_selected_channels())


def _active_vectors(image: Any) -> Any:
    return _first(image.get_selected_paths())


def _set_active_layer(image: Any, layer: Any) -> None:
    image.set_selected_layers([layer])


def _set_active_channel(image: Any, channel: Any) -> None:
    image.set_selected_channels([channel])


def _set_active_vectors(image: Any, vectors: Any) -> None:
    image.set_selected_paths([vectors])


def _active_drawable(image: Any) -> Any:
    return active_drawable(image)


def active_drawable(image: Any) -> Any:
    """Return the drawable that GIMP 2 called active: a channel, a layer's mask being edited, or a layer."""
    chosen = _first(image.get_selected_drawables())
    if isinstance(chosen, Gimp.Layer) and chosen.get_mask() is not None and chosen.get_edit_mask():
        return chosen.get_mask()
    return chosen


def _layer_copy(layer: Any, add_alpha: bool = False) -> Any:
    copy = Gimp.Layer.copy(layer)
    if add_alpha and not isinstance(copy, Gimp.GroupLayer):
        Gimp.Layer.add_alpha(copy)
    return copy


def _group_new(image: Any) -> Any:
    return Gimp.GroupLayer.new(image, None)


def _translate(layer: Any, dx: float, dy: float) -> None:
    _, x, y = layer.get_offsets()
    layer.set_offsets(x + int(dx), y + int(dy))


def _layer_mask(layer: Any) -> Any:
    return layer.get_mask()


def _add_layer_mask(image: Any, layer: Any, mask: Any) -> None:
    layer.add_mask(mask)


def _remove_layer_mask(image: Any, layer: Any, mode: int) -> None:
    layer.remove_mask(Gimp.MaskApplyMode(int(mode)))


def _drawable_bpp(drawable: Any) -> int:
    return int(drawable.get_bpp())


# What a thing is. GIMP 2 answered with 0 or 1, also for what is gone.


def _is(kind: Any) -> Callable[..., Any]:
    def ask(item: Any) -> int:
        found = Gimp.Item.get_by_id(item) if isinstance(item, int) else item
        return int(isinstance(found, kind) and found.is_valid())

    return ask


def _is_channel(item: Any) -> int:
    return int(isinstance(item, Gimp.Channel) and not isinstance(item, (Gimp.LayerMask, Gimp.Selection)))


def _is_valid(item: Any) -> int:
    found = Gimp.Item.get_by_id(item) if isinstance(item, int) else item
    return int(found is not None and found.is_valid())


def _image_is_valid(image: Any) -> int:
    found = Gimp.Image.get_by_id(image) if isinstance(image, int) else image
    return int(found is not None and found.is_valid())


def _not_linked(item: Any) -> int:
    return int(bool(getattr(item, "linked", False)))


def _set_linked(item: Any, linked: Any) -> None:
    item.linked = bool(linked)


# Images and files


def _image_list() -> tuple[int, tuple[int, ...]]:
    numbers = sorted((image.get_id() for image in Gimp.get_images()), reverse=True)
    return len(numbers), tuple(numbers)


def _filename(image: Any) -> str | None:
    file = image.get_file()
    return file.get_path() if file else None


def _set_filename(image: Any, filename: str) -> None:
    image.set_file(Gio.File.new_for_path(_path(filename)))


def _uri(method: str) -> Callable[..., Any]:
    def ask(image: Any) -> str | None:
        file = getattr(image, method)()
        return file.get_uri() if file else None

    return ask


def _path(name: Any) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name)


def file_of(name: Any) -> Gio.File:
    """Return the file of a path or an URI."""
    text = _path(name)
    return Gio.File.new_for_uri(text) if "://" in text else Gio.File.new_for_path(text)


def _load(filename: str, raw_filename: str = "") -> Any:
    try:
        image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file_of(filename))
    except GLib.Error as fault:
        raise error(f"{_path(filename)} could not be opened: {fault.message}") from None
    if image is None:
        raise error(f"{_path(filename)} could not be opened.")
    return image


def _load_layer(image: Any, filename: str) -> Any:
    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file_of(filename))
    if layer is None:
        raise error(f"{_path(filename)} could not be opened as a layer.")
    return layer


def _load_layers(image: Any, filename: str) -> tuple[int, tuple[int, ...]]:
    layers = Gimp.file_load_layers(Gimp.RunMode.NONINTERACTIVE, image, file_of(filename))
    return len(layers), tuple(layer.get_id() for layer in layers)


def _temp_name(extension: str) -> str:
    return str(Gimp.temp_file(str(extension).lstrip(".")).get_path())


def _colormap(image: Any) -> tuple[int, tuple[int, ...]]:
    data = pixels.colormap(image)
    return len(data), tuple(data)


def _set_colormap(image: Any, count: int, colormap: Any) -> None:
    pixels.set_colormap(image, colormap)


def _metadata(image: Any) -> str:
    data = image.get_metadata()
    return "" if data is None else str(data.serialize())


def _parasite_names(thing: Any) -> tuple[int, tuple[str, ...]]:
    names = tuple(thing.get_parasite_list())
    return len(names), names


# Selections


def _select_item(item: Any) -> None:
    item.get_image().select_item(Gimp.ChannelOps.REPLACE, item)


def _selection_combine(channel: Any, operation: int) -> None:
    channel.get_image().select_item(Gimp.ChannelOps(int(operation)), channel)


def _feather(on: Any, x: float, y: float | None = None, antialias: Any = None) -> Any:
    """Return the context of GIMP 2's selections; `antialias` where they had it."""
    radius = (float(x), float(x if y is None else y))
    settings: dict[str, Any] = {"feather": bool(on), "feather_radius": radius}
    if antialias is not None:
        settings["antialias"] = bool(antialias)
    return context(**settings)


def _rect_select(
    image: Any, x: float, y: float, width: float, height: float, operation: int, feather: int, radius: float
) -> None:
    with _feather(feather, radius, antialias=False):
        image.select_rectangle(Gimp.ChannelOps(int(operation)), x, y, width, height)


def _ellipse_select(
    image: Any,
    x: float,
    y: float,
    width: float,
    height: float,
    operation: int,
    antialias: int,
    feather: int,
    radius: float,
) -> None:
    with _feather(feather, radius, antialias=antialias):
        image.select_ellipse(Gimp.ChannelOps(int(operation)), x, y, width, height)


def _round_rect_select(
    image: Any,
    x: float,
    y: float,
    width: float,
    height: float,
    corner_x: float,
    corner_y: float,
    operation: int,
    antialias: int,
    feather: int,
    radius_x: float,
    radius_y: float,
) -> None:
    with _feather(feather, radius_x, radius_y, antialias):
        image.select_round_rectangle(Gimp.ChannelOps(int(operation)), x, y, width, height, corner_x, corner_y)


def _free_select(
    image: Any, count: int, points: Any, operation: int, antialias: int, feather: int, radius: float
) -> None:
    with _feather(feather, radius, antialias=antialias):
        flat = [float(number) for number in points][: int(count)]
        image.select_polygon(Gimp.ChannelOps(int(operation)), flat)


def _sampling(threshold: int, merged: int, transparent: int = 0, criterion: int = 0) -> dict[str, Any]:
    return {
        "sample_threshold_int": int(threshold),
        "sample_merged": bool(merged),
        "sample_transparent": bool(transparent),
        "sample_criterion": enums.native(Gimp.SelectCriterion, criterion),
    }


def _by_color_select_full(
    drawable: Any,
    color: Any,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius_x: float,
    radius_y: float,
    merged: int,
    transparent: int,
    criterion: int,
) -> None:
    with (
        _feather(feather, radius_x, radius_y, antialias),
        context(**_sampling(threshold, merged, transparent, criterion)),
    ):
        image = drawable.get_image()
        image.select_color(Gimp.ChannelOps(int(operation)), drawable, colour.to_gegl(color))


def _by_color_select(
    drawable: Any,
    color: Any,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius: float,
    merged: int,
) -> None:
    _by_color_select_full(
        drawable, color, threshold, operation, antialias, feather, radius, radius, merged, 0, 0
    )


def _fuzzy_select_full(
    drawable: Any,
    x: float,
    y: float,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius_x: float,
    radius_y: float,
    merged: int,
    transparent: int,
    criterion: int,
) -> None:
    with (
        _feather(feather, radius_x, radius_y, antialias),
        context(**_sampling(threshold, merged, transparent, criterion)),
    ):
        drawable.get_image().select_contiguous_color(Gimp.ChannelOps(int(operation)), drawable, x, y)


def _fuzzy_select(
    drawable: Any,
    x: float,
    y: float,
    threshold: int,
    operation: int,
    antialias: int,
    feather: int,
    radius: float,
    merged: int,
) -> None:
    _fuzzy_select_full(drawable, x, y, threshold, operation, antialias, feather, radius, radius, merged, 0, 0)


def _selection_float(drawable: Any, x: int, y: int) -> Any:
    return Gimp.Selection.float(drawable.get_image(), [drawable], int(x), int(y))


def _vectors_to_selection(
    vectors: Any, operation: int, antialias: int, feather: int, radius_x: float, radius_y: float
) -> None:
    with _feather(feather, radius_x, radius_y, antialias):
        vectors.get_image().select_item(Gimp.ChannelOps(int(operation)), vectors)


# Editing


def _paste(drawable: Any, paste_into: bool = False) -> Any:
    return _first(Gimp.edit_paste(drawable, bool(paste_into)))


def _named_paste(drawable: Any, name: str, paste_into: bool = False) -> Any:
    return Gimp.edit_named_paste(drawable, str(name), bool(paste_into))


_BUCKET = {0: Gimp.FillType.FOREGROUND, 1: Gimp.FillType.BACKGROUND, 2: Gimp.FillType.PATTERN}


def _paint_mode(mode: int) -> Any:
    """GIMP 2's fills painted Overlay (legacy) as Soft light."""
    legacy = Gimp.LayerMode.OVERLAY_LEGACY
    return Gimp.LayerMode.SOFTLIGHT_LEGACY if int(mode) == int(legacy) else Gimp.LayerMode(int(mode))


def _bucket_fill_full(
    drawable: Any,
    fill_mode: int,
    paint_mode: int,
    opacity: float,
    threshold: float,
    merged: int,
    transparent: int,
    criterion: int,
    x: float,
    y: float,
) -> None:
    settings = _sampling(min(255, max(0, int(threshold))), merged, transparent, criterion)
    with context(opacity=float(opacity), paint_mode=_paint_mode(paint_mode), **settings):
        if Gimp.Selection.is_empty(drawable.get_image()):
            drawable.edit_bucket_fill(_BUCKET[int(fill_mode)], x, y)
        else:
            drawable.edit_fill(_BUCKET[int(fill_mode)])


def _bucket_fill(
    drawable: Any,
    fill_mode: int,
    paint_mode: int,
    opacity: float,
    threshold: float,
    merged: int,
    x: float,
    y: float,
) -> None:
    _bucket_fill_full(drawable, fill_mode, paint_mode, opacity, threshold, merged, 0, 0, x, y)


_BLENDS = ("fg_bg_rgb", "fg_bg_hsv_cw", "fg_transparent")


def _blend(
    drawable: Any,
    blend_mode: int,
    paint_mode: int,
    gradient_type: int,
    opacity: float,
    offset: float,
    repeat: int,
    reverse: int,
    supersample: int,
    max_depth: int,
    threshold: float,
    dither: int,
    x1: float,
    y1: float,
    x2: float,
    y2: float,
) -> None:
    settings = {
        "opacity": float(opacity),
        "paint_mode": _paint_mode(paint_mode),
        "gradient_repeat_mode": enums.native(Gimp.RepeatMode, repeat),
        "gradient_reverse": bool(reverse),
        "gradient_blend_color_space": Gimp.GradientBlendColorSpace.RGB_PERCEPTUAL,
    }
    with context(**settings):
        if 0 <= int(blend_mode) < len(_BLENDS):
            getattr(Gimp, f"context_set_gradient_{_BLENDS[int(blend_mode)]}")()
        depth, limit = min(9, max(1, int(max_depth))), min(4.0, max(0.0, float(threshold)))
        kind = Gimp.GradientType(int(gradient_type))
        points = (float(x1), float(y1), float(x2), float(y2))
        drawable.edit_gradient_fill(
            kind, float(offset), bool(supersample), depth, limit, bool(dither), *points
        )


def _drawable_fill(drawable: Any, fill_type: int) -> None:
    native_fill(drawable, _fill_type(fill_type))


native_fill = Gimp.Drawable.fill  # taken before `patches` puts GIMP 2's form there
native_offset = Gimp.Drawable.offset


def _edit_fill(drawable: Any, fill_type: int) -> None:
    drawable.edit_fill(_fill_type(fill_type))


_OFFSETS = (Gimp.OffsetType.COLOR, Gimp.OffsetType.TRANSPARENT)


def _offset(drawable: Any, wrap: int, fill_type: int, x: int, y: int) -> None:
    """GIMP 2's OFFSET_BACKGROUND takes the context's background colour."""
    kind = _OFFSETS[1 if int(fill_type) else 0]
    native_offset(drawable, bool(wrap), kind, Gimp.context_get_background(), int(x), int(y))


# Colours, with GIMP 2's 0..255 and -127..127


def _with_gamma(change: Callable[..., None]) -> Callable[..., None]:
    """`change` as GIMP 2 made it: on values with gamma, not in linear light."""

    @functools.wraps(change)  # the adapters' arguments are counted
    def changed(drawable: Any, *arguments: Any) -> None:
        gegl.apply_to_stored(drawable, lambda layer: change(layer, *arguments))

    return changed


def _brightness_contrast(drawable: Any, brightness: int, contrast: int) -> None:
    drawable.brightness_contrast(_within(brightness / 127.0), _within(contrast / 127.0))


def _within(value: float) -> float:
    return min(1.0, max(-1.0, float(value)))


def _levels(
    drawable: Any, channel: int, low: int, high: int, gamma: float, low_out: int, high_out: int
) -> None:
    drawable.levels(
        Gimp.HistogramChannel(int(channel)),
        low / 255.0,
        high / 255.0,
        True,
        float(gamma),
        low_out / 255.0,
        high_out / 255.0,
        True,
    )


def _threshold(drawable: Any, low: int, high: int) -> None:
    drawable.threshold(Gimp.HistogramChannel.VALUE, low / 255.0, high / 255.0)


def _curves_spline(drawable: Any, channel: int, count: int, points: Any) -> None:
    drawable.curves_spline(
        Gimp.HistogramChannel(int(channel)), [_byte(one) / 255.0 for one in points][: int(count)]
    )


def _curves_explicit(drawable: Any, channel: int, count: int, curve: Any) -> None:
    drawable.curves_explicit(
        Gimp.HistogramChannel(int(channel)), [_byte(one) / 255.0 for one in curve][: int(count)]
    )


def _byte(value: Any) -> int:
    return ord(value) if isinstance(value, (str, bytes)) else int(value)


def _hue_saturation(drawable: Any, hue_range: int, hue: float, lightness: float, saturation: float) -> None:
    """GIMP 2.10 halved the lightness; GIMP 3 does not. Both work on values with gamma."""
    drawable.hue_saturation(
        Gimp.HueRange(int(hue_range)), float(hue), lightness / 2.0, float(saturation), 0.0
    )


def _colorize(drawable: Any, hue: float, saturation: float, lightness: float) -> None:
    drawable.colorize_hsl(float(hue), float(saturation), float(lightness))


def _color_balance(drawable: Any, mode: int, preserve: int, red: float, green: float, blue: float) -> None:
    drawable.color_balance(
        Gimp.TransferMode(int(mode)), bool(preserve), float(red), float(green), float(blue)
    )


def _by_histogram(drawable: Any, change: Callable[[Any], object]) -> None:
    """Use the histogram. It counts selected pixels: for them GIMP 3's own way, in linear light, remains."""
    if Gimp.Selection.is_empty(drawable.get_image()):
        gegl.apply_to_stored(drawable, change)
    else:
        change(drawable)


def _equalize(drawable: Any, mask_only: int) -> None:
    _by_histogram(drawable, lambda layer: layer.equalize(bool(mask_only)))


def _levels_stretch(drawable: Any) -> None:
    _by_histogram(drawable, Gimp.Drawable.levels_stretch)


def _desaturate(drawable: Any) -> None:
    drawable.desaturate(Gimp.DesaturateMode.LIGHTNESS)


def _invert(drawable: Any) -> None:
    drawable.invert(False)


def _histogram(drawable: Any, channel: int, start: int, end: int) -> tuple[float, ...]:
    kind = Gimp.HistogramChannel(int(channel))
    _, mean, deviation, median, pixel_count, count, percentile = drawable.histogram(
        kind, start / 255.0, end / 255.0
    )
    scale = 255.0 if max(mean, deviation, median) <= 1.0 else 1.0
    return mean * scale, deviation * scale, median * scale, pixel_count, count, percentile


# Text


def _pixels_of(size: float, size_type: int, image: Any = None) -> float:
    """GIMP 2's size in points follows the image's resolution."""
    if int(size_type) == 0:
        return float(size)
    resolution = image.get_resolution()[2] if image is not None else 72.0
    return float(size) * resolution / 72.0


def _text_fontname(
    image: Any,
    drawable: Any,
    x: float,
    y: float,
    text: str,
    border: int,
    antialias: int,
    size: float,
    size_type: int,
    fontname: str,
) -> Any:
    font = resources.find("GimpFont", str(fontname))
    target = None if isinstance(drawable, int) or drawable is None else drawable
    height = _pixels_of(size, size_type, image)
    return Gimp.text_font(
        image, target, float(x), float(y), str(text), int(border), bool(antialias), height, font
    )


def _text_extents(text: str, size: float, size_type: int, fontname: str) -> tuple[int, ...]:
    font = resources.find("GimpFont", str(fontname))
    return tuple(Gimp.text_get_extents_font(str(text), _pixels_of(size, size_type), font)[1:])


def _text_layer_new(image: Any, text: str, fontname: str, size: float, unit: int) -> Any:
    font = resources.find("GimpFont", str(fontname))
    return Gimp.TextLayer.new(image, str(text), font, float(size), Gimp.Unit.get_by_id(int(unit)))


def _family(family: str, weight: str, slant: str) -> str:
    words = [
        family,
        *(
            one
            for one in (weight, {"i": "italic", "o": "oblique"}.get(slant, ""))
            if one not in ("*", "medium", "")
        ),
    ]
    return " ".join(word.capitalize() for word in words)


def _text(
    image: Any,
    drawable: Any,
    x: float,
    y: float,
    text: str,
    border: int,
    antialias: int,
    size: float,
    size_type: int,
    foundry: str,
    family: str,
    weight: str,
    slant: str,
    *rest: str,
) -> Any:
    font = _family(family, weight, slant)
    return _text_fontname(image, drawable, x, y, text, border, antialias, size, size_type, font)


# Transformations. GIMP 2 took direction, interpolation and clipping as arguments.


def _transform(
    drawable: Any,
    apply: Callable[[Any], Any],
    direction: int = 0,
    interpolation: int | None = None,
    clip: int = 0,
) -> Any:
    settings: dict[str, Any] = {
        "transform_direction": Gimp.TransformDirection(int(direction)),
        "transform_resize": Gimp.TransformResize(int(clip)),
    }
    if interpolation is not None:
        settings["interpolation"] = Gimp.InterpolationType(int(interpolation))
    with context(**settings):
        return apply(drawable)


def _full(name: str, count: int) -> Callable[..., Any]:
    """``gimp-drawable-transform-X``: numbers, direction, interpolation, supersample, recursion, clip."""

    def transform(drawable: Any, *args: Any) -> Any:
        numbers, (direction, interpolation, _, _, clip) = args[:count], _exactly(args[count:], 5)
        call = _item_transform(name, numbers)
        return _transform(drawable, call, direction, interpolation, clip)

    return transform


def _default(name: str, count: int) -> Callable[..., Any]:
    """``gimp-drawable-transform-X-default``: numbers, whether to interpolate, clip."""

    def transform(drawable: Any, *args: Any) -> Any:
        numbers, (interpolate, clip) = args[:count], _exactly(args[count:], 2)
        call = _item_transform(name, numbers)
        return _transform(drawable, call, 0, None if interpolate else 0, clip)

    return transform


def _simple(name: str, count: int) -> Callable[..., Any]:
    """``gimp-drawable-transform-X-simple``: numbers, clip."""

    def transform(drawable: Any, *args: Any) -> Any:
        numbers, (clip,) = args[:count], _exactly(args[count:], 1)
        return _transform(drawable, _item_transform(name, numbers), 0, None, clip)

    return transform


def _tool(name: str, count: int) -> Callable[..., Any]:
    """``gimp-rotate`` and its kin: whether to interpolate, then the numbers."""

    def transform(drawable: Any, interpolation: int, *args: Any) -> Any:
        call = _item_transform(name, _exactly(args, count))
        return _transform(drawable, call, 0, None if interpolation else 0)

    return transform


def _exactly(values: Sequence[Any], count: int) -> Sequence[Any]:
    if len(values) != count:
        raise error(f"{count} more arguments are wanted, {len(values)} were given.")
    return values


def _item_transform(name: str, numbers: Sequence[Any]) -> Callable[[Any], Any]:
    given = [float(number) for number in numbers]

    def rotate(item: Any) -> Any:
        angle, centre, x, y = (*given, 1.0, 0.0, 0.0)[:4]
        return item.transform_rotate(angle, bool(centre), x, y)

    def simple_rotate(item: Any) -> Any:
        return item.transform_rotate_simple(
            Gimp.RotationType(int(given[0])), bool(given[1]), given[2], given[3]
        )

    def simple_flip(item: Any) -> Any:
        centre, axis = (*given[1:], 1.0, 0.0)[:2]
        return item.transform_flip_simple(Gimp.OrientationType(int(given[0])), bool(centre), axis)

    def shear(item: Any) -> Any:
        return item.transform_shear(Gimp.OrientationType(int(given[0])), given[1])

    own = {"rotate": rotate, "rotate_simple": simple_rotate, "flip_simple": simple_flip, "shear": shear}
    return own.get(name) or (lambda item: getattr(item, f"transform_{name}")(*given))


def _flip(drawable: Any, flip_type: int) -> Any:
    return _transform(drawable, _item_transform("flip_simple", [flip_type]))


# Pixels


def _get_pixel(drawable: Any, x: int, y: int) -> tuple[int, tuple[int, ...]]:
    samples = pixels.get(drawable, int(x), int(y))
    return len(samples), samples


def _set_pixel(drawable: Any, x: int, y: int, channels: int, pixel: Any) -> None:
    pixels.put(drawable, int(x), int(y), pixel)


# Palettes, gradients, brushes by name


def _of(kind: str, method: str) -> Callable[..., Any]:
    def call(name: str, *args: Any) -> Any:
        return getattr(resources.find(kind, str(name)), method)(*args)

    return call


def _resource_delete(kind: str) -> Callable[..., Any]:
    def delete(name: str) -> None:
        resources.find(kind, str(name)).delete()

    return delete


def _resource_copy(kind: str) -> Callable[..., Any]:
    def duplicate(name: str) -> str:
        return str(resources.find(kind, str(name)).duplicate().get_name())

    return duplicate


def _resource_rename(kind: str) -> Callable[..., Any]:
    def rename(name: str, new: str) -> str:
        found = resources.find(kind, str(name))
        found.rename(str(new))
        return str(found.get_name())

    return rename


def _is_editable(kind: str) -> Callable[..., Any]:
    def ask(name: str) -> int:
        return int(resources.find(kind, str(name)).is_editable())

    return ask


def _names_of(kind: str) -> Callable[..., Any]:
    def ask(pattern: str = "") -> tuple[int, tuple[str, ...]]:
        found = tuple(resources.names(kind, str(pattern or "")))
        return len(found), found

    return ask


def _name_in_context(kind: str) -> Callable[..., Any]:
    def ask() -> str:
        return str(getattr(Gimp, f"context_get_{kind}")().get_name())

    return ask


def _set_in_context(kind: str) -> Callable[..., Any]:
    def choose(name: str) -> None:
        getattr(Gimp, f"context_set_{kind}")(resources.find(f"Gimp{kind.capitalize()}", str(name)))

    return choose


def _segment_colour(side: str) -> Callable[..., Any]:
    def ask(name: str, segment: int) -> tuple[Any, float]:
        gradient = resources.find("GimpGradient", str(name))
        told = getattr(gradient, f"segment_get_{side}_color")(int(segment))
        found = colour.from_gegl(told[-1] if isinstance(told, tuple) else told)
        return found, found.a * 100.0

    return ask


def _set_segment_colour(side: str) -> Callable[..., Any]:
    def choose(name: str, segment: int, color: Any, opacity: float) -> None:
        rgb = colour.parse(color)
        native = colour.to_gegl((rgb.r, rgb.g, rgb.b, float(opacity) / 100.0))
        getattr(resources.find("GimpGradient", str(name)), f"segment_set_{side}_color")(int(segment), native)

    return choose


def _samples(name: str, count: int, reverse: int = 0) -> tuple[int, tuple[float, ...]]:
    return _flat(resources.find("GimpGradient", str(name)).get_uniform_samples(int(count), bool(reverse)))


def _custom_samples(name: str, count: int, positions: Any, reverse: int = 0) -> tuple[int, tuple[float, ...]]:
    places = [float(one) for one in positions][: int(count)]
    return _flat(resources.find("GimpGradient", str(name)).get_custom_samples(places, bool(reverse)))


def _flat(returned: Any) -> tuple[int, tuple[float, ...]]:
    colours = returned[-1] if isinstance(returned, tuple) else returned
    numbers: list[float] = []
    for one in colours:
        rgb = colour.from_gegl(one)
        numbers += [rgb.r, rgb.g, rgb.b, rgb.a]
    return len(numbers), tuple(numbers)


def _palette_colors(name: str) -> tuple[int, tuple[Any, ...]]:
    found = [colour.from_gegl(one) for one in resources.find("GimpPalette", str(name)).get_colors()]
    return len(found), tuple(found)


def _palette_entry(name: str, entry: int) -> tuple[str, int, Any]:
    palette = resources.find("GimpPalette", str(name))
    found = palette.get_entry_color(int(entry))
    found = found[-1] if isinstance(found, tuple) else found
    return palette.get_name(), palette.get_color_count(), colour.from_gegl(found)


def _current_palette() -> tuple[str, int]:
    palette = Gimp.context_get_palette()
    return palette.get_name(), palette.get_color_count()


def _current_brush() -> tuple[str, int, int, int]:
    brush = Gimp.context_get_brush()
    _, width, height, *_ = brush.get_info()
    return brush.get_name(), width, height, brush.get_spacing()


# Paths of GIMP 1.2, by name


def _path_named(image: Any, name: str) -> Any:
    found = image.get_path_by_name(str(name))
    if found is None:
        raise error(f"the image has no path called {name}.")
    return found


def _path_list(image: Any) -> tuple[int, tuple[str, ...]]:
    names = tuple(path.get_name() for path in image.get_paths())
    return len(names), names


def _path_current(image: Any) -> str:
    found = _active_vectors(image) or _first(image.get_paths())
    if found is None:
        raise error("the image has no path.")
    return str(found.get_name())


def _path_set_current(image: Any, name: str) -> None:
    _set_active_vectors(image, _path_named(image, name))


def _path_delete(image: Any, name: str) -> None:
    image.remove_path(_path_named(image, name))


def _path_get_points(image: Any, name: str) -> tuple[int, int, int, tuple[float, ...]]:
    """Triples x, y, kind: an anchor is 1, a control point 2, the first anchor of a further stroke 3."""
    path = _path_named(image, name)
    details: list[float] = []
    closed = 1
    for number, stroke in enumerate(path.get_strokes()):
        _, points, is_closed = _stroke_points(path, stroke)
        pairs = list(zip(points[::2], points[1::2], strict=True))
        body = pairs[1:] if is_closed else pairs[1:-1]
        if is_closed:
            body = [*pairs[1:], pairs[0]]
        for index, (x, y) in enumerate(body):
            anchor = index % 3 == 0
            details += [x, y, (3.0 if number and index == 0 else 1.0) if anchor else 2.0]
        closed &= int(is_closed)
    return 1, closed, len(details), tuple(details)


def _stroke_points(path: Any, stroke: int) -> tuple[int, list[float], bool]:
    kind, points, closed = path.stroke_get_points(int(stroke))
    return int(kind), list(points), bool(closed)


def _path_set_points(image: Any, name: str, kind: int, count: int, details: Any) -> None:
    triples = [float(number) for number in details][: int(count)]
    closed = (len(triples) // 3) % 3 == 0
    path = Gimp.Path.new(image, str(name))
    strokes: list[list[tuple[float, float]]] = []
    for x, y, sort in zip(triples[::3], triples[1::3], triples[2::3], strict=True):
        if not strokes or int(sort) == 3:
            strokes.append([])
        strokes[-1].append((x, y))
    for stroke in strokes:
        points = [stroke[-1], *stroke[:-1]] if closed else [stroke[0], *stroke, stroke[-1]]
        flat = [number for point in points for number in point]
        path.stroke_new_from_points(Gimp.PathStrokeType.BEZIER, flat, closed)
    image.insert_path(path, None, 0)


def _path_stroke_current(image: Any) -> None:
    with context(stroke_method=Gimp.StrokeMethod.PAINT_METHOD):
        active_drawable(image).edit_stroke_item(_active_vectors(image))


def _path_point_at(image: Any, distance: float) -> tuple[int, int, float]:
    path = _active_vectors(image) or _first(image.get_paths())
    gone = 0.0
    for stroke in path.get_strokes() if path is not None else _EMPTY:
        length = path.stroke_get_length(stroke, 0.5)
        length = length[-1] if isinstance(length, tuple) else length
        if gone + length >= distance:
            found = path.stroke_get_point_at_dist(stroke, max(0.0, distance - gone), 0.5)
            x, y, slope, *_ = found[-4:]
            return round(x), round(y), slope
        gone += length
    raise error("no path reaches that far.")


def _path_to_selection(
    image: Any, name: str, operation: int, antialias: int, feather: int, radius_x: float, radius_y: float
) -> None:
    _vectors_to_selection(_path_named(image, name), operation, antialias, feather, radius_x, radius_y)


def _path_import(image: Any, filename: str, merge: int, scale: int) -> None:
    image.import_paths_from_file(file_of(filename), bool(merge), bool(scale))


def _import_paths(image: Any, filename: str, merge: int, scale: int) -> tuple[int, tuple[int, ...]]:
    _, paths = image.import_paths_from_file(file_of(filename), bool(merge), bool(scale))
    return len(paths), tuple(path.get_id() for path in paths)


def _import_path_text(
    image: Any, text: str, length: int, merge: int, scale: int
) -> tuple[int, tuple[int, ...]]:
    _, paths = image.import_paths_from_string(str(text), len(str(text).encode()), bool(merge), bool(scale))
    return len(paths), tuple(path.get_id() for path in paths)


def _export_path(image: Any, filename: str, path: Any) -> None:
    image.export_path_to_file(file_of(filename), path or None)


def _export_path_text(image: Any, path: Any) -> str:
    return str(image.export_path_to_string(path or None))


# Progress, display, database


def _progress_init(text: str = "", display: Any = None) -> None:
    Gimp.progress_init(str(text))


def _progress_update(fraction: float) -> None:
    Gimp.progress_update(min(max(float(fraction), 0.0), 1.0))


def _progress_text(text: str = "", display: Any = None) -> None:
    Gimp.progress_set_text(str(text))


def _display_new(image: Any) -> Any:
    """Return a window on the image; without a screen nothing is shown, and no failure either."""
    try:
        return Gimp.Display.new(image)
    except TypeError:
        return None


def _display_delete(display: Any) -> None:
    if display is not None:
        display.delete()


def _display_is_valid(display: Any) -> int:
    return int(display is not None and display.is_valid())


def _db_query(
    name: str = "",
    blurb: str = "",
    help: str = "",  # noqa: A002 - GIMP's own name
    author: str = "",
    copyright: str = "",  # noqa: A002
    date: str = "",
    kind: str = "",
) -> tuple[int, tuple[str, ...]]:
    patterns = [
        "" if text in (".*", None) else text
        for text in (name, blurb, help, "", author, copyright, date, kind)
    ]
    names = tuple(Gimp.get_pdb().query_procedures(*patterns))
    return len(names), names


def _db_temp_name() -> str:
    return str(Gimp.get_pdb().temp_procedure_name())


_stored: dict[str, Any] = {}


def _set_data(name: str, count: int, data: Any) -> None:
    _stored[str(name)] = bytes(data)


def _get_data(name: str) -> tuple[int, Any]:
    if str(name) not in _stored:
        raise error(f"no data is stored as {name}.")
    return len(_stored[str(name)]), tuple(_stored[str(name)])


def _temp_folder() -> str:
    return tempfile.gettempdir()


def _unit(method: str) -> Callable[..., Any]:
    def ask(number: int) -> Any:
        return getattr(Gimp.Unit.get_by_id(int(number)), method)()

    return ask


def _run_plug_in(name: str, *order: str, **fixed: Any) -> Callable[..., Any]:
    """Return a plug-in that both GIMPs have, its arguments given by GIMP 3's names in GIMP 2's order.

    An empty name drops an argument. Numbers become choices where GIMP 3 has those.
    """

    def call(*args: Any) -> Any:
        given = {key: value for key, value in zip(order, args, strict=False) if key}
        return named(name, {**given, **fixed})

    return call


def _drop_shadow(
    image: Any, drawable: Any, x: float, y: float, blur: float, color: Any, opacity: float, resize: int
) -> None:
    """``script-fu-drop-shadow``: GIMP 3.0's own ends Script-Fu where there is no screen."""
    image.undo_group_start()
    try:
        kept = None if Gimp.Selection.is_empty(image) else Gimp.Selection.save(image)
        if kept is None:
            image.select_item(Gimp.ChannelOps.REPLACE, drawable)
        _, _, left, top, right, bottom = Gimp.Selection.bounds(image)
        grow = int(blur)
        width, height = right - left + 2 * grow, bottom - top + 2 * grow
        place = (left - grow + int(x), top - grow + int(y))
        kind = Gimp.ImageType.GRAYA_IMAGE if drawable.is_gray() else Gimp.ImageType.RGBA_IMAGE
        shadow = Gimp.Layer.new(
            image, "Drop Shadow", width, height, kind, float(opacity), Gimp.LayerMode.NORMAL
        )
        image.insert_layer(shadow, drawable.get_parent(), image.get_item_position(drawable) + 1)
        shadow.set_offsets(left - grow, top - grow)
        native_fill(shadow, Gimp.FillType.TRANSPARENT)
        with context(background=colour.to_gegl(color), opacity=100.0, paint_mode=Gimp.LayerMode.NORMAL):
            shadow.edit_fill(Gimp.FillType.BACKGROUND)
        Gimp.Selection.none(image)
        if blur >= 1:
            run("plug-in-gauss-rle", image, shadow, float(blur), True, True)
        shadow.set_offsets(*place)
        if resize:
            x0, y0 = min(0, place[0]), min(0, place[1])
            x1 = max(image.get_width(), place[0] + width)
            y1 = max(image.get_height(), place[1] + height)
            image.resize(x1 - x0, y1 - y0, -x0, -y0)
        if kept is not None:
            image.select_item(Gimp.ChannelOps.REPLACE, kept)
            image.remove_channel(kept)
    finally:
        image.undo_group_end()


_SINGLE = {
    **{name: ("rgb", n) for n, name in enumerate(("red", "green", "blue"))},
    **{name: ("hsv", n) for n, name in enumerate(("hue", "saturation", "value"))},
    **{name: ("hsl", n) for n, name in enumerate(("hue (hsl)", "saturation (hsl)", "lightness"))},
    **{name: ("cmyk", n) for n, name in enumerate(("cyan", "magenta", "yellow", "black"))},
}


def _decompose(image: Any, drawable: Any, kind: str, layers_mode: int = 1) -> Any:
    """``plug-in-decompose``; GIMP 3 extracts no single channels: those beside the wanted one are closed."""
    given = {"image": image, "drawables": drawable, "decompose-type": kind, "layers-mode": bool(layers_mode)}
    model, number = _SINGLE.get(str(kind).lower(), ("", 0))
    if not model:
        made = named("plug-in-decompose", given)
        return made if isinstance(made, tuple) else (made, None, None, None)
    parts = named("plug-in-decompose", {**given, "decompose-type": model, "layers-mode": False})
    for place, part in enumerate(parts):
        if place != number and part is not None:
            part.delete()
    return parts[number], None, None, None


def _reverse_layers(image: Any, drawable: Any = None) -> None:
    """``script-fu-reverse-layers``, served here for the same reason."""
    image.undo_group_start()
    try:
        for layer in image.get_layers():
            image.reorder_item(layer, None, 0)
    finally:
        image.undo_group_end()


_ITEMS = ("drawable", "layer", "channel", "vectors")
_IS = {
    "layer": Gimp.Layer,
    "text-layer": Gimp.TextLayer,
    "layer-mask": Gimp.LayerMask,
    "drawable": Gimp.Drawable,
    "selection": Gimp.Selection,
    "vectors": Gimp.Path,
    "group": Gimp.GroupLayer,
}
_RESOURCES = {"brush": "GimpBrush", "gradient": "GimpGradient", "palette": "GimpPalette"}
_HEAD = ("image", "drawables")
_MATERIAL = (
    "ambient-intensity",
    "diffuse-intensity",
    "diffuse-reflectivity",
    "specular-reflectivity",
    "highlight",
    "antialiasing",
)

ADAPTERS: dict[str, Callable[..., Any]] = {
    # making and placing
    "gimp-layer-new": _layer_new,
    "gimp-channel-new": _channel_new,
    "gimp-image-add-layer": _add_layer,
    "gimp-image-add-channel": _add_channel,
    "gimp-image-insert-channel": insert_channel,
    "gimp-image-remove-channel": remove_channel,
    "gimp-selection-save": _selection_save,
    "gimp-image-add-vectors": _add_vectors,
    "gimp-image-scale-full": _image_scale_full,
    "gimp-layer-scale-full": _layer_scale_full,
    "gimp-image-get-active-layer": _active_layer,
    "gimp-image-set-active-layer": _set_active_layer,
    "gimp-image-get-active-channel": _active_channel,
    "gimp-image-set-active-channel": _set_active_channel,
    "gimp-image-get-active-vectors": _active_vectors,
    "gimp-image-set-active-vectors": _set_active_vectors,
    "gimp-image-get-active-drawable": _active_drawable,
    "gimp-image-active-drawable": _active_drawable,
    "gimp-layer-copy": _layer_copy,
    "gimp-layer-group-new": _group_new,
    "gimp-layer-translate": _translate,
    "gimp-layer-mask": _layer_mask,
    "gimp-image-add-layer-mask": _add_layer_mask,
    "gimp-image-remove-layer-mask": _remove_layer_mask,
    "gimp-drawable-bpp": _drawable_bpp,
    "gimp-drawable-bytes": _drawable_bpp,
    "gimp-drawable-get-bpp": _drawable_bpp,
    # what a thing is
    **{f"gimp-item-is-{name}": _is(kind) for name, kind in _IS.items()},
    **{f"gimp-drawable-is-{name}": _is(_IS[name]) for name in ("layer", "text-layer", "layer-mask")},
    **{f"gimp-{item}-is-channel": _is_channel for item in ("item", "drawable")},
    **{f"gimp-{item}-is-valid": _is_valid for item in ("item", *_ITEMS)},
    **{f"gimp-{item}-get-linked": _not_linked for item in ("item", *_ITEMS)},
    **{f"gimp-{item}-set-linked": _set_linked for item in ("item", *_ITEMS)},
    "gimp-image-is-valid": _image_is_valid,
    # images and files
    "gimp-image-list": _image_list,
    "gimp-image-get-filename": _filename,
    "gimp-image-set-filename": _set_filename,
    "gimp-image-get-uri": _uri("get_file"),
    "gimp-image-get-xcf-uri": _uri("get_xcf_file"),
    "gimp-image-get-exported-uri": _uri("get_exported_file"),
    "gimp-image-get-imported-uri": _uri("get_imported_file"),
    "gimp-file-load": _load,
    "gimp-file-load-layer": _load_layer,
    "gimp-file-load-layers": _load_layers,
    "gimp-temp-name": _temp_name,
    "gimp-image-get-colormap": _colormap,
    "gimp-image-get-cmap": _colormap,
    "gimp-image-set-colormap": _set_colormap,
    "gimp-image-set-cmap": _set_colormap,
    **{f"gimp-{item}-parasite-list": _parasite_names for item in ("image", *_ITEMS)},
    # selections
    "gimp-selection-load": _select_item,
    "gimp-selection-layer-alpha": _select_item,
    "gimp-selection-combine": _selection_combine,
    "gimp-rect-select": _rect_select,
    "gimp-ellipse-select": _ellipse_select,
    "gimp-round-rect-select": _round_rect_select,
    "gimp-free-select": _free_select,
    "gimp-by-color-select": _by_color_select,
    "gimp-by-color-select-full": _by_color_select_full,
    "gimp-fuzzy-select": _fuzzy_select,
    "gimp-fuzzy-select-full": _fuzzy_select_full,
    "gimp-selection-float": _selection_float,
    "gimp-vectors-to-selection": _vectors_to_selection,
    # editing
    "gimp-edit-paste": _paste,
    "gimp-edit-named-paste": _named_paste,
    "gimp-edit-bucket-fill": _bucket_fill,
    "gimp-bucket-fill": _bucket_fill,
    "gimp-edit-bucket-fill-full": _bucket_fill_full,
    "gimp-edit-blend": _blend,
    "gimp-blend": _blend,
    "gimp-edit-fill": _edit_fill,
    "gimp-drawable-edit-fill": _edit_fill,
    "gimp-drawable-fill": _drawable_fill,
    "gimp-drawable-offset": _offset,
    "gimp-channel-ops-offset": _offset,
    # colours
    "gimp-brightness-contrast": _with_gamma(_brightness_contrast),
    "gimp-levels": _with_gamma(_levels),
    "gimp-threshold": _threshold,
    "gimp-curves-spline": _with_gamma(_curves_spline),
    "gimp-curves-explicit": _with_gamma(_curves_explicit),
    "gimp-hue-saturation": _hue_saturation,
    "gimp-colorize": _with_gamma(_colorize),
    "gimp-color-balance": _color_balance,
    "gimp-equalize": _equalize,
    "gimp-levels-auto": _levels_stretch,
    "gimp-levels-stretch": _levels_stretch,
    "gimp-desaturate": _desaturate,
    "gimp-invert": _invert,
    "gimp-histogram": _histogram,
    # text
    "gimp-text-fontname": _text_fontname,
    "gimp-text": _text,
    "gimp-text-get-extents-fontname": _text_extents,
    "gimp-text-layer-new": _text_layer_new,
    # transformations
    "gimp-flip": _flip,
    "gimp-rotate": _tool("rotate", 1),
    "gimp-scale": _tool("scale", 4),
    "gimp-shear": _tool("shear", 2),
    "gimp-perspective": _tool("perspective", 8),
    "gimp-transform-2d": _tool("2d", 7),
    **{
        f"gimp-drawable-transform-{name.replace('_', '-')}{kind}": make(name, count)
        for name, count in {
            "flip": 4,
            "perspective": 8,
            "rotate": 4,
            "scale": 4,
            "shear": 2,
            "2d": 7,
            "matrix": 9,
        }.items()
        for kind, make in {"": _full, "-default": _default}.items()
    },
    "gimp-drawable-transform-flip-simple": _simple("flip_simple", 3),
    "gimp-drawable-transform-rotate-simple": _simple("rotate_simple", 4),
    # pixels
    "gimp-drawable-get-pixel": _get_pixel,
    "gimp-drawable-set-pixel": _set_pixel,
    # brushes, gradients, palettes, patterns, fonts
    **{f"gimp-{name}-delete": _resource_delete(kind) for name, kind in _RESOURCES.items()},
    **{f"gimp-{name}-duplicate": _resource_copy(kind) for name, kind in _RESOURCES.items()},
    **{f"gimp-{name}-rename": _resource_rename(kind) for name, kind in _RESOURCES.items()},
    **{f"gimp-{name}-is-editable": _is_editable(kind) for name, kind in _RESOURCES.items()},
    **{
        f"gimp-{word}s-get-list": _names_of(f"Gimp{word.capitalize()}")
        for word in ("brush", "font", "gradient", "palette", "pattern")
        if word != "brush"
    },
    "gimp-brushes-get-list": _names_of("GimpBrush"),
    "gimp-brushes-list": _names_of("GimpBrush"),
    "gimp-patterns-list": _names_of("GimpPattern"),
    **{
        f"gimp-gradients-{verb}-active": call
        for verb, call in {"get": _name_in_context("gradient"), "set": _set_in_context("gradient")}.items()
    },
    "gimp-gradients-get-gradient": _name_in_context("gradient"),
    "gimp-gradients-set-gradient": _set_in_context("gradient"),
    "gimp-patterns-set-pattern": _set_in_context("pattern"),
    "gimp-palettes-set-palette": _set_in_context("palette"),
    "gimp-palettes-get-palette": _current_palette,
    "gimp-palettes-get-palette-entry": _palette_entry,
    "gimp-palette-get-colors": _palette_colors,
    "gimp-brushes-get-brush": _current_brush,
    "gimp-gradient-segment-get-left-color": _segment_colour("left"),
    "gimp-gradient-segment-get-right-color": _segment_colour("right"),
    "gimp-gradient-segment-set-left-color": _set_segment_colour("left"),
    "gimp-gradient-segment-set-right-color": _set_segment_colour("right"),
    "gimp-gradient-get-uniform-samples": _samples,
    "gimp-gradient-get-custom-samples": _custom_samples,
    # paths
    "gimp-path-list": _path_list,
    "gimp-path-get-current": _path_current,
    "gimp-path-set-current": _path_set_current,
    "gimp-path-delete": _path_delete,
    "gimp-path-get-points": _path_get_points,
    "gimp-path-set-points": _path_set_points,
    "gimp-path-stroke-current": _path_stroke_current,
    "gimp-path-get-point-at-dist": _path_point_at,
    "gimp-path-to-selection": _path_to_selection,
    "gimp-path-import": _path_import,
    "gimp-vectors-import-from-file": _import_paths,
    "gimp-vectors-import-from-string": _import_path_text,
    "gimp-vectors-export-to-file": _export_path,
    "gimp-vectors-export-to-string": _export_path_text,
    # progress, display, database, units
    "gimp-progress-init": _progress_init,
    "gimp-progress-update": _progress_update,
    "gimp-progress-set-text": _progress_text,
    "gimp-display-new": _display_new,
    "gimp-display-delete": _display_delete,
    "gimp-display-is-valid": _display_is_valid,
    "gimp-procedural-db-query": _db_query,
    "gimp-procedural-db-temp-name": _db_temp_name,
    "gimp-procedural-db-set-data": _set_data,
    "gimp-procedural-db-get-data": _get_data,
    **{
        f"gimp-unit-get-{name}": _unit(f"get_{name}")
        for name in ("abbreviation", "digits", "factor", "symbol")
    },
    **{f"gimp-unit-get-{name}": _unit("get_name") for name in ("identifier", "singular", "plural")},
    "script-fu-drop-shadow": _drop_shadow,
    "script-fu-reverse-layers": _reverse_layers,
    # plug-ins of both GIMPs whose arguments moved
    "plug-in-compose": _run_plug_in(
        "plug-in-compose", "image", "drawables", "image-2", "image-3", "image-4", "compose-type"
    ),
    "plug-in-decompose": _decompose,
    "plug-in-drawable-compose": _run_plug_in(
        "plug-in-drawable-compose",
        "image",
        "drawables",
        "drawable-2",
        "drawable-3",
        "drawable-4",
        "compose-type",
    ),
    "plug-in-grid": _run_plug_in(
        "plug-in-grid",
        *_HEAD,
        "hwidth",
        "hspace",
        "hoffset",
        "hcolor",
        "",
        "vwidth",
        "vspace",
        "voffset",
        "vcolor",
        "",
        "iwidth",
        "ispace",
        "ioffset",
        "icolor",
        "",
    ),
    "plug-in-lighting": _run_plug_in(
        "plug-in-lighting",
        *_HEAD,
        "bump-drawable",
        "env-drawable",
        "do-bumpmap",
        "do-envmap",
        "bumpmap-type",
        "light-type-1",
        "light-color-1",
        *(f"light-{what}-{axis}-1" for what in ("position", "direction") for axis in "xyz"),
        *_MATERIAL,
        "new-image",
        "transparent-background",
    ),
    "plug-in-map-object": _run_plug_in(
        "plug-in-map-object",
        *_HEAD,
        "map-type",
        *(
            f"{what}-{axis}"
            for what in ("viewpoint", "position", "first-axis", "second-axis", "rotation-angle")
            for axis in "xyz"
        ),
        "light-type",
        "light-color",
        *(f"light-{what}-{axis}" for what in ("position", "direction") for axis in "xyz"),
        *_MATERIAL,
        "tiled",
        "new-image",
        "transparent-background",
        "sphere-radius",
        *(f"{axis}-scale" for axis in "xyz"),
        "cylinder-length",
        *(f"box-{side}-drawable" for side in ("front", "back", "top", "bottom", "left", "right")),
        *(f"cyl-{side}-drawable" for side in ("top", "bottom")),
    ),
    "plug-in-checkerboard": _run_plug_in("plug-in-checkerboard", *_HEAD, "psychobilly", "check-size"),
    "file-svg-load": _run_plug_in("file-svg-load", "file", "", "", "width", "height", "paths"),
    "gimp-xcf-load": lambda dummy, filename, raw_filename="": _load(filename),
}
