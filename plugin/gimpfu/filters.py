"""GIMP 2's filters ``plug-in-*`` that became GEGL operations, with their old arguments and units.

Most are lines of `filter_table`. A function here has the arguments after the drawable and gives the operation
with its properties. The mapping is that of GIMP 2.10.34's ``pdb/groups/plug_in_compat.pdb``;
for plug-ins that were still programs of their own there (blur, sharpen, dog, ...) it is fitted
to what they computed, or they are in `bytefilters`. All are measured against that GIMP: see README.md,
"Filters", and ``tests/gimpfu/judge.py``.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from functools import partial
from typing import Any

from gi.repository import Gegl, Gimp

from . import bytefilters, filter_table, pixels
from .errors import error
from .filter_table import ABYSS, random_seed
from .gegl import Operation, apply
from .signature import without_result

Op = Operation


def _gaussian(horizontal: float, vertical: float) -> Op:
    properties = {"std-dev-x": horizontal * 0.32, "std-dev-y": vertical * 0.32, "abyss-policy": 1}
    return Op("gegl:gaussian-blur", properties, cast=True)


def _gauss_one(drawable: Any, radius: float, horizontal: int, vertical: int) -> Op:
    return _gaussian(radius if horizontal else 0.0, radius if vertical else 0.0)


def _displace(
    mode: int, drawable: Any, x: float, y: float, do_x: int, do_y: int, map_x: Any, map_y: Any, edges: int
) -> Op | None:
    properties = {
        "displace-mode": mode,
        "sampler-type": Gegl.SamplerType.CUBIC,
        "abyss-policy": ABYSS.get(int(edges), 0),
        "amount-x": float(x),
        "amount-y": float(y),
    }
    aux = {pad: one for pad, one, on in (("aux", map_x, do_x), ("aux2", map_y, do_y)) if on}
    return Op("gegl:displace", properties, aux) if aux else None


def _channel_mixer(drawable: Any, monochrome: int, *gains: float) -> Op:
    if monochrome:
        return Op("gegl:mono-mixer", dict(zip(("red", "green", "blue"), map(float, gains[:3]), strict=True)))
    names = [f"{a}{b}-gain" for a in "rgb" for b in "rgb"]
    return Op("gegl:channel-mixer", dict(zip(names, map(float, gains), strict=True)))


def _kernel(middle: float, around: float, alpha: bool) -> Op:
    """Return a 3 x 3 convolution on the stored values."""
    places = {f"{row}{column}": around for row in "bcd" for column in "234"} | {"c3": middle}
    properties = {
        **places,
        "divisor": 1.0,
        "offset": 0.0,
        "normalize": False,
        "alpha-weight": True,
        "border": 1,
    }
    return Op("gegl:convolution-matrix", {**properties, "alpha": alpha}, cast=True)


def _sharpen(drawable: Any, percent: int) -> Op:
    """As plug-ins/common/sharpen.c: k * pixel - (k - 1) / 8 * neighbours, k = 100 / (100 - percent)."""
    factor = 100.0 / max(1, 100 - int(percent))
    return _kernel(factor, -(factor - 1) / 8, alpha=False)


def _blur(drawable: Any) -> Op:
    return _kernel(1 / 9, 1 / 9, alpha=True)


def _motion(
    inward: bool, drawable: Any, kind: int, length: float, angle: float, x: float = 0.0, y: float = 0.0
) -> Op:
    centre = {"center-x": x / drawable.get_width(), "center-y": y / drawable.get_height()}
    turn = angle - 360.0 if angle > 180.0 and not inward else float(angle)
    if int(kind) == 0:
        return Op("gegl:motion-blur-linear", {"length": float(length), "angle": turn})
    if int(kind) == 1:
        return Op("gegl:motion-blur-circular", {**centre, "angle": turn})
    factor = -length / (256.0 - length) if inward else length / 256.0
    low, high = (-10.0, 0.0) if inward else (0.0, 1.0)
    return Op("gegl:motion-blur-zoom", {**centre, "factor": min(high, max(low, factor))})


def _noise(drawable: Any, independent: int, correlated: int, *noise: float) -> Op:
    levels = [float(one) for one in noise]
    if drawable.is_gray():
        levels = [levels[0]] * 3 + [levels[1]]
    properties: dict[str, Any] = dict(zip(("red", "green", "blue", "alpha"), levels, strict=True))
    properties |= {"correlated": bool(correlated), "independent": bool(independent), "seed": random_seed()}
    properties |= {"linear": True, "gaussian": True}
    return Op("gegl:noise-rgb", properties, cast=True)


def _random(name: str, drawable: Any, percent: float, repeat: float, randomize: int, seed: int) -> Op:
    number = random_seed() if randomize else int(seed)
    return Op(name, {"seed": number & 0xFFFFFFFF, "pct-random": float(percent), "repeat": int(repeat)})


FILTERS: dict[str, Callable[..., Op | None]] = {
    **filter_table.filters(),
    "plug-in-blur": _blur,
    "plug-in-colors-channel-mixer": _channel_mixer,
    "plug-in-displace": partial(_displace, 0),
    "plug-in-displace-polar": partial(_displace, 1),
    "plug-in-gauss": lambda drawable, horizontal, vertical, method=0: _gaussian(horizontal, vertical),
    **{
        f"plug-in-gauss-{kind}2": lambda drawable, horizontal, vertical: _gaussian(horizontal, vertical)
        for kind in ("iir", "rle")
    },
    **{f"plug-in-gauss-{kind}": _gauss_one for kind in ("iir", "rle")},
    "plug-in-mblur": partial(_motion, False),
    "plug-in-mblur-inward": partial(_motion, True),
    "plug-in-noisify": lambda drawable, independent, *noise: _noise(drawable, independent, False, *noise),
    **{
        f"plug-in-randomize-{kind}": partial(_random, f"gegl:noise-{kind}")
        for kind in ("hurl", "pick", "slur")
    },
    "plug-in-rgb-noise": _noise,
    "plug-in-sharpen": _sharpen,
}


def run(name: str, image: Any, drawable: Any, *args: Any) -> None:
    """Run filter `name` with GIMP 2's arguments after the run mode. Raises `error`."""
    try:
        operation = FILTERS[name](drawable, *args)
    except TypeError as fault:
        if "argument" in str(fault):
            raise error(f"{name} was given {len(args) + 2} arguments: {fault}") from None
        raise
    if operation is not None:
        apply(drawable, operation)


# Filters that are no operation in GIMP 3 but a call of its own.


def _rotate(image: Any, drawable: Any, angle: int, everything: int) -> None:
    kind = Gimp.RotationType((int(angle) - 1) % 4)
    if everything:
        image.rotate(kind)
    else:
        drawable.transform_rotate_simple(kind, True, 0.0, 0.0)


def _threshold_alpha(image: Any, drawable: Any, threshold: int) -> None:
    """Alpha above the limit becomes 255, the rest 0."""
    limit = int(threshold) / 255.0
    single = array.array("f", [value / 255.0 for value in range(256)])  # it was compared in single precision
    curve = [1.0 if value > limit else 0.0 for value in single]
    drawable.curves_explicit(Gimp.HistogramChannel.ALPHA, curve)


CALLS: dict[str, Callable[..., Any]] = {
    **without_result(
        {
            "plug-in-autocrop": lambda image, drawable: image.autocrop(drawable),
            "plug-in-autocrop-layer": lambda image, drawable: image.autocrop_selected_layers(drawable),
        }
    ),
    "plug-in-rotate": _rotate,
    "plug-in-threshold-alpha": _threshold_alpha,
    **pixels.CALLS,
    **bytefilters.CALLS,
}
