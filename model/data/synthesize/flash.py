"""What differs from one flash photograph to the next, drawn at random, a batch at a time.

The ranges are those that looked right beside real flash selfies. Over-exposure, tint
and background level matter most: without them a network is worse than doing nothing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from math import pi, tau
from pathlib import Path
from typing import Any, Final

import tomllib
import torch
from torch import Tensor

# Large photographs that were shrunk, which leaves no noise, blur or JPEG blocks. Were only pictures without a
# flash so clean, the network would take every clean selfie for one of them.
CLEAN_SHARE: Final = 0.35
CAST_SHARE: Final = 0.35  # of the pairs without a flash: their colour cast is to be removed all the same
NO_AMBIENT: Final = 0.5
DARK_SKIN: Final = 0.38  # sRGB lightness below which skin is not darkened further


Range = tuple[float, float]


@dataclass(frozen=True)
class Mix:
    """Which flashes there are, and how many of them."""

    identity: float = 0.05  # pairs without a flash: the network must leave those alone
    # Exponent of n.l. It comes on top of the studio's own shading, which real flashes do not have: with 1 and
    # more alone, a real flash's even face looks to the network as if there were no flash.
    lambert: tuple[float, float] = (0.25, 1.6)
    compressed: float = 0.35  # share of phones that even out large bright and dark areas
    darker: float = 0.42  # light skins re-rendered darker
    # Every skin a little lighter or darker than it is, deviation in log: else the network learns by heart how
    # light each face is, which is of no use with a stranger's.
    tone: float = 0.25
    level: Range = (0.4, 0.96)  # sRGB value at which the face's median is exposed
    level_follows: float = 0.2  # exponent by which that follows the skin's own: a phone meters the scene
    oil: Range = (0.1, 1.0)  # gain of the shine, half of the flashes
    oil_more: Range = (1.0, 4.0)  # the others
    alpha: Range = (0.17, 0.42)  # GGX roughness squared
    distance: Range = (24.0, 60.0)
    offset: Range = (0.5, 2.5)
    ambient: Range = (0.0, 0.12)  # share of room light, half of the flashes
    ambient_more: Range = (0.10, 0.45)
    saturation: Range = (0.8, 1.2)
    curve: Range = (0.0, 0.4)
    red: Range = (-0.2, 0.15)  # error of the white balance, ln of the gain
    green: Range = (-0.05, 0.07)
    blue: Range = (-0.28, 0.24)
    # How much of the portrait's own light is taken off before anything else shines on it; and, as exponents,
    # how much of it and of one soft key for everybody the target is lit by.
    unlit: float = 0.0
    own: float = 0.0
    key: float = 0.0
    form: float = (
        0.0  # how much of the flash's shading by angle stays in the target (exponent): a face has form
    )
    lift: float = 0.0  # L* by which the target's skin is lighter than the photograph's
    # How far the target's exposure and hue follow the photograph's. By design of the exposure where hue is 0,
    # else measured on the skin, see `pairs.complexion`.
    exposure_tie: float = 0.5
    hue_tie: float = 0.0
    # Flashes of a hard white LED at arm's length, pale and greenish: the one cast that is always taken out.
    led: float = 0.0
    led_level: Range = (0.6, 0.95)
    led_red: Range = (-0.3, -0.1)
    led_green: Range = (0.0, 0.1)
    led_blue: Range = (-0.15, 0.1)
    led_saturation: Range = (0.75, 1.05)
    led_oil: Range = (0.3, 1.5)
    led_hue_tie: float = 0.0
    highlights: float = 0.0  # share of the flashes with those in eyes, on lips and in hair, see `highlights`

    @classmethod
    def of(cls, table: dict[str, Any]) -> Mix:
        """From a table of TOML. Raises `ValueError` with a sentence for a wrong name, type or range."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name not in fields:
                raise ValueError(f"a mix has no {name}; there is: {', '.join(fields)}")
            pair = isinstance(fields[name].default, tuple)
            numbers = value if pair and isinstance(value, list) and len(value) == 2 else [value]
            if pair != (len(numbers) == 2) or not all(
                isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers
            ):
                raise ValueError(f"{name} is {value!r}; give {'[lowest, highest]' if pair else 'a number'}")
            if pair and numbers[0] > numbers[1]:
                raise ValueError(f"{name} is {value!r}: the lowest comes first")
            values[name] = tuple(map(float, numbers)) if pair else float(value)
        return cls(**values)


MIXES: Final = Path(__file__).with_name("mixes.toml")


@cache
def named(name: str) -> Mix:
    """Return a mix of mixes.toml. Raises `ValueError` with a sentence if there is none of that name.

    ``like`` in a table names another one, from which it takes what it does not say itself.
    """
    tables = tomllib.loads(MIXES.read_text("utf-8"))
    if name not in tables:
        raise ValueError(f"there is no mix {name!r}; there is: {', '.join(tables)}")
    own = dict(tables[name])
    other = own.pop("like", None)
    said = Mix.of(own)
    return (
        said if other is None else dataclasses.replace(named(other), **{key: vars(said)[key] for key in own})
    )


TRAINING: Final = named("first")
JUDGED: Final = named("hard")


@dataclass(frozen=True)
class Flash:
    """Numbers of N flashes: (N, 1, 1, 1), colours (N, 3, 1, 1), unless said otherwise.

    Distances in cm. Colours are linear RGB of luminance about 1.
    """

    distance: Tensor  # lens to eyes
    offset: Tensor  # (N, 2): flash to lens, x right, y down
    wall: Tensor  # eyes to background
    lambert: Tensor  # exponent of n.l
    alpha: Tensor  # GGX roughness squared
    oil: Tensor  # gain of the specular term
    subsurface: Tensor  # (N, 3): blur of the irradiance in pixels at 512
    darken: Tensor  # factor on the skin's albedo
    ambient: Tensor  # share of ambient light on the person
    ambient_wall: Tensor  # and on the background
    ambient_way: Tensor  # (N, 3): where it comes from, unit
    flash_colour: Tensor
    ambient_colour: Tensor
    balance: Tensor  # the camera's gains
    face_level: Tensor  # sRGB value at which the face's median is exposed
    gamma: Tensor
    curve: Tensor  # S-curve's share
    saturation: Tensor
    shot_noise: Tensor
    read_noise: Tensor
    blur: Tensor  # (N, 1) pixels
    sharpen: Tensor
    jpeg: Tensor  # (N,) quality
    compression: Tensor  # exponent by which a phone's camera evens out large areas
    identity: Tensor  # 1 where there is no flash at all: studio light, seen through the same camera
    led: Tensor  # 1 where it is a hard white LED's

    def to(self, device: torch.device) -> Flash:
        """All of it on `device`."""
        return Flash(**{name: value.to(device) for name, value in vars(self).items()})


def kelvin(temperature: Tensor) -> Tensor:
    """Linear RGB of a black body, (N, 1, 1, 1) K -> (N, 3, 1, 1), 6500 K is white.

    A fit in 1000 / T of the usual sRGB primaries' black-body colours, good to 4 % from 2600 to 7000 K.
    """
    u = 1000 / temperature - 1000 / 6500
    return torch.cat([torch.exp(2.45 * u), torch.exp(-0.2 * u), torch.exp(-6.6 * u)], dim=1)


def sample(lightness: Tensor, generator: torch.Generator, mix: Mix = TRAINING) -> Flash:
    """One flash for each of N faces. lightness: (N,) median sRGB grey of their skin."""
    n = len(lightness)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *(shape or (1, 1, 1)), generator=generator)

    def log(low: float, high: float, *shape: int) -> Tensor:
        return torch.exp(uniform(torch.tensor(low).log().item(), torch.tensor(high).log().item(), *shape))

    def either(share: float, one: Tensor, other: Tensor) -> Tensor:
        return torch.where(uniform(0, 1) < share, one, other)

    skin = lightness.view(n, 1, 1, 1)
    one = torch.ones(n, 1, 1, 1)
    melanin = torch.tensor([0.84, 1.0, 1.12]).view(1, 3, 1, 1)
    dark = torch.exp(-log(0.15, 1.1)) ** melanin
    darken = torch.where((uniform(0, 1) < mix.darker) & (skin > DARK_SKIN), dark, torch.ones(n, 3, 1, 1))
    if mix.tone:
        shade = melanin * torch.randn(n, 1, 1, 1, generator=generator)
        shade = shade + 0.15 * torch.randn(n, 3, 1, 1, generator=generator)
        darken = darken * torch.exp(mix.tone * shade.clip(-2, 2))
    angle, offset = uniform(0, tau, 1), uniform(*mix.offset, 1)
    way = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator) + torch.tensor([0, -0.7, 0.7]))
    flash_colour, ambient_colour = kelvin(uniform(5000, 7000)), kelvin(uniform(2600, 6500))
    adapted = uniform(0, 0.5)
    tint = torch.cat([uniform(*mix.red), uniform(*mix.green), uniform(*mix.blue)], dim=1)
    own = skin * darken.mean(1, keepdim=True) ** 0.4
    level = uniform(*mix.level) * (own / 0.65) ** mix.level_follows
    identity = torch.where(uniform(0, 1) < mix.identity, one, 0 * one)
    flashed = 1 - identity
    traces = torch.where(uniform(0, 1) < CLEAN_SHARE, 0 * one, one)  # of the camera
    cast = torch.exp(tint)
    balance = cast / (flash_colour ** (1 - adapted) * ambient_colour**adapted)
    flash = Flash(
        distance=uniform(*mix.distance),
        offset=torch.cat([angle.cos(), angle.sin()], dim=1) * offset,
        wall=log(25, 250),
        lambert=uniform(*mix.lambert),
        alpha=log(*mix.alpha),
        oil=either(0.5, uniform(*mix.oil), uniform(*mix.oil_more)),
        subsurface=torch.tensor([4.4, 2.0, 1.2]) * log(0.4, 1.6, 1),
        darken=darken,
        ambient=either(NO_AMBIENT, uniform(*mix.ambient), uniform(*mix.ambient_more)),
        ambient_wall=0.1 + 1.9 * uniform(0, 1) ** 1.5,  # rooms may be brighter than the face
        ambient_way=way,
        flash_colour=flash_colour,
        ambient_colour=ambient_colour,
        face_level=level.clip(0.28, 0.95),
        gamma=1 + flashed * uniform(-0.15, 0.15),
        curve=flashed * uniform(*mix.curve),
        saturation=1 + flashed * (uniform(*mix.saturation) - 1),
        shot_noise=traces * 10 ** uniform(-4.6, -3.4),
        read_noise=traces * 10 ** uniform(-6.3, -4.8),
        blur=traces[:, :, 0, 0] * uniform(0, 0.9, 1),
        sharpen=traces * uniform(0, 0.8),
        jpeg=torch.where(traces[:, 0, 0, 0] > 0, uniform(60, 96, 1)[:, 0], torch.tensor(100.0)),
        identity=identity,
        compression=flashed * either(mix.compressed, uniform(0, 0.5), 0 * one),
        balance=torch.where(identity > 0, either(CAST_SHARE, cast, torch.ones_like(cast)), balance),
        led=0 * one,
    )
    if not mix.led:
        return flash  # nothing more is drawn: the flashes stay those they were without this mode
    led = (uniform(0, 1) < mix.led) & (identity == 0)
    cast = torch.exp(
        torch.cat([uniform(*mix.led_red), uniform(*mix.led_green), uniform(*mix.led_blue)], dim=1)
    )
    theirs = {
        "balance": cast / flash_colour,
        "face_level": uniform(*mix.led_level) * (own / 0.65) ** mix.level_follows,
        "saturation": uniform(*mix.led_saturation),
        "oil": uniform(*mix.led_oil),
    }
    changed = {name: torch.where(led, value, getattr(flash, name)) for name, value in theirs.items()}
    return dataclasses.replace(flash, **changed, led=led.float())


def ggx(cosine: Tensor, alpha: Tensor) -> Tensor:
    """Return the GGX distribution of normals at n.h = cosine."""
    squared = alpha * alpha
    return squared / (pi * (cosine * cosine * (squared - 1) + 1) ** 2)
