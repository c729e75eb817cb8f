"""The PyTorch engine: NVIDIA GPU, Apple GPU, or processor.

channels_last everywhere; bf16 where the hardware multiplies it (a processor without
it would emulate it, slower than fp32).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from plugin.studio_portrait.link.wire import Problem

from .folded import MEAN, Folded, Layer

NAME = "pytorch"


def pick_device(wanted: str) -> torch.device:
    """auto: the best there is. Raises `Problem` ``bad-setting`` for a device that is not there."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if not present.get(wanted.partition(":")[0], False):
        raise Problem("bad-setting", f"The device {wanted!r} is not there.", "Use auto or cpu.")
    return torch.device(wanted)


def _precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.float16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


class Engine:
    """Calling it: (N, 512, 512, 3) float32 BL(x) -> y, same shape."""

    name = NAME

    def __init__(self, network: Folded, device: str):
        self._device = pick_device(device)
        self._dtype = _precision(self._device)
        torch.backends.cudnn.benchmark = self._device.type == "cuda"
        self._mean = torch.from_numpy(MEAN).view(1, 3, 1, 1).to(self._device)
        self._encoder = [[self._put(layer) for layer in stage] for stage in network.encoder]
        self._bottleneck = self._put(network.bottleneck)
        self._ups = [self._put(layer) for layer in network.ups]
        self._fuses = [self._put(layer) for layer in network.fuses]

    @property
    def device(self) -> str:
        """The device in words."""
        if self._device.type == "cuda":
            return f"{self._device} ({torch.cuda.get_device_name(self._device)})"
        return str(self._device)

    def _put(self, layer: Layer) -> tuple[Tensor, Tensor]:
        weight = torch.from_numpy(layer.weight).to(self._device, self._dtype)
        return (
            weight.contiguous(memory_format=torch.channels_last),
            torch.from_numpy(layer.bias).to(self._device, self._dtype),
        )

    @torch.inference_mode()
    def __call__(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        image = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2)
        value = (image - self._mean).to(self._dtype)
        skips = []
        for stage in self._encoder:
            for weight, bias in stage:
                value = F.relu_(F.conv2d(value, weight, bias, padding=1))
            skips.append(value)
            value = F.max_pool2d(value, 2)
        value = F.relu_(F.conv2d(value, *self._bottleneck, padding=1))
        for (weight, bias), fuse in zip(self._ups, self._fuses, strict=True):
            risen = F.relu_(F.conv_transpose2d(value, weight, bias, stride=2, padding=1))
            value = F.conv2d(torch.cat([risen, skips.pop()], dim=1), *fuse)
        y = torch.sigmoid(value.float())
        return np.ascontiguousarray(y.permute(0, 2, 3, 1).cpu().numpy())
