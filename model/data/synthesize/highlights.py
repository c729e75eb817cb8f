"""What a flash leaves beside the skin: points of light in eyes, red pupils, wet lips, bands in the hair.

No retoucher takes them out of a picture as he takes shine off skin, but lips lose some of their gloss. So
all of it is in the target, too (`LIPS_KEPT`), and a network learns to tell it from what it has to remove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from .cache import Entry
from .flash import Flash, ggx
from .light import F0, Surface, directions, unit
from .scene import Placing

RED_SHARE: Final = 0.06  # of the flashes: red pupils
PUPIL_RED: Final = (1.0, 0.1, 0.06)  # the fundus, linear RGB
CORNEA: Final = 0.03  # cm: how far a point of light lies from the pupil's middle, deviation
FACE: Final = ((0.0, 2.5), (7.0, 10.0))  # cm from between the eyes, right and down: middle and half axes
HAIR_END: Final = (2.0, 6.0)  # cm below the eyes: from here to there hair and clothes cannot be told apart
LIPS: Final = ((0.0, 6.6), (3.4, 2.2))  # cm, as FACE
STRANDS: Final = (24.0, 2.0)  # pixels at 512: how long and how wide the noise of a strand is
LIPS_KEPT: Final = 0.5  # share of the lips' gloss that the target has


@dataclass(frozen=True)
class Highlights:
    """Numbers of N flashes, (N, 1, 1, 1) unless said otherwise; radiance 1 is white paper at the eyes."""

    point: Tensor  # radiance of the flash's image on the cornea
    point_size: Tensor  # its radius, cm
    point_at: Tensor  # (N, 2): right and down of the pupil's middle, cm
    pupil: Tensor  # radiance of a red pupil
    pupil_size: Tensor  # its radius, cm
    wet: Tensor  # gain of the lips' shine
    lips_alpha: Tensor  # its GGX roughness squared
    hair: Tensor  # radiance of the hair's band of light
    hair_power: Tensor  # how narrow that is
    strands: Tensor  # (N, 1, H, W) noise along the hair, about 0

    def to(self, device: torch.device) -> Highlights:
        """All of it on `device`."""
        return Highlights(**{name: value.to(device) for name, value in vars(self).items()})


def sample(n: int, share: float, placing: Placing, generator: torch.Generator) -> Highlights:
    """Draw those of N flashes. share: of the flashes that have them, for each kind on its own."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *(shape or (1, 1, 1)), generator=generator)

    def some(share: float) -> Tensor:
        return (uniform(0, 1) < share).float()

    size = placing.size
    long, wide = (max(2, round(size * placing.shrink / cell)) for cell in STRANDS)
    coarse = torch.randn(n, 1, long, min(wide, size), generator=generator)
    return Highlights(
        point=torch.exp(uniform(0.5, 3.0)) * some(share),
        point_size=uniform(0.05, 0.13),
        point_at=CORNEA * torch.randn(n, 2, generator=generator),
        pupil=uniform(0.15, 0.9) * some(share * RED_SHARE),
        pupil_size=uniform(0.2, 0.36),
        wet=uniform(0.2, 2.0) * some(share),
        lips_alpha=uniform(0.08, 0.25),
        hair=torch.exp(uniform(-5.0, -1.8)) * some(share),
        hair_power=torch.exp(uniform(2.2, 4.0)),
        strands=F.interpolate(coarse, (size, size), mode="bicubic"),
    )


def shine(
    drawn: Highlights,
    scene: Surface,
    placing: Placing,
    flash: Flash,
    chosen: Sequence[Entry],
    yaw: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return what is added to the person's radiance, and the part of it that the target has, (N, 3, H, W).

    Eyes get none where a head is turned (yaw (N,), radians), or where the cache does not know them.
    """
    upright = torch.einsum("nji,njhw->nihw", placing.turn, scene.position[:, :2])
    light, _, view = directions(scene, flash)
    half = unit(light + view)
    lips = _lips(drawn, scene, upright, half) * flash.flash_colour
    rest = _hair(drawn, scene, placing, upright, half) * flash.flash_colour
    rest = rest + _eyes(drawn, scene, placing, flash, chosen, yaw)
    return scene.person * (rest + lips), scene.person * (rest + LIPS_KEPT * lips)


def _away(upright: Tensor, place: tuple[tuple[float, float], tuple[float, float]]) -> Tensor:
    """Return the distance from an ellipse's middle, 1 on the ellipse, (N, 1, H, W)."""
    middle, axes = (torch.tensor(part, device=upright.device).view(1, 2, 1, 1) for part in place)
    return (((upright - middle) / axes) ** 2).sum(1, keepdim=True).sqrt()


def _lips(drawn: Highlights, scene: Surface, upright: Tensor, half: Tensor) -> Tensor:
    """Return the gloss of what about the mouth has the skin's tone and is no bare skin: the lips."""
    where = (scene.tone - scene.skin).clip(0) * (3 * (1 - _away(upright, LIPS))).clip(0, 1)
    bumps = torch.cat([drawn.strands, drawn.strands.flip(2), torch.zeros_like(where)], dim=1)
    rough = unit(scene.normal + 0.12 * bumps)
    cosine = (rough * half).sum(1, keepdim=True).clip(0, 1)
    return drawn.wet * where * torch.pi * F0 * ggx(cosine, drawn.lips_alpha) / 4


def _hair(drawn: Highlights, scene: Surface, placing: Placing, upright: Tensor, half: Tensor) -> Tensor:
    """Return the band of light where strands run across the way that the light takes (Kajiya & Kay 1989).

    Strands run down the head; a cylinder is brightest where its direction is at right angles to `half`.
    """
    low, end = HAIR_END
    where = (1 - scene.tone) * (4 * (_away(upright, FACE) - 1)).clip(0, 1)
    where = where * ((end - upright[:, 1:]) / (end - low)).clip(0, 1)
    down = F.pad(placing.turn[:, :, 1], (0, 1))[..., None, None]
    along = unit(down - scene.normal * (scene.normal * down).sum(1, keepdim=True))
    along = unit(along + 0.25 * drawn.strands * scene.normal)
    across = (1 - (along * half).sum(1, keepdim=True) ** 2).clip(0)
    tint = scene.albedo / scene.albedo.mean(1, keepdim=True).clip(0.01)
    band = across**drawn.hair_power * (1 + 0.6 * drawn.strands).clip(0)
    return drawn.hair * where * band * (0.5 + 0.5 * tint)


def _eyes(
    drawn: Highlights,
    scene: Surface,
    placing: Placing,
    flash: Flash,
    chosen: Sequence[Entry],
    yaw: Tensor,
) -> Tensor:
    """Return the flash's image on both corneas, and red pupils."""
    light = torch.zeros_like(scene.albedo)
    at = torch.arange(placing.size, device=light.device) + 0.5
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"))
    red = torch.tensor(PUPIL_RED, device=light.device).view(3, 1, 1)
    for i, entry in enumerate(chosen):
        if yaw[i] != 0 or not (drawn.point[i] > 0 or drawn.pupil[i] > 0):
            continue
        cm = scene.pixels[i]
        for x, y, opening in entry.eyes:
            away = (pixels - placing.crop_pixel(i, x, y)[:, None, None]) / cm
            lid = torch.einsum("j,jhw->hw", placing.turn[i, :, 1], away).abs()[None]
            pupil = _disk(away, drawn.pupil_size[i], cm) * red * drawn.pupil[i]
            at_point = (placing.turn[i] @ drawn.point_at[i])[:, None, None]
            point = _disk(away - at_point, drawn.point_size[i], cm) * flash.flash_colour[i] * drawn.point[i]
            light[i] += (pupil + point) * ((opening / entry.scale - lid) * cm + 0.5).clip(0, 1)
    return light


def _disk(away: Tensor, radius: Tensor, pixels_per_cm: Tensor) -> Tensor:
    """Return a disk with a soft edge of a pixel, (1, H, W) in [0, 1]. away (2, H, W) and radius in cm."""
    return ((radius - (away * away).sum(0, keepdim=True).sqrt()) * pixels_per_cm + 0.5).clip(0, 1)
