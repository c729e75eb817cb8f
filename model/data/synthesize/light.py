"""The physics: what the flash and the room send to the camera, in linear RGB, on tensors.

``raw = c_f * I_f + c_a * I_a`` with `I_f` from a point source beside the lens: Lambert
with an exponent, inverse square, cast shadows, blur below the skin, and a GGX shine whose
strength does not depend on melanin, so that darker skin shines more against its diffuse light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from .flash import Flash, ggx

F0: Final = 0.028  # reflectance of skin at normal incidence
HAIR_FLOOR: Final = 0.30  # hair and cloth scatter light: floor of their n.l
SHADOW_STEPS: Final = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 15.0)  # pixels at 512
SHADOW_SOFT: Final = 0.5  # cm of gap over which a shadow's edge fades
CONTOUR: Final = 7.0  # pixels at 512: what is smoothed off the target's form
FRONT: Final = 0.85  # mean of n.l over a frontal face


@dataclass(frozen=True)
class Surface:
    """What N cameras see: (N, C, H, W) float32.

    albedo, background: linear RGB. normal: unit, x right, y down, z to the camera.
    position: x, y, z in cm about the eyes, same axes. person, skin, shine: [0, 1]; tone: skin with
    brows and lips. light: the factor that the studio's own light has in `albedo`; key: that of one soft key
    light for everybody, both 1 off the skin.
    wall_shadow: 1 where the flash does not reach the background. pixels: (N, 1, 1, 1) per cm.
    shrink: how much smaller than the 512 crop the picture is.
    """

    albedo: Tensor
    background: Tensor
    normal: Tensor
    position: Tensor
    person: Tensor
    skin: Tensor
    tone: Tensor
    shine: Tensor
    light: Tensor
    key: Tensor
    wall_shadow: Tensor
    pixels: Tensor
    shrink: int


@dataclass(frozen=True)
class Light:
    """What comes back. radiance: (N, 3, H, W), before exposure; 1 is white paper held at the eyes.

    specular (N, 1, H, W): the part of it that is shine on skin, on the same scale. shadow (N, 1, H, W):
    how much of the flash is missing on the person, by angle, distance or a cast shadow, [0, 1]. contour
    (N, 1, H, W): what is missing by angle alone, [0, 1], 1 where nothing is; smooth, without the lines where
    the mesh ends.
    """

    radiance: Tensor
    specular: Tensor
    shadow: Tensor
    contour: Tensor


def length(vectors: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 1, H, W). Tensor.norm takes ten times as long over this axis."""
    return (vectors * vectors).sum(1, keepdim=True).sqrt()


def unit(vectors: Tensor) -> Tensor:
    """(N, 3, H, W) of length 1."""
    return vectors / length(vectors).clip(1e-6)


def blur(picture: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with a sigma of its own for each picture and channel: sigma (N, C) or (N, 1), pixels."""
    n, c, h, w = picture.shape
    radius = max(1, int(torch.ceil(3 * sigma.max()).item()))
    at = torch.arange(-radius, radius + 1, dtype=torch.float32, device=picture.device)
    kernel = torch.exp(-(at**2) / (2 * sigma.expand(n, c).reshape(-1, 1).clip(0.05) ** 2))
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    flat = F.pad(picture.reshape(1, n * c, h, w), (radius,) * 4, mode="replicate")
    flat = F.conv2d(flat, kernel.view(n * c, 1, 1, -1), groups=n * c)
    flat = F.conv2d(flat, kernel.view(n * c, 1, -1, 1), groups=n * c)
    return flat.view(n, c, h, w)


def sampling_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """`F.affine_grid` without align_corners, (N, height, width, 2); its own takes as long as the sampling."""
    x = ((torch.arange(width, device=theta.device) + 0.5) * 2 / width - 1).view(1, 1, width, 1)
    y = ((torch.arange(height, device=theta.device) + 0.5) * 2 / height - 1).view(1, height, 1, 1)
    a, b, c = theta[:, None, None, :, :].unbind(-1)
    return a * x + (b * y + c)


def shift(picture: Tensor, by: Tensor) -> Tensor:
    """picture(p + by): by (N, 2) pixels, x and y; edge values repeated."""
    _, _, h, w = picture.shape
    theta = torch.eye(2, device=picture.device).expand(len(by), 2, 2)
    aside = 2 * by / torch.tensor([w, h], device=picture.device)
    grid = sampling_grid(torch.cat([theta, aside[..., None]], dim=2), h, w)
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False)


def self_shadow(surface: Surface, flash: Flash) -> Tensor:
    """1 where the person stands in the flash's way to itself: chin on neck, nose on cheek."""
    far = flash.offset.norm(dim=1, keepdim=True).clip(1e-3)
    depth = surface.position[:, 2:]
    shadow = torch.zeros_like(depth)
    for full in SHADOW_STEPS:
        step = full / surface.shrink
        moved = shift(torch.cat([depth, surface.person], dim=1), step * flash.offset / far)
        rise = (step / surface.pixels) * (flash.distance - depth) / far[..., None, None]
        hit = torch.sigmoid((moved[:, :1] - depth - rise) / SHADOW_SOFT - 2) * moved[:, 1:]
        shadow = torch.maximum(shadow, hit)
    return shadow


def directions(surface: Surface, flash: Flash) -> tuple[Tensor, Tensor, Tensor]:
    """Return the unit direction to the flash, how far that is in cm, and the unit direction to the lens."""
    source = torch.cat([flash.offset[..., None, None], flash.distance], dim=1)
    to_light = source - surface.position
    reach = length(to_light)
    lens = torch.cat([torch.zeros_like(source[:, :2]), flash.distance], dim=1)
    return to_light / reach, reach, unit(lens - surface.position)


def render(surface: Surface, flash: Flash, noise: Tensor) -> Light:
    """Return the photograph's light, linear RGB.

    noise: (N, 1, H, W) slow noise about 1, the patchiness of oily skin.
    """
    light, reach, view = directions(surface, flash)
    facing = (surface.normal * light).sum(1, keepdim=True).clip(0)
    falloff = (flash.distance / reach) ** 2
    lit = (1 - self_shadow(surface, flash)) * falloff

    lambert = facing.clip(1e-4) ** flash.lambert
    lambert = surface.skin * lambert + (1 - surface.skin) * (HAIR_FLOOR + (1 - HAIR_FLOOR) * lambert)
    irradiance = blur((lambert * lit).expand(-1, 3, -1, -1), flash.subsurface / surface.shrink)
    half = unit(light + view)
    cosine = (surface.normal * half).sum(1, keepdim=True).clip(0, 1)
    grazing = (surface.normal * view).sum(1, keepdim=True).clip(0.2)
    specular = torch.pi * F0 * ggx(cosine, flash.alpha) * facing / (4 * grazing * grazing)
    oily = flash.oil * (0.25 + 0.9 * surface.shine) * noise * surface.skin
    albedo = surface.albedo * (1 - surface.tone + surface.tone * flash.darken)
    shine = flash.flash_colour * specular * oily * lit
    direct = flash.flash_colour * albedo * irradiance + shine

    way = flash.ambient_way[..., None, None]
    ambient = 0.75 + 0.35 * (surface.normal * way).sum(1, keepdim=True)
    person = direct + flash.ambient * flash.ambient_colour * albedo * ambient

    far = (flash.distance / (flash.distance + flash.wall)) ** 2
    behind = far * flash.flash_colour * (1 - surface.wall_shadow) + (
        flash.ambient_wall * (0.15 + flash.ambient) * flash.ambient_colour
    )
    radiance = surface.person * person + (1 - surface.person) * surface.background * behind
    missing = (1 - irradiance.mean(1, keepdim=True)).clip(0, 1) * surface.person
    # Before the ears and below the jaw the mesh turns away within a few pixels, which skin does not.
    contour = blur(lambert, torch.full((1, 1), CONTOUR / surface.shrink, device=lambert.device))
    return Light(radiance, shine.mean(1, keepdim=True) * surface.person, missing, contour)
