"""JPEG and the bilateral filter on tensors, for a GPU, where OpenCV would be the bottleneck.

Both follow what OpenCV and libjpeg do closely enough that a network cannot tell; on the CPU OpenCV
is quicker and is used.
"""

from __future__ import annotations

from math import cos, pi
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from model.paper.bilateral import DIAMETER, SIGMA_COLOR, SIGMA_SPACE

# The quantisation tables of the JPEG standard (ITU-T T.81, annex K), for quality 50.
LUMINANCE: Final = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE: Final = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
COSINES: Final = tuple(
    tuple((0.5 if k else 0.125**0.5) * cos((2 * i + 1) * k * pi / 16) for i in range(8)) for k in range(8)
)
TO_YCC: Final = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
TO_RGB: Final = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def bilateral(batch: Tensor, shrink: int = 1) -> Tensor:
    """`model.paper.bilateral.filter_crop` for (N, 3, H, W) float32 sRGB in [0, 1]; same shape and range."""
    radius = round(DIAMETER // 2 / shrink)
    space, colour = 2 * (SIGMA_SPACE / shrink) ** 2, 2 * SIGMA_COLOR**2
    _, _, height, width = batch.shape
    padded = F.pad(batch, (radius,) * 4, mode="reflect")
    total, weights = torch.zeros_like(batch), torch.zeros_like(batch[:, :1])
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            far = dx * dx + dy * dy
            if far > radius * radius:
                continue
            part = padded[:, :, radius + dy : radius + dy + height, radius + dx : radius + dx + width]
            away = (part - batch).abs().sum(1, keepdim=True)
            weight = torch.exp(-far / space - away * away / colour)
            total = total + weight * part
            weights = weights + weight
    return total / weights


def jpeg(picture: Tensor, quality: Tensor) -> Tensor:
    """8 bit and JPEG (4:2:0) at the given qualities (N,), and back to (N, 3, H, W) in [0, 1]."""
    n, _, height, width = picture.shape
    samples = (picture.clip(0, 1) * 255 + 0.5).floor()
    samples = F.pad(samples, (0, -width % 16, 0, -height % 16), mode="replicate")
    ycc = torch.einsum("ij,njhw->nihw", picture.new_tensor(TO_YCC), samples).round()
    percent = quality.round().clip(1, 100).view(n, 1, 1, 1, 1, 1)
    percent = torch.where(percent < 50, (5000 / percent).floor(), 200 - 2 * percent)
    luma = _quantised(ycc[:, :1] - 128, LUMINANCE, percent) + 128
    chroma = _quantised(F.avg_pool2d(ycc[:, 1:], 2).round(), CHROMINANCE, percent)
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False).round()
    rgb = torch.einsum("ij,njhw->nihw", picture.new_tensor(TO_RGB), torch.cat([luma, chroma], dim=1))
    return rgb[:, :, :height, :width].round().clip(0, 255) / 255


def _quantised(planes: Tensor, table: tuple[tuple[int, ...], ...], percent: Tensor) -> Tensor:
    """Return what is left of (N, C, H, W) in -128..127 after DCT, quantisation and back."""
    n, c, height, width = planes.shape
    basis = planes.new_tensor(COSINES)
    steps = ((planes.new_tensor(table) * percent + 50) / 100).floor().clip(1, 255)
    blocks = planes.reshape(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    levels = ((basis @ blocks @ basis.T) / steps).round() * steps
    back = (basis.T @ levels @ basis).transpose(3, 4).reshape(n, c, height, width)
    return back.round().clip(-128, 127)
