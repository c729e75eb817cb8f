"""GIMP 2's filters that became a GEGL operation with other names and units for the same things, as a table.

Those that need more than that are functions in `filters`.
"""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gi.repository import Gegl, Gimp

from . import colour
from .errors import error
from .gaussian_blur import standard_deviation
from .gegl import Operation

# Filter, operation, then: what becomes of each argument after run mode, image and drawable, in their order.
#
# property:kind    the argument, changed as `_KINDS` says; two with a comma are made from one argument
# pad:drawable     the argument feeds that pad
# name             the argument goes, by that name, to the function of `_TOGETHER` for this filter
# -                is ignored; -? may be missing; * ignores all that follow
# property=value   no argument: of `_VALUES`
# +cast, +bounds   see `gegl.Operation`; +size, +place: the selection's rectangle are properties, too
_TABLE = """
plug-in-alienmap2 gegl:alien-map
    cpn-1-frequency:float cpn-1-phaseshift:float cpn-2-frequency:float cpn-2-phaseshift:float
    cpn-3-frequency:float cpn-3-phaseshift:float color-model:int cpn-1-keep:not cpn-2-keep:not cpn-3-keep:not
plug-in-antialias gegl:antialias
plug-in-apply-canvas gegl:texturize-canvas direction:int depth:int
plug-in-applylens gegl:apply-lens
    refraction-index:float keep-surroundings:bool background-color:background-or-clear -? +bounds
plug-in-autostretch-hsv gegl:stretch-contrast-hsv
plug-in-bump-map gegl:bump-map
    aux:drawable azimuth:float elevation:float depth:int offset-x:int offset-y:int waterlevel:level
    ambient:level compensate:bool invert:bool type:int tiled=no
plug-in-bump-map-tiled gegl:bump-map
    aux:drawable azimuth:float elevation:float depth:int offset-x:int offset-y:int waterlevel:level
    ambient:level compensate:bool invert:bool type:int tiled=yes
plug-in-c-astretch gegl:stretch-contrast keep-colors=no
plug-in-colortoalpha gegl:color-to-alpha color:colour
plug-in-convmatrix gegl:convolution-matrix
    - matrix alpha-weight:bool divisor:float offset:float - channels border:border normalize=no +cast
plug-in-cubism gegl:cubism tile-size:float tile-saturation:float bg-color:bare-background-or-clear
plug-in-deinterlace gegl:deinterlace keep:0-if orientation=0 size=1 +cast
plug-in-diffraction gegl:diffraction-patterns
    red-frequency:float green-frequency:float blue-frequency:float red-contours:float green-contours:float
    blue-contours:float red-sedges:float green-sedges:float blue-sedges:float brightness:float
    scattering:float polarization:float +size
plug-in-dilate gegl:value-propagate
    * mode=0 top=yes left=yes right=yes bottom=yes value=yes alpha=no lower-threshold=0.0 upper-threshold=1.0
    rate=1.0
plug-in-dog gegl:difference-of-gaussians radius1:deviation radius2:deviation - - +cast
plug-in-edge gegl:edge amount:float border-behavior:abyss algorithm:int
plug-in-engrave gegl:engrave row-height:int limit:bool
plug-in-erode gegl:value-propagate
    * mode=1 top=yes left=yes right=yes bottom=yes value=yes alpha=no lower-threshold=0.0 upper-threshold=1.0
    rate=1.0
plug-in-exchange gegl:color-exchange
    from from from to to to red-threshold:byte green-threshold:byte blue-threshold:byte
plug-in-flarefx gegl:lens-flare pos-x:across pos-y:down
plug-in-glasstile gegl:tile-glass tile-width:int tile-height:int
plug-in-hsv-noise gegl:noise-hsv
    holdness:int hue-distance:float saturation-distance:byte value-distance:byte seed=random
plug-in-illusion gegl:illusion division:int illusion-type:int
plug-in-laplace gegl:edge-laplace
plug-in-lens-distortion gegl:lens-distortion
    x-shift:float y-shift:float main:float edge:float zoom:float brighten:float background=background-or-hole
    +bounds
plug-in-make-seamless gegl:tile-seamless +bounds
plug-in-maze gegl:maze
    x:int y:int tileable:bool algorithm-type:int seed:seed * fg-color=foreground bg-color=background
plug-in-median-blur gegl:median-blur radius:int percentile:float
plug-in-mosaic gegl:mosaic
    tile-size:float tile-height:float tile-spacing:float tile-neatness:float tile-allow-split:bool
    light-dir:float color-variation:float antialiasing:bool color-averaging:bool tile-type:int
    tile-surface:bool light-color:foreground-or-white,joints-color:background-or-black
plug-in-neon gegl:edge-neon radius:float amount:float
plug-in-newsprint gegl:newsprint
    period:float,period2:float,period3:float,period4:float color-model:inks black-pullout:percent
    angle:turn pattern:spot angle2:turn pattern2:spot angle3:turn pattern3:spot angle4:turn pattern4:spot
    aa-samples:int
plug-in-normalize gegl:stretch-contrast keep-colors=yes perceptual=yes
plug-in-nova gegl:supernova
    center-x:across center-y:down color:colour radius:int spokes-count:int random-hue:int seed=random
plug-in-oilify gegl:oilify mask-radius:radius use-inten:bool
plug-in-oilify-enhanced gegl:oilify
    use-inten:bool mask-radius:radius aux:drawable-if-any exponent:int aux2:drawable-if-any
plug-in-papertile gegl:tile-paper
    tile-width:int,tile-height:int move-rate:float fractional-type:int wrap-around:bool centering:bool
    background color -?
plug-in-pixelize gegl:pixelize size-x:int,size-y:int
plug-in-pixelize2 gegl:pixelize size-x:int size-y:int
plug-in-plasma gegl:plasma seed:seed turbulence:float +place
plug-in-polar-coords gegl:polar-coordinates depth:float angle:float bw:bool top:bool polar:bool +bounds
plug-in-red-eye-removal gegl:red-eye-removal threshold:redness
plug-in-ripple gegl:ripple
    period:float amplitude:float orientation abyss-policy:ripple-edges waveform sampler-type:sampler
    tileable:bool +cast
plug-in-sel-gauss gegl:gaussian-blur-selective blur-radius:float max-delta:byte
plug-in-shift gegl:shift shift:half direction:0-if seed=random
plug-in-sinus gegl:sinus
    x-scale:float y-scale:float complexity:float seed:seed tiling:bool perturbation:bool colors col1 col2
    alpha1 alpha2 blend-mode:int blend-power:float +size
plug-in-sobel gegl:edge-sobel horizontal:bool vertical:bool keep-sign:bool +cast
plug-in-solid-noise gegl:noise-solid
    tileable:bool turbulent:bool seed:seed detail:int x-size:float y-size:float +size
plug-in-spread gegl:noise-spread amount-x:int amount-y:int seed=random
plug-in-unsharp-mask gegl:unsharp-mask std-dev:float scale:float threshold:byte
plug-in-video gegl:video-degradation pattern:int additive:bool rotated:bool
plug-in-vinvert gegl:value-invert
plug-in-vpropagate gegl:value-propagate
    mode:propagated,color:propagated-colour value:bit-1,alpha:bit-2 rate:float
    left:bit-1,top:bit-2,right:bit-4,bottom:bit-8 lower-threshold:byte upper-threshold:byte
plug-in-waves gegl:waves
    amplitude:float phi:phase period:double clamp:not - x=0.5 y=0.5 aspect=aspect
plug-in-whirl-pinch gegl:whirl-pinch whirl:float pinch:float radius:float +bounds
plug-in-wind gegl:wind threshold:int direction:int strength:int style:int edge:int
"""

ABYSS = {0: 0, 1: 2, 2: 1, 3: 3}  # GIMP's wrap modes none, wrap, smear, black as GEGL's policies
_BORDERS = {0: 1, 1: 2, 2: 0}  # extend, wrap, clear
_RIPPLE_EDGES = {0: 1, 1: 2}  # smear, wrap
_PROPAGATED = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 5, 7: 6}
_INKS = {0: 1, 1: 2, 2: 3, 3: 1}
_SPOTS = {0: 1, 1: 0, 2: 2, 3: 4, 4: 2}
_CLEAR, _BLACK, _WHITE = (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def random_seed() -> int:
    """Return a seed where the filter takes none."""
    return random.getrandbits(31)


def foreground_colour(alpha: float | None = None) -> Any:
    """Return the foreground colour as GEGL's."""
    return with_alpha(Gimp.context_get_foreground(), alpha)


def background_colour(alpha: float | None = None) -> Any:
    """Return the background colour as GEGL's."""
    return with_alpha(Gimp.context_get_background(), alpha)


def with_alpha(native: Any, alpha: float | None) -> Any:
    """Return GEGL's colour with another opacity; None: as it is."""
    if alpha is None:
        return native
    rgb = colour.from_gegl(native)
    return colour.to_gegl((rgb.r, rgb.g, rgb.b, float(alpha)))


def place(drawable: Any) -> dict[str, int]:
    """Return the selection's rectangle as an operation's properties."""
    return dict(zip(("x", "y", "width", "height"), drawable.mask_intersect()[1:], strict=True))


def size(drawable: Any) -> dict[str, int]:
    """Return the size of the selection's rectangle as an operation's properties."""
    return {name: number for name, number in place(drawable).items() if name in ("width", "height")}


def _propagated_colour(value: Any, drawable: Any) -> Any:
    return {3: foreground_colour, 4: foreground_colour, 5: background_colour}.get(int(value), lambda: None)()


def _phase(value: float, drawable: Any) -> float:
    return (math.fmod(value % 360.0, 360.0) - 180.0) / 180.0


# Of an argument and the drawable, what the property becomes; None: it is not set.
_KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "int": lambda value, drawable: int(value),
    "float": lambda value, drawable: float(value),
    "bool": lambda value, drawable: bool(value),
    "not": lambda value, drawable: not value,
    "0-if": lambda value, drawable: 0 if value else 1,
    "byte": lambda value, drawable: value / 255.0,
    "level": lambda value, drawable: value / 255.0 if value > 1 else float(value),
    "percent": lambda value, drawable: value / 100.0,
    "double": lambda value, drawable: value * 2.0,
    "half": lambda value, drawable: int(value) // 2,
    "radius": lambda value, drawable: max(1, int(value) // 2),
    "seed": lambda value, drawable: int(value) & 0xFFFFFFFF,
    "bit-1": lambda value, drawable: bool(int(value) & 1),
    "bit-2": lambda value, drawable: bool(int(value) & 2),
    "bit-4": lambda value, drawable: bool(int(value) & 4),
    "bit-8": lambda value, drawable: bool(int(value) & 8),
    "across": lambda value, drawable: value / drawable.get_width(),
    "down": lambda value, drawable: value / drawable.get_height(),
    "turn": lambda value, drawable: math.remainder(float(value), 360.0),
    "phase": _phase,
    "deviation": lambda value, drawable: standard_deviation(value),
    "redness": lambda value, drawable: (value - 50) / 50.0 * 0.2 + 0.4,
    "abyss": lambda value, drawable: ABYSS.get(int(value), 0),
    "border": lambda value, drawable: _BORDERS[int(value)],
    "ripple-edges": lambda value, drawable: _RIPPLE_EDGES.get(int(value), 0),
    "sampler": lambda value, drawable: Gegl.SamplerType.CUBIC if value else Gegl.SamplerType.NEAREST,
    "inks": lambda value, drawable: _INKS.get(int(value), 1),
    "spot": lambda value, drawable: _SPOTS.get(int(value), 1),
    "propagated": lambda value, drawable: _PROPAGATED[int(value)],
    "propagated-colour": _propagated_colour,
    "colour": lambda value, drawable: colour.to_gegl(value),
    "background-or-clear": lambda value, drawable: background_colour() if value else colour.to_gegl(_CLEAR),
    "bare-background-or-clear": lambda value, drawable: (
        background_colour(0.0) if value else colour.to_gegl(_CLEAR)
    ),
    "background-or-black": lambda value, drawable: background_colour() if value else colour.to_gegl(_BLACK),
    "foreground-or-white": lambda value, drawable: foreground_colour() if value else colour.to_gegl(_WHITE),
}
_VALUES: dict[str, Callable[[Any], Any]] = {
    "no": lambda drawable: False,
    "yes": lambda drawable: True,
    "random": lambda drawable: random_seed(),
    "foreground": lambda drawable: foreground_colour(),
    "background": lambda drawable: background_colour(),
    "background-or-hole": lambda drawable: background_colour(0.0 if drawable.has_alpha() else 1.0),
    "aspect": lambda drawable: min(10.0, max(0.1, drawable.get_width() / drawable.get_height())),
}


def _convolution(drawable: Any, matrix: Any, channels: Any) -> dict[str, Any]:
    if len(matrix) != 25 or len(channels) != 5:
        raise error("plug-in-convmatrix takes a matrix of 25 numbers and 5 channels.")
    gray, *rgba = map(bool, channels)
    if drawable.is_gray():
        rgba[:3] = [gray] * 3
    places = [f"{row}{column}" for row in "abcde" for column in "12345"]
    return {
        **dict(zip(places, map(float, matrix), strict=True)),
        **dict(zip(("red", "green", "blue", "alpha"), rgba, strict=True)),
    }


def _exchange(drawable: Any, *parts: int) -> dict[str, Any]:
    before, after = (colour.to_gegl(tuple(one / 255 for one in three)) for three in (parts[:3], parts[3:]))
    return {"from-color": before, "to-color": after}


def _paper(drawable: Any, background: int, color: Any) -> dict[str, Any]:
    made = {3: foreground_colour, 4: background_colour, 5: lambda: colour.to_gegl(color)}
    behind = made.get(int(background), lambda: colour.to_gegl((0.0, 0.0, 1.0)))()
    return {"bg-color": behind, "background-type": min(3, int(background))}


def _ripple(drawable: Any, orientation: int, waveform: int) -> dict[str, Any]:
    phi = 0.5 if not orientation and int(waveform) == 1 else 0.0 if waveform else 0.75
    return {"phi": phi, "angle": 0.0 if orientation else 90.0, "wave-type": 0 if waveform else 1}


def _sinus(drawable: Any, colors: int, col1: Any, col2: Any, alpha1: float, alpha2: float) -> dict[str, Any]:
    if int(colors) == 1:
        first, second = foreground_colour(), background_colour()
    else:
        first, second = map(colour.to_gegl, (col1, col2) if int(colors) else (_BLACK, _WHITE))
    return {"color1": with_alpha(first, alpha1), "color2": with_alpha(second, alpha2)}


# Of the drawable and several arguments, the properties that are made of them together.
_TOGETHER: dict[str, Callable[..., dict[str, Any]]] = {
    "gegl:convolution-matrix": _convolution,
    "gegl:color-exchange": _exchange,
    "gegl:tile-paper": _paper,
    "gegl:ripple": _ripple,
    "gegl:sinus": _sinus,
}


def _operation(name: str, tokens: Sequence[str], drawable: Any, *args: Any) -> Operation:
    """Return a filter's operation. Raises `TypeError` for too few or too many arguments."""
    takes = [token for token in tokens if "=" not in token and "+" not in token]
    needed = sum(token not in ("-?", "*") for token in takes)
    if len(args) < needed or (len(args) > len(takes) and "*" not in takes):
        raise TypeError(f"it takes {needed + 2} arguments")
    operation = Operation(name, cast="+cast" in tokens, bounds="+bounds" in tokens)
    together = []
    for token, value in zip(takes, args, strict=False):
        if token[0].isalpha() and ":" not in token:
            together.append(value)
        for setting in token.split(",") if ":" in token else ():
            key, kind = setting.split(":")
            _set(operation, key, kind, value, drawable)
    for key, word in (token.split("=") for token in tokens if "=" in token):
        operation.properties[key] = _VALUES[word](drawable) if word in _VALUES else ast.literal_eval(word)
    if name in _TOGETHER:
        operation.properties |= _TOGETHER[name](drawable, *together)
    if "+size" in tokens or "+place" in tokens:
        operation.properties |= size(drawable) if "+size" in tokens else place(drawable)
    return operation


def _set(operation: Operation, key: str, kind: str, value: Any, drawable: Any) -> None:
    """Make of an argument what its kind says: a pad's drawable, or a property."""
    if kind == "drawable" or (kind == "drawable-if-any" and isinstance(value, Gimp.Drawable)):
        operation.aux[key] = value
    elif kind != "drawable-if-any" and (made := _KINDS[kind](value, drawable)) is not None:
        operation.properties[key] = made


def filters() -> dict[str, Callable[..., Operation]]:
    """Return each filter of the table as a function of the drawable and the arguments."""
    entries = (entry.split() for entry in re.split(r"\n(?=\S)", _TABLE.strip()))
    return {name: partial(_operation, operation, tokens) for name, operation, *tokens in entries}
