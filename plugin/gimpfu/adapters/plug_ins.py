"""Plug-ins and scripts of both GIMPs whose arguments moved or that GIMP 3 serves no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gi.repository import Gimp

from .. import colour
from ..context import context
from ..filters import run
from ..native import call_with_names
from .editing import native_fill


def _run_plug_in(name: str, order: str) -> Callable[..., Any]:
    """Return a plug-in that both GIMPs have, its arguments given by GIMP 3's names in GIMP 2's order.

    A "-" drops an argument. Numbers become choices where GIMP 3 has those.
    """

    def call(*args: Any) -> Any:
        given = zip(order.split(), args, strict=False)
        return call_with_names(name, {key: value for key, value in given if key != "-"})

    return call


@contextmanager
def _one_undo(image: Any) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


@contextmanager
def _selected(image: Any, drawable: Any) -> Iterator[None]:
    """Select what `drawable` covers where nothing is selected; afterwards the selection is as it was."""
    kept = None if Gimp.Selection.is_empty(image) else Gimp.Selection.save(image)
    if kept is None:
        image.select_item(Gimp.ChannelOps.REPLACE, drawable)
    yield
    if kept is not None:
        image.select_item(Gimp.ChannelOps.REPLACE, kept)
        image.remove_channel(kept)


def _drop_shadow(
    image: Any, drawable: Any, x: float, y: float, blur: float, color: Any, opacity: float, resize: int
) -> None:
    """``script-fu-drop-shadow``: GIMP 3.0's own ends Script-Fu where there is no screen."""
    with _one_undo(image), _selected(image, drawable):
        shadow = _shadow_layer(image, drawable, int(blur), float(opacity))
        with context(background=colour.to_gegl(color), opacity=100.0, paint_mode=Gimp.LayerMode.NORMAL):
            shadow.edit_fill(Gimp.FillType.BACKGROUND)
        Gimp.Selection.none(image)
        if blur >= 1:
            run("plug-in-gauss-rle", image, shadow, float(blur), True, True)
        _, left, top = shadow.get_offsets()
        shadow.set_offsets(left + int(x), top + int(y))
        if resize:
            _resize_to_hold(image, shadow)


def _shadow_layer(image: Any, drawable: Any, grow: int, opacity: float) -> Any:
    """Return a clear layer below `drawable`, as large as the selection and `grow` pixels around it."""
    _, _, left, top, right, bottom = Gimp.Selection.bounds(image)
    size = (right - left + 2 * grow, bottom - top + 2 * grow)
    kind = Gimp.ImageType.GRAYA_IMAGE if drawable.is_gray() else Gimp.ImageType.RGBA_IMAGE
    shadow = Gimp.Layer.new(image, "Drop Shadow", *size, kind, opacity, Gimp.LayerMode.NORMAL)
    image.insert_layer(shadow, drawable.get_parent(), image.get_item_position(drawable) + 1)
    shadow.set_offsets(left - grow, top - grow)
    native_fill(shadow, Gimp.FillType.TRANSPARENT)
    return shadow


def _resize_to_hold(image: Any, layer: Any) -> None:
    _, x, y = layer.get_offsets()
    left, top = min(0, x), min(0, y)
    right, bottom = (
        max(image.get_width(), x + layer.get_width()),
        max(image.get_height(), y + layer.get_height()),
    )
    image.resize(right - left, bottom - top, -left, -top)


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
        made = call_with_names("plug-in-decompose", given)
        return made if isinstance(made, tuple) else (made, None, None, None)
    parts = call_with_names("plug-in-decompose", {**given, "decompose-type": model, "layers-mode": False})
    for place, part in enumerate(parts):
        if place != number and part is not None:
            part.delete()
    return parts[number], None, None, None


def _reverse_layers(image: Any, drawable: Any = None) -> None:
    """``script-fu-reverse-layers``, served here for the same reason."""
    with _one_undo(image):
        for layer in image.get_layers():
            image.reorder_item(layer, None, 0)


_MATERIAL = (
    "ambient-intensity diffuse-intensity diffuse-reflectivity specular-reflectivity highlight antialiasing"
)
_ORDERS = {
    "plug-in-compose": "image drawables image-2 image-3 image-4 compose-type",
    "plug-in-drawable-compose": "image drawables drawable-2 drawable-3 drawable-4 compose-type",
    "plug-in-grid": "image drawables hwidth hspace hoffset hcolor - vwidth vspace voffset vcolor -"
    " iwidth ispace ioffset icolor -",
    "plug-in-lighting": "image drawables bump-drawable env-drawable do-bumpmap do-envmap bumpmap-type"
    " light-type-1 light-color-1 light-position-x-1 light-position-y-1 light-position-z-1"
    f" light-direction-x-1 light-direction-y-1 light-direction-z-1 {_MATERIAL} new-image"
    " transparent-background",
    "plug-in-map-object": "image drawables map-type viewpoint-x viewpoint-y viewpoint-z"
    " position-x position-y position-z first-axis-x first-axis-y first-axis-z"
    " second-axis-x second-axis-y second-axis-z rotation-angle-x rotation-angle-y rotation-angle-z"
    " light-type light-color light-position-x light-position-y light-position-z"
    f" light-direction-x light-direction-y light-direction-z {_MATERIAL} tiled new-image"
    " transparent-background sphere-radius x-scale y-scale z-scale cylinder-length"
    " box-front-drawable box-back-drawable box-top-drawable box-bottom-drawable box-left-drawable"
    " box-right-drawable cyl-top-drawable cyl-bottom-drawable",
    "plug-in-checkerboard": "image drawables psychobilly check-size",
    "file-svg-load": "file - - width height paths",
}

ADAPTERS: dict[str, Callable[..., Any]] = {
    "script-fu-drop-shadow": _drop_shadow,
    "script-fu-reverse-layers": _reverse_layers,
    "plug-in-decompose": _decompose,
    **{name: _run_plug_in(name, order) for name, order in _ORDERS.items()},
}
