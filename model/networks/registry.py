"""The networks that there are. Adding one is one line here and its own file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import nn

    from .network import Network

# Where each descriptor lies: a module is only imported (and with it torch) when its network is needed.
NETWORKS: Final[dict[str, str]] = {
    "deepflash": "model.networks.deepflash:DEEPFLASH",
    "studio": "model.networks.studio:STUDIO",
    "hdrnet": "model.networks.hdrnet:HDRNET",
    "pix2pix": "model.networks.pix2pix:PIX2PIX",
    "pix2pix-half": "model.networks.pix2pix:PIX2PIX_HALF",
}
# The yardstick, and what the first checkpoints hold, which name no network.
PAPER_NETWORK: Final = "deepflash"
# Of the files in model/weights that this version is shipped with: one that was exchanged together with its
# description is noticed too. Export under another name to serve weights of your own.
SHIPPED: Final = {
    "deepflash": "233b215e3e9f7665f7231b4c76aebffd6e7848e804e62e88433796c85341cc19",
    "studio": "0201b8ee65d86b5324e7c04760f1540c807134ae52869b3ba00599537810f711",
}


def find(name: str) -> Network:
    """Return a network's descriptor. Raises `ValueError` with a sentence for an unknown one."""
    if name not in NETWORKS:
        raise ValueError(f"unknown architecture {name!r}; there is: {', '.join(NETWORKS)}")
    module, _, constant = NETWORKS[name].partition(":")
    found: Network = getattr(import_module(module), constant)
    return found


def create(name: str) -> nn.Module:
    """Make a network with fresh weights. Raises `ValueError` for an unknown one."""
    return find(name).build()


def count_parameters(module: nn.Module) -> int:
    """Count the trainable numbers in a module."""
    return sum(parameter.numel() for parameter in module.parameters())
