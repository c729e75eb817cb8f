"""The networks that can be trained, by the name of their architecture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from torch import nn

from . import pix2pix
from .deepflash import DeepFlash
from .hdrnet import HDRNet
from .studio import Studio

ARCHITECTURES: Final[dict[str, Callable[[], nn.Module]]] = {
    "deepflash": DeepFlash,
    "studio": Studio,
    "hdrnet": HDRNet,
    "pix2pix": pix2pix.Generator,
    "pix2pix-half": partial(pix2pix.Generator, pix2pix.HALF),
}


def create(architecture: str) -> nn.Module:
    """A network with fresh weights. Raises `ValueError` for an unknown architecture."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}; there is: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[architecture]()


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers in a module."""
    return sum(parameter.numel() for parameter in module.parameters())
