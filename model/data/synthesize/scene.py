"""From cached maps to what the camera sees: a random crop, turned and mirrored, before a background.

Only the crop is read and rendered, at the pixel scale at which the network is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.paper.bilateral import SIZE
from model.paper.colour import decode_srgb, encode_srgb

from .cache import Entry, planes
from .flash import Flash
from .light import Surface, blur, sampling_grid, unit
from .maps import DEPTH_MIN, DEPTH_STEP, LIGHT_MOST, PLANES

EYES: Final = (256.0, 236.0)  # where `framing` puts them, pixels
CHIN: Final = 400.0  # below: clothes
TURN: Final = 9.0  # degrees, standard deviation
ZOOM: Final = (0.9, 1.12)
STRETCH: Final = 0.05  # of the width, sd in log; the height shrinks by as much
SPREAD: Final = 75.0  # pixels, standard deviation of the crop's centre
SATURATION: Final = 1.1  # of the portraits: balanced and matte they look a little grey
COLOURFUL: Final = 0.4  # changes of a wall's colour against those of its brightness
RECOLOUR: Final = {"london": 0.7, "canada": 0.5}  # sets in which everybody wears white


@dataclass(frozen=True)
class Placing:
    """Where the crops lie. theta (N, 2, 3): crop coordinates to the 512 crop's, both in -1..1.
    turn (N, 2, 2): source directions to the crop's. scale (N, 1, 1, 1): pixels per cm.
    eyes (N, 2): crop pixels. shrink: how much smaller than the 512 crop a crop pixel's scale is.
    """

    size: int
    shrink: int
    theta: Tensor
    turn: Tensor
    scale: Tensor
    eyes: Tensor

    def to(self, device: torch.device) -> Placing:
        """All of it on `device`."""
        moved = {name: getattr(self, name).to(device) for name in ("theta", "turn", "scale", "eyes")}
        return replace(self, **moved)

    def crop_pixel(self, number: int, x: float, y: float) -> Tensor:
        """Return where crop `number` shows the 512 crop's point x, y: pixels, (2,)."""
        linear, middle = self.theta[number, :, :2], self.theta[number, :, 2]
        point = torch.tensor([x, y], device=linear.device) * 2 / SIZE - 1
        found: Tensor = (torch.linalg.solve(linear, point - middle) + 1) * self.size / 2
        return found

    def grid(self, shifted: Tensor | None = None) -> Tensor:
        """Make the sampling grid; shifted (N, 2): crop pixels by which to look aside."""
        theta = self.theta
        if shifted is not None:
            aside = torch.einsum("nij,nj->ni", theta[:, :, :2], shifted * 2 / self.size)
            theta = torch.cat([theta[:, :, :2], theta[:, :, 2:] + aside[..., None]], dim=2)
        return sampling_grid(theta, self.size, self.size)


def whole(scales: Sequence[float], shrink: int = 1) -> Placing:
    """Return the full 512 crops as they are, or smaller by `shrink`: what validation sees."""
    n = len(scales)
    same = torch.eye(2).expand(n, 2, 2)
    theta = torch.cat([same, torch.zeros(n, 2, 1)], dim=2)
    scale, eyes = torch.tensor(scales).view(n, 1, 1, 1), torch.tensor(EYES).expand(n, 2)
    return Placing(SIZE // shrink, shrink, theta, same, scale / shrink, eyes / shrink)


def place(scales: Sequence[float], size: int, rng: np.random.Generator, shrink: int = 1) -> Placing:
    """Random crops of `size` pixels: near the face, turned, mirrored, a little larger or smaller.

    shrink: the crops show the 512 crop at 1 / shrink of its scale.
    """
    n = len(scales)
    angle = np.deg2rad(rng.normal(0, TURN, n).clip(-25, 25))
    zoom = rng.uniform(*ZOOM, n)
    mirror = rng.choice([-1.0, 1.0], n)
    cos, sin = np.cos(angle), np.sin(angle)
    back = np.stack([np.stack([mirror * cos, -mirror * sin], -1), np.stack([sin, cos], -1)], axis=1)
    half = size / 2
    reach = max(half * shrink - 16, 0)
    spread = SPREAD * max(1 - size * shrink / SIZE, 0.15)
    centre = (SIZE / 2 + rng.normal(0, spread, (n, 2))).clip(min(reach, 240), max(SIZE - reach, 272))
    linear_part = back * shrink / zoom[:, None, None]  # crop pixels to 512-crop pixels
    wide = np.exp(rng.normal(0, STRETCH, n).clip(-0.1, 0.1))
    linear_part = np.stack([wide, 1 / wide], axis=1)[:, :, None] * linear_part
    theta = np.concatenate(
        [linear_part * size / SIZE, (centre[..., None] - SIZE / 2) * 2 / SIZE], axis=2
    ).astype(np.float32)
    eyes = np.einsum("nij,nj->ni", np.linalg.inv(linear_part), np.array(EYES) - centre) + half
    scale = np.array(scales) * zoom / shrink
    turn = np.linalg.inv(back).astype(np.float32)
    return Placing(
        size,
        shrink,
        torch.from_numpy(theta),
        torch.from_numpy(turn),
        torch.from_numpy(scale).float().view(n, 1, 1, 1),
        torch.from_numpy(eyes).float(),
    )


def load(folder: Path, chosen: Sequence[Entry], shrink: int = 1) -> Tensor:
    """Return the cached planes of N portraits: (N, COUNT, 512, 512) uint8, or smaller by `shrink`."""
    stack = np.stack([planes(folder, entry.name, shrink) for entry in chosen])
    return torch.from_numpy(stack).permute(0, 3, 1, 2)


def surface(
    maps: Tensor, placing: Placing, background: Tensor, flash: Flash, dye: Tensor
) -> tuple[Surface, Tensor]:
    """Return the scene in the crops, and where it lies inside the photograph (N, 1, H, W).

    background: (N, 3, H, W) sRGB, or NaN where the portrait keeps its own.
    dye: (N, 3, 1, 1) factor on white clothes.
    """
    seen = _sample(maps, placing)

    def plane(name: str) -> Tensor:
        return seen[:, PLANES[name]]

    normal = plane("normal") / 127.5 - 1
    xy = torch.einsum("nij,njhw->nihw", placing.turn, normal[:, :2])
    normal = unit(torch.cat([xy, normal[:, 2:]], dim=1))
    at = torch.arange(placing.size, device=maps.device) + 0.5
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"))[None] - placing.eyes[..., None, None]
    depth = plane("depth") * DEPTH_STEP + DEPTH_MIN
    person, skin = plane("person") / 255, plane("skin") / 255
    aside = flash.offset * (flash.wall / flash.distance * placing.scale)[:, :, 0, 0]
    matte = maps[:, PLANES["person"]].float() / 255
    cast = F.grid_sample(matte, placing.grid(aside), padding_mode="border", align_corners=False)
    cast = blur(cast, 0.08 * aside.norm(dim=1, keepdim=True).clip(2, 60) + 0.5 / placing.shrink)
    albedo = decode_srgb(plane("studio") / 255)
    grey = albedo.mean(1, keepdim=True)
    albedo = (grey + SATURATION * (albedo - grey)).clip(0)
    albedo = _dye(albedo, person, placing, dye)
    light, key = (plane(name).clip(1) * (LIGHT_MOST / 255) for name in ("light", "key"))
    own = decode_srgb(plane("scene") / 255)
    behind = torch.where(background.isnan(), own, decode_srgb(background))
    scene = Surface(
        albedo=albedo,
        background=behind,
        normal=normal,
        position=torch.cat([pixels / placing.scale, depth], dim=1),
        person=person,
        skin=skin * person,
        tone=plane("tone") / 255 * person,
        shine=plane("shine") / 255,
        light=light,
        key=key,
        wall_shadow=cast,
        pixels=placing.scale,
        shrink=placing.shrink,
    )
    inside = (placing.grid().abs().amax(-1) <= 1)[:, None]
    return scene, plane("valid") / 255 * inside


def _sample(maps: Tensor, placing: Placing) -> Tensor:
    """Return the planes in the crops, (N, COUNT, H, W) float32 in 0..255."""
    return F.grid_sample(maps.float(), placing.grid(), padding_mode="border", align_corners=False)


def _dye(albedo: Tensor, person: Tensor, placing: Placing, dye: Tensor) -> Tensor:
    """Colour the white clothes of sets in which everybody wears the same shirt."""
    low = (placing.grid()[..., 1][:, None] + 1) * SIZE / 2
    least, most = albedo.amin(1, keepdim=True), albedo.amax(1, keepdim=True).clip(1e-3)
    pale = ((least - 0.12) / 0.2).clip(0, 1) * ((least / most - 0.65) / 0.12).clip(0, 1)
    where = ((low - CHIN) / 12).clip(0, 1) * pale * person
    return albedo * (1 - where + where * dye)


def dyes(chosen: Sequence[Entry], rng: np.random.Generator) -> Tensor:
    """(N, 3, 1, 1): colours for white shirts, 1 for those that keep theirs."""
    colours = np.ones((len(chosen), 3), np.float32)
    for colour, entry in zip(colours, chosen, strict=True):
        if rng.random() < RECOLOUR.get(entry.source, 0.0):
            colour[:] = rng.uniform(0.03, 1) * rng.uniform(0.3, 1, 3)
    return torch.from_numpy(colours)[..., None, None]


def backgrounds(
    chosen: Sequence[Entry], others: Sequence[Tensor], size: int, rng: np.random.Generator
) -> Tensor:
    """(N, 3, size, size) sRGB: plain, patterned, parts of other pictures; NaN: the portrait's own.

    others: (3, H, H) uint8 pictures, one for each of the N.
    """
    made = []
    for entry, other in zip(chosen, others, strict=True):
        kind = rng.random()
        plain = entry.source in RECOLOUR  # grey walls: keep them less often
        if kind < (0.15 if plain else 0.5):
            made.append(torch.full((3, size, size), float("nan")))
        elif kind < 0.55:
            made.append(_part(other, size, rng))
        else:
            made.append(_plain(size, rng))
    return torch.stack(made)


def _part(picture: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Return an enlarged, blurred part of some picture."""
    most = picture.shape[-1]
    side = int(rng.uniform(0.15, 0.9) * most)
    x, y = rng.integers(0, most - side, 2)
    part = picture[None, :, y : y + side, x : x + side].float() / 255
    part = F.interpolate(part, (size, size), mode="bilinear")
    return blur(part, torch.tensor([[float(rng.uniform(0.3, 5))]]))[0].flip(2 if rng.random() < 0.5 else 1)


def _plain(size: int, rng: np.random.Generator) -> Tensor:
    """Return a wall: one colour with slow changes, sometimes patches or white."""
    level = rng.choice([rng.uniform(0.02, 1), rng.uniform(0.75, 1), 1.0], p=[0.7, 0.22, 0.08])
    colour = torch.tensor(level * (1 - rng.uniform(0, 0.5) * rng.random(3)), dtype=torch.float32).view(
        3, 1, 1
    )
    cells = int(rng.integers(2, 9))
    changes = torch.from_numpy(rng.normal(0, rng.uniform(0, 0.25), (1, 3, cells, cells))).float()
    grey = changes.mean(1, keepdim=True)
    changes = 3**0.5 * grey + COLOURFUL * (changes - grey)
    way = "nearest" if rng.random() < 0.3 else "bicubic"
    slow = F.interpolate(changes, (size, size), mode=way)[0]
    grain = torch.from_numpy(rng.normal(0, rng.uniform(0, 0.02), (1, size, size))).float()
    return (colour * (1 + slow) + grain).clip(0, 1)


def patchiness(n: int, size: int, rng: np.random.Generator) -> Tensor:
    """(N, 1, size, size) slow noise about 1."""
    coarse = torch.from_numpy(rng.normal(0, 1, (n, 1, size // 32 + 2, size // 32 + 2))).float()
    return (1 + 0.35 * F.interpolate(coarse, (size, size), mode="bicubic")).clip(0.2, 2)


def srgb(rgb: Tensor) -> Tensor:
    """Linear to sRGB in [0, 1]."""
    return torch.as_tensor(encode_srgb(rgb.clip(0, 1)))
