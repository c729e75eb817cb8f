"""The trained network with everything linear folded together, in numpy: what both engines run.

Batch norm is folded into the transposed convolutions, and the last 1x1 fuse and the 1x1
head, with nothing between them, into one. Both are exact up to rounding. No torch here,
so that OpenVINO can serve without importing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

STAGE_DEPTHS: Final = (2, 2, 3, 3, 3)
EPS: Final = 1e-5  # torch.nn.BatchNorm2d's
MEAN: Final = np.array([123.68, 116.779, 103.939], np.float32) / 255  # VGG-16's, R G B


@dataclass(frozen=True)
class Layer:
    """weight: OIHW for a convolution, IOHW for a transposed one; bias: (O,)."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Folded:
    """encoder: five stages of 3x3 convolutions. bottleneck: 3x3. ups: five transposed 4x4.

    fuses: five 1x1 convolutions over [risen, skip]; the last one gives the 3 logits of y.
    """

    encoder: tuple[tuple[Layer, ...], ...]
    bottleneck: Layer
    ups: tuple[Layer, ...]
    fuses: tuple[Layer, ...]


def fold(state: dict[str, NDArray[np.floating]]) -> Folded:
    """From `DeepFlash`'s state dict. Raises `KeyError` if something is missing."""
    arrays = {name: value.astype(np.float32) for name, value in state.items()}

    def layer(name: str) -> Layer:
        return Layer(arrays[f"{name}.weight"], arrays[f"{name}.bias"])

    def normed(name: str, norm: str, out_axis: int) -> Layer:
        plain = layer(name)
        gain = arrays[f"{norm}.weight"] / np.sqrt(arrays[f"{norm}.running_var"] + EPS)
        shape = [1, 1, 1, 1]
        shape[out_axis] = -1
        bias = (plain.bias - arrays[f"{norm}.running_mean"]) * gain + arrays[f"{norm}.bias"]
        return Layer(plain.weight * gain.reshape(shape), bias)

    encoder = tuple(
        tuple(layer(f"encoder.stages.{i}.{j}") for j in range(depth)) for i, depth in enumerate(STAGE_DEPTHS)
    )
    count = len(STAGE_DEPTHS)
    ups = tuple(normed(f"rises.{i}.up", f"rises.{i}.norm", 1) for i in range(count))
    fuses = [layer(f"rises.{i}.fuse") for i in range(count)]
    fuses[-1] = _after(fuses[-1], layer("head"))
    return Folded(encoder, normed("bottleneck", "norm", 0), ups, tuple(fuses))


def _after(first: Layer, second: Layer) -> Layer:
    """Two 1x1 convolutions as one."""
    a, b = first.weight[:, :, 0, 0], second.weight[:, :, 0, 0]
    return Layer((b @ a)[:, :, None, None], b @ first.bias + second.bias)
