"""What a module in training makes of a photograph, of whichever kind it is: as y, and as a picture.

Our networks predict y from BL(x), and eq. (4) makes the picture; HDRNet and Pix2Pix predict the picture
from x itself, and their y is what would have led to it: the difference of the low-pass parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..networks.network import Network
from ..paper import equations
from ..paper.bilateral import filter_crop
from .pytorch import autocast


class Answer(NamedTuple):
    """y and o_hat, (N, 3, 512, 512) in [0, 1], on the processor."""

    y: Tensor
    picture: Tensor


@torch.no_grad()
def answer(network: Network, module: nn.Module, x: Tensor, bl_x: Tensor) -> Answer:
    """Ask a module in evaluation mode. x, bl_x: (N, 3, 512, 512) sRGB in [0, 1], on the processor."""
    device = next(module.parameters()).device
    if network.paint is not None:
        picture = network.paint(module, x.to(device)).clip(0, 1).cpu()
        return Answer(encoded(bl_x, picture), picture)
    image = bl_x.to(device).contiguous(memory_format=torch.channels_last)
    with autocast(device):
        predicted = module(image)
    y = predicted.float().cpu()
    return Answer(y, equations.reconstruct(x, y).clip(0, 1))


def encoded(bl_x: Tensor, picture: Tensor) -> Tensor:
    """Return the y that belongs to a picture: eq. (2) turned round with its BL. (N, 3, H, W) each."""
    pictures = picture.permute(0, 2, 3, 1).contiguous().numpy()
    low_pass = np.stack([filter_crop(one) for one in pictures])
    y: Tensor = equations.target(bl_x, torch.from_numpy(low_pass).permute(0, 3, 1, 2))
    return y
