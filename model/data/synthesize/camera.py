"""The phone's camera: exposure with clipping, noise, white balance, tone curve, sharpening, JPEG.

Without it a network trained on flashes is worse than doing nothing on real ones.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.paper.colour import decode_srgb, encode_srgb

from . import batched
from .flash import Flash
from .light import blur

AREAS: Final = 32  # a side: large areas are those that this grid tells apart
AREA_SIGMA: Final = 1.6  # its cells
DARKEST: Final = 0.01  # areas are not lifted as if they were darker


def compress(exposed: Tensor, flash: Flash) -> Tensor:
    """Lift dark areas and lower bright ones, as a phone's local tone mapping does; details stay.

    exposed: (N, 3, H, W) linear RGB. What lies at the face's level stays where it is.
    """
    size = exposed.shape[2:]
    areas = F.adaptive_avg_pool2d(exposed.clip(0, 1).mean(dim=1, keepdim=True), AREAS)
    areas = blur(areas, torch.full((1, 1), AREA_SIGMA, device=exposed.device)).clip(DARKEST)
    areas = F.interpolate(areas, size, mode="bilinear")
    gain: Tensor = (areas / decode_srgb(flash.face_level)) ** -flash.compression
    return exposed * gain


def develop(exposed: Tensor, flash: Flash, generator: torch.Generator, shrink: int = 1) -> Tensor:
    """From exposed light (N, 3, H, W), linear RGB, to sRGB in [0, 1] before 8 bit and JPEG.

    shrink: how much smaller than the 512 crop the picture is; noise averages out, blurs are narrower.
    """
    balance = flash.balance / flash.balance.mean(dim=1, keepdim=True)
    spread = (flash.shot_noise * exposed + flash.read_noise).sqrt()
    raw = exposed + spread / shrink * torch.randn(exposed.shape, generator=generator, device=exposed.device)
    raw = (raw.clip(0, 1.0 / 0.9) * balance).clip(0, 1)
    grey = raw.mean(dim=1, keepdim=True)
    raw = (grey + flash.saturation * (raw - grey)).clip(1e-6, 1)
    picture = encode_srgb(raw) ** flash.gamma
    picture = picture + flash.curve * (picture * picture * (3 - 2 * picture) - picture)
    soft = blur(picture, flash.blur / shrink)
    picture = soft + flash.sharpen * (soft - blur(soft, torch.ones_like(flash.blur) / shrink))
    return picture.clip(0, 1)


def jpeg(picture: Tensor, quality: Tensor) -> Tensor:
    """8 bit and JPEG at the given qualities (N,), and back to (N, 3, H, W) in [0, 1]."""
    if picture.is_cuda:
        return batched.jpeg(picture, quality)
    samples = (picture.clip(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    result = []
    for sample, q in zip(samples, quality.tolist(), strict=True):
        done, data = cv2.imencode(".jpg", sample[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(q)])
        if not done:
            raise RuntimeError("JPEG encoding failed")
        back = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert back is not None
        result.append(back[..., ::-1])
    return torch.from_numpy(np.stack(result)).permute(0, 3, 1, 2).float() / 255
