"""What happens to some pairs only: a turned head, a reflection on glasses, a hand that moved.

Each is drawn for a share of the samples, apart from `flash.Flash`, and costs nothing for the others.
Real pairs are taken with 400 ms between them, selfies are taken from the side, and on lenses the
flash is a mirror image of itself, clipped, in the colour of their coating.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import radians
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from .light import blur, sampling_grid
from .maps import DEPTH_MIN, DEPTH_STEP, PLANES

YAW_SHARE: Final = 0.25
YAW: Final = radians(18.0)  # either way; beyond, jaw and ears tear off, since nothing is known behind them
PIVOT: Final = -2.0  # cm from the eyes: the depth about which a turned face stays in the middle
CELLS: Final = 64  # the depth is looked up on a coarse grid, and blurred there (in cells): at the steps
STEEP: Final = 1.75  # from jaw to neck and from cheek to ear a sharper depth would fold
ROUNDS: Final = 4  # of the fixed point that finds where a turned pixel came from

JITTER_SHARE: Final = 0.15
JITTER: Final = 2.0  # pixels at 512, the most by which a point of `o` moves
BENT: Final = 0.3  # of the affine part: the warp that is not affine

GLARE_SHARE: Final = 0.6  # of those who wear glasses
LENS: Final = (3.2, -0.3)  # cm: a lens' centre from the middle between the eyes, sideways and down
LENS_HALF: Final = (2.3, 1.5)  # cm: half its width and height
COATINGS: Final = ((1.0, 1.0, 1.0), (0.55, 1.0, 0.9), (0.6, 1.0, 0.65), (0.65, 0.8, 1.0), (0.95, 0.75, 1.0))
BLOOM: Final = 0.008  # radiance around a reflection, of its own
BLOOM_WIDE: Final = 3.0  # and how much wider it is


@dataclass(frozen=True)
class Extras:
    """Numbers of N samples: (N, 1, 1, 1) unless said otherwise. Radiance 1 is white paper at the eyes."""

    yaw: Tensor  # (N,) radians; positive: the face looks to the picture's right
    jitter: Tensor  # (N,) pixels at 512
    glare: Tensor  # radiance of the flash's image on a lens
    glare_size: Tensor  # its radius, cm
    glare_at: Tensor  # (N, 2, 2): lens, right and down from the lens' centre, cm
    veil: Tensor  # radiance of a reflection that covers part of the lens
    coating: Tensor  # (N, 3, 1, 1): its tint

    def to(self, device: torch.device) -> Extras:
        """All of it on `device`."""
        return Extras(**{name: value.to(device) for name, value in vars(self).items()})

    def still(self) -> Extras:
        """Without yaw and jitter: for judging."""
        return replace(self, yaw=torch.zeros_like(self.yaw), jitter=torch.zeros_like(self.jitter))


def sample(glasses: Tensor, generator: torch.Generator) -> Extras:
    """Extras for N faces. glasses: (N,) bool, who wears some."""
    n = len(glasses)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    one = (1, 1, 1)
    shines = (glasses & (uniform(0, 1) < GLARE_SHARE)).view(n, *one)
    veiled = shines & (uniform(0, 1, *one) < 0.4)
    common = torch.randn(n, 1, 2, generator=generator) * torch.tensor([0.7, 0.5])
    each = torch.randn(n, 2, 2, generator=generator) * 0.3
    kind = torch.randint(len(COATINGS), (n,), generator=generator)
    return Extras(
        yaw=uniform(-YAW, YAW) * (uniform(0, 1) < YAW_SHARE),
        jitter=uniform(0, JITTER) * (uniform(0, 1) < JITTER_SHARE),
        glare=torch.exp(uniform(0.7, 3.0, *one)) * shines,
        glare_size=torch.exp(uniform(-2.1, -0.6, *one)),
        glare_at=common + each,
        veil=uniform(0.02, 0.12, *one) * veiled,
        coating=torch.tensor(COATINGS)[kind].view(n, 3, 1, 1),
    )


def turn_heads(maps: Tensor, scale: Tensor, yaw: Tensor) -> Tensor:
    """Turn heads about the vertical, by the parallax of their depth.

    maps: (N, 15, H, H), see `maps.PLANES`. scale: (N,) pixels of these maps per cm. yaw: (N,) radians.
    Returns float32 maps in 0..255 of the same shape; those with yaw 0 stay as they are.
    """
    turned = maps.float()
    chosen = yaw.nonzero()[:, 0]
    if len(chosen):
        turned = turned.clone() if turned is maps else turned
        turned[chosen] = _turn(turned[chosen], scale[chosen], yaw[chosen])
    return turned


def _turn(maps: Tensor, scale: Tensor, yaw: Tensor) -> Tensor:
    n, _, size, _ = maps.shape
    cos, sin = yaw.cos().view(n, 1, 1, 1), yaw.sin().view(n, 1, 1, 1)
    depth = maps[:, PLANES["depth"]] * DEPTH_STEP + DEPTH_MIN - PIVOT
    smooth = blur(F.adaptive_avg_pool2d(depth, CELLS), torch.full((1, 1), STEEP, device=maps.device))
    same = torch.eye(2, 3, device=maps.device).expand(n, 2, 3)
    grid = sampling_grid(same, size, size).clone()
    x = grid[..., 0].clone()
    reach = (2 / size * scale).view(n, 1, 1)  # cm to the grid's -1..1
    for _ in range(ROUNDS):
        z = F.grid_sample(smooth, grid, padding_mode="border", align_corners=False)[:, 0]
        grid[..., 0] = (x - reach * z * sin[:, 0]) / cos[:, 0]
    result = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    result[:, PLANES["valid"]] *= (grid.abs().amax(-1) <= 1)[:, None]
    nx, ny, nz = (result[:, PLANES["normal"]] / 127.5 - 1).split(1, dim=1)
    normal = torch.cat([nx * cos + nz * sin, ny, nz * cos - nx * sin], dim=1)
    result[:, PLANES["normal"]] = 127.5 * (normal + 1)
    across = (grid[..., :1].permute(0, 3, 1, 2)) / reach[:, None]
    z = result[:, PLANES["depth"]] * DEPTH_STEP + DEPTH_MIN - PIVOT
    z = z * cos - across * sin + PIVOT
    result[:, PLANES["depth"]] = ((z - DEPTH_MIN) / DEPTH_STEP).clip(0, 255)
    return result


def eyes_move(extras: Extras, turn: Tensor, scale: Tensor) -> Tensor:
    """How far the middle between the eyes moves when heads turn, (N, 2) pixels of the crop."""
    aside = -PIVOT * extras.yaw.sin()
    return turn[:, :, 0] * (aside * scale[:, 0, 0, 0])[:, None]


def glare(extras: Extras, eyes: Tensor, turn: Tensor, scale: Tensor, size: int) -> Tensor:
    """Return what the lenses reflect: (N, 3, size, size) linear radiance, to be added to the person's.

    eyes (N, 2), turn (N, 2, 2), scale (N, 1, 1, 1): see `scene.Placing`.
    """
    n = len(eyes)
    result = torch.zeros(n, 3, size, size, device=eyes.device)
    chosen = extras.glare[:, 0, 0, 0].nonzero()[:, 0]
    if not len(chosen):
        return result
    at = torch.arange(size, device=eyes.device) + 0.5
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"))[None]
    cm = (pixels - eyes[chosen, :, None, None]) / scale[chosen]
    cm = torch.einsum("nji,njhw->nihw", turn[chosen], cm)  # upright again
    radius, soft = extras.glare_size[chosen], 0.04 + 0.5 / scale[chosen]
    for lens, side in enumerate((-1.0, 1.0)):
        middle = torch.stack(
            [side * LENS[0] * extras.yaw[chosen].cos(), extras.yaw.new_full((len(chosen),), LENS[1])]
        )
        inner = cm - middle.T[..., None, None].to(cm)
        edge = ((inner / torch.tensor(LENS_HALF).to(cm).view(1, 2, 1, 1)) ** 4).sum(1, keepdim=True)
        spot = inner - extras.glare_at[chosen, lens, :, None, None]
        away = (spot * spot).sum(1, keepdim=True).sqrt()
        shape = ((radius - away) / soft + 0.5).clip(0, 1)
        shape = shape + BLOOM * torch.exp(-0.5 * (away / (BLOOM_WIDE * radius)) ** 2)
        veil = extras.veil[chosen] * torch.sigmoid(3 * spot[:, 1:] + spot[:, :1])
        inside = ((1 - edge) * 1.5).clip(0, 1)
        result[chosen] += inside * (extras.glare[chosen] * shape + veil) * extras.coating[chosen]
    return result


def shake(picture: Tensor, most: Tensor, generator: torch.Generator) -> Tensor:
    """Return the picture (N, C, H, W) a little moved, turned, scaled and bent; `most` (N,) pixels at most."""
    chosen = most.nonzero()[:, 0]
    if not len(chosen):
        return picture
    n, (height, width) = len(chosen), picture.shape[2:]
    same = torch.eye(2, 3, device=picture.device).expand(n, 2, 3)
    grid = sampling_grid(same, height, width)
    affine = torch.randn(n, 2, 3, generator=generator) * torch.tensor([0.5, 0.5, 1.0])
    move = sampling_grid(affine.to(picture.device), height, width)
    bent = torch.randn(n, 2, 4, 4, generator=generator).to(picture.device) * BENT
    move = move + F.interpolate(bent, (height, width), mode="bicubic").permute(0, 2, 3, 1)
    move = move / move.norm(dim=-1).amax((1, 2)).view(n, 1, 1, 1) * most[chosen].view(n, 1, 1, 1)
    size = torch.tensor([width, height], device=picture.device)
    moved = F.grid_sample(picture[chosen], grid + move * 2 / size, padding_mode="border", align_corners=False)
    result = picture.clone()
    result[chosen] = moved
    return result
