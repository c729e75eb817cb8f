"""The PyTorch engine: NVIDIA GPU, Apple GPU, or processor.

channels_last everywhere; bf16 where the hardware multiplies it (a processor without
it would emulate it, slower than fp32).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from plugin.studio_portrait.link.wire import Problem

from .layers import Architecture, Array, Folded, Layer, Layers
from .threads import limit

NAME = "pytorch"


def pick_device(wanted: str) -> torch.device:
    """auto: the best there is. Raises `Problem` ``bad-setting`` for a device that is not there."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if not present.get(wanted.partition(":")[0], False):
        raise Problem("bad-setting", f"The device {wanted!r} is not there.", "Use auto or cpu.")
    return torch.device(wanted)


def in_words(device: torch.device) -> str:
    """Such as "cpu", or a GPU with its name."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def _precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.float16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


class Engine:
    """Calling it: (N, 512, 512, 3) float32 BL(x) -> y, same shape.

    dtype: what the body works in, None for what suits the device.
    """

    name = NAME

    def __init__(
        self, architecture: Architecture, folded: Folded, device: str, dtype: torch.dtype | None = None
    ):
        self._device = pick_device(device)
        if (most := limit()) is not None:
            torch.set_num_threads(most)
        torch.backends.cudnn.benchmark = self._device.type == "cuda"
        self._architecture = architecture
        self._body = _Ops(folded.body, self._device, dtype or _precision(self._device))
        self._head = _Ops(folded.head, self._device, torch.float32)

    @property
    def device(self) -> str:
        """The device in words."""
        return in_words(self._device)

    @torch.inference_mode()
    def __call__(
        self, crops: NDArray[np.float32], cancelled: Callable[[], bool] = lambda: False
    ) -> NDArray[np.float32]:
        self._body.cancelled = self._head.cancelled = cancelled
        image = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2)
        features: Tensor = self._architecture.body(self._body, image)
        y: Tensor = self._architecture.head(self._head, image, features.float())
        return np.ascontiguousarray(y.permute(0, 2, 3, 1).cpu().numpy())


class _Ops:
    """`model.inference.layers.Ops`, computed at once."""

    def __init__(self, layers: Layers, device: torch.device, dtype: torch.dtype):
        self._device, self._dtype = device, dtype

        def put(layer: Layer) -> tuple[Tensor, Tensor]:
            weight = torch.from_numpy(layer.weight).to(device, dtype)
            bias = torch.from_numpy(layer.bias).to(device, dtype)
            return weight.contiguous(memory_format=torch.channels_last), bias

        self.layers = {name: put(layer) for name, layer in layers.items()}
        self.cancelled: Callable[[], bool] = lambda: False

    def _layer(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias. Raises `Problem` ``cancelled``: a prediction stops between two layers."""
        if self.cancelled():
            raise Problem("cancelled", "The job was cancelled.")
        return self.layers[name]

    def convolution(self, value: Tensor, name: str, stride: int = 1, relu: bool = False) -> Tensor:
        weight, bias = self._layer(name)
        done = F.conv2d(value.to(weight.dtype), weight, bias, stride, padding=weight.shape[-1] // 2)
        return F.relu_(done) if relu else done

    def rise(self, value: Tensor, name: str) -> Tensor:
        return F.relu_(F.conv_transpose2d(value, *self._layer(name), stride=2, padding=1))

    def fuse(self, first: Tensor, second: Tensor, name: str) -> Tensor:
        return F.conv2d(torch.cat([first, second], dim=1), *self._layer(name))

    def add(self, first: Tensor, second: Tensor, relu: bool = False) -> Tensor:
        total = first + second
        return F.relu_(total) if relu else total

    def subtract(self, value: Tensor, constant: Array) -> Tensor:
        return (value - torch.from_numpy(constant).to(self._device)).to(self._dtype)

    def max_pool(self, value: Tensor) -> Tensor:
        return F.max_pool2d(value, 2)

    def average_pool(self, value: Tensor, size: int) -> Tensor:
        return F.avg_pool2d(value, size)

    def mean(self, value: Tensor) -> Tensor:
        return value.mean((2, 3), keepdim=True)

    def unshuffle(self, value: Tensor) -> Tensor:
        return F.pixel_unshuffle(value, 2)

    def shuffle(self, value: Tensor) -> Tensor:
        return F.pixel_shuffle(value, 2)

    def both_ways(self, value: Tensor) -> Tensor:
        return torch.cat([value, value.flip(-1)])

    def one_way(self, value: Tensor) -> Tensor:
        there, back = value.chunk(2)
        return self.middle(there, back.flip(-1))

    def larger(self, value: Tensor, pixels: int) -> Tensor:
        size = (value.shape[2] + pixels, value.shape[3] + pixels)
        return F.interpolate(value, size, mode="bilinear")

    def like(self, value: Tensor, other: Tensor) -> Tensor:
        return F.interpolate(value, other.shape[2:], mode="bilinear")

    def middle(self, first: Tensor, second: Tensor) -> Tensor:
        return (first + second) / 2

    def nearest(self, value: Tensor) -> Tensor:
        return F.interpolate(value, scale_factor=2.0)

    def bilinear(self, value: Tensor, size: int) -> Tensor:
        return F.interpolate(value, scale_factor=float(size), mode="bilinear")

    def sigmoid(self, value: Tensor) -> Tensor:
        return torch.sigmoid(value)

    def box(self, value: Tensor, radius: int) -> Tensor:
        for size in ((2 * radius + 1, 1), (1, 2 * radius + 1)):
            value = F.avg_pool2d(value, size, 1, (size[0] // 2, size[1] // 2), count_include_pad=False)
        return value

    def damped(self, number: float, times: float, value: Tensor) -> Tensor:
        return number / (1 + times * value)

    def kept(self, mean: Tensor, squares: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
        variance = (squares - mean * mean).clip_(0)
        keep = variance / (variance + least)
        return keep, (1 - keep) * mean

    def combine(self, factor: Tensor, value: Tensor, summand: Tensor) -> Tensor:
        return torch.addcmul(summand, factor, value)

    def square(self, value: Tensor) -> Tensor:
        return value * value

    def relit(self, image: Tensor, light: Tensor, reach: float) -> Tensor:
        gain = light[:, :3].clip(-reach, reach).exp_()
        return gain.mul_(image).add_(light[:, 3:]).clip_(0, 1).sub_(image)

    def sure(self, change: Tensor, doubt: float) -> Tensor:
        power = self.square(change).mean(1, keepdim=True)
        return change * (power / (power + doubt * doubt))

    def encoded(self, change: Tensor) -> Tensor:
        return (1 - change) / 2
