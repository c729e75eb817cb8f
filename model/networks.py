"""The networks that can be trained, by the name of their architecture."""

from __future__ import annotations

from typing import Final

from torch import nn

from .deepflash import DeepFlash
from .studio import Studio

ARCHITECTURES: Final[dict[str, type[DeepFlash] | type[Studio]]] = {"deepflash": DeepFlash, "studio": Studio}


def create(architecture: str) -> DeepFlash | Studio:
    """A network with fresh weights. Raises `ValueError` for an unknown architecture."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}; there is: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[architecture]()


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers in a module."""
    return sum(parameter.numel() for parameter in module.parameters())
