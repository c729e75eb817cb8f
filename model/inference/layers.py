"""What a network is to an engine: folded layers by name, and the order in which they run.

Every architecture (`deepflash.py`, `studio.py`) gives three functions: `fold`, from its state
dict to layers in numpy with the batch norm folded in, and the forward pass in terms of `Ops`,
cut in two: the `body` runs in the precision that suits the device, the `head` in fp32, since
what is rounded there shows as bands in the picture. Each engine implements `Ops` once: PyTorch
computes, OpenVINO writes down a graph. So an architecture is written once for both, and no
torch is imported where OpenVINO serves.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
State = Mapping[str, NDArray[np.floating]]

EPS: Final = 1e-5  # torch.nn.BatchNorm2d's

V = TypeVar("V")


@dataclass(frozen=True)
class Layer:
    """weight: OIHW for a convolution, IOHW for a transposed one; bias: (O,)."""

    weight: Array
    bias: Array


Layers = dict[str, Layer]


class Folded(NamedTuple):
    """The layers of a network's body and of its head."""

    body: Layers
    head: Layers


class Ops(Protocol[V]):
    """What an engine can do with its values, (N, C, H, W)."""

    @property
    def layers(self) -> Container[str]:
        """The names of the layers that can be used."""

    def convolution(self, value: V, name: str, stride: int = 1, relu: bool = False) -> V:
        """An odd-sized convolution, padded to keep the size."""

    def rise(self, value: V, name: str) -> V:
        """4x4 transposed convolution with stride 2, then ReLU: twice the size."""

    def fuse(self, first: V, second: V, name: str) -> V:
        """The 1x1 convolution of both, one on the other."""

    def add(self, first: V, second: V, relu: bool = False) -> V:
        """Sum; shapes broadcast."""

    def subtract(self, value: V, constant: Array) -> V:
        """constant: (1, C, 1, 1)."""

    def max_pool(self, value: V) -> V:
        """2x2: half the size."""

    def average_pool(self, value: V, size: int) -> V:
        """size x size: 1/size of the size."""

    def mean(self, value: V) -> V:
        """(N, C, 1, 1): over the picture."""

    def unshuffle(self, value: V) -> V:
        """(N, C, 2h, 2w) -> (N, 4C, h, w), as `torch.nn.functional.pixel_unshuffle`."""

    def shuffle(self, value: V) -> V:
        """(N, 4C, h, w) -> (N, C, 2h, 2w), as `torch.nn.functional.pixel_shuffle`."""

    def both_ways(self, value: V) -> V:
        """(2N, C, h, w): as it is, then mirrored left to right."""

    def one_way(self, value: V) -> V:
        """Mean of what came of `both_ways`, mirrored back: (2N, C, h, w) -> (N, C, h, w)."""

    def larger(self, value: V, pixels: int) -> V:
        """(N, C, h, w) -> (N, C, h + pixels, w + pixels), as `bilinear`."""

    def like(self, value: V, other: V) -> V:
        """At the size of `other`, as `bilinear`."""

    def middle(self, first: V, second: V) -> V:
        """(first + second) / 2."""

    def nearest(self, value: V) -> V:
        """Twice the size, every pixel four times."""

    def bilinear(self, value: V, size: int) -> V:
        """size times the size, pixel centres aligned (torch's align_corners=False)."""

    def sigmoid(self, value: V) -> V:
        """1 / (1 + exp(-value))."""

    def box(self, value: V, radius: int) -> V:
        """Mean over a square of 2 radius + 1 pixels, as far as it lies in the picture."""

    def damped(self, number: float, times: float, value: V) -> V:
        """number / (1 + times * value)."""

    def kept(self, mean: V, squares: V, least: V) -> tuple[V, V]:
        """v / (v + least), v the variance of what has this mean and mean square; and (1 - that) mean."""

    def combine(self, factor: V, value: V, summand: V) -> V:
        """factor * value + summand."""

    def square(self, value: V) -> V:
        """value * value."""

    def relit(self, image: V, light: V, reach: float) -> V:
        """What light changes in BL(x): ln gain, cut at +-reach, and offset, three channels each."""

    def sure(self, change: V, doubt: float) -> V:
        """change * m / (m + doubt^2), m its mean square over the channels."""

    def encoded(self, change: V) -> V:
        """The paper's y of a change BL(o) - BL(x)."""


@dataclass(frozen=True)
class Architecture:
    """fold raises `KeyError` for the tensors of another network.

    body: BL(x), sRGB RGB in [0, 1], (N, 3, H, W) -> features. head: BL(x) and features -> y.
    """

    fold: Callable[[State], Folded]
    body: Callable[[Ops[Any], Any], Any]
    head: Callable[[Ops[Any], Any, Any], Any]


class Tensors:
    """A state dict in fp32, giving folded layers."""

    def __init__(self, state: State):
        self._arrays = {name: value.astype(np.float32) for name, value in state.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def plain(self, name: str) -> Layer:
        """A layer with a bias; a linear one becomes a 1x1 convolution. Raises `KeyError`."""
        weight = self._arrays[f"{name}.weight"]
        if weight.ndim == 2:
            weight = weight[:, :, None, None]
        return Layer(weight, self._arrays[f"{name}.bias"])

    def normed(self, name: str, norm: str, out_axis: int = 0) -> Layer:
        """A layer, with a bias or without, and the batch norm after it. Raises `KeyError`."""
        weight = self._arrays[f"{name}.weight"]
        gain = self._arrays[f"{norm}.weight"] / np.sqrt(self._arrays[f"{norm}.running_var"] + EPS)
        shape = [1, 1, 1, 1]
        shape[out_axis] = -1
        bias = self._arrays.get(f"{name}.bias", np.float32(0)) - self._arrays[f"{norm}.running_mean"]
        return Layer(weight * gain.reshape(shape), bias * gain + self._arrays[f"{norm}.bias"])
