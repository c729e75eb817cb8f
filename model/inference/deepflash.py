"""`model.networks.deepflash.DeepFlash` for the engines.

Batch norm is folded into the transposed convolutions, and the last 1x1 fuse and the 1x1
head, with nothing between them, into one. Both are exact up to rounding.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .layers import Array, Folded, Layer, Ops, State, Tensors, V

DEPTHS: Final = (2, 2, 3, 3, 3)  # convolutions in VGG-16's stages
# VGG-16's, R G B
MEAN: Final[Array] = np.array([123.68, 116.779, 103.939], np.float32).reshape(1, 3, 1, 1) / np.float32(255)


def fold(state: State) -> Folded:
    """From the state dict. Raises `KeyError` if something is missing."""
    tensors = Tensors(state)
    layers = {
        f"stage{i}.{j}": tensors.plain(f"encoder.stages.{i}.{j}")
        for i, depth in enumerate(DEPTHS)
        for j in range(depth)
    }
    if "encoder.mean" in tensors:  # of a start that expects another mean than VGG-16's
        mean = np.asarray(state["encoder.mean"], np.float32).reshape(3)
        layers["centre"] = Layer(np.eye(3, dtype=np.float32)[:, :, None, None], -mean)
    layers["bottleneck"] = tensors.normed("bottleneck", "norm")
    for i in range(len(DEPTHS)):
        layers[f"up{i}"] = tensors.normed(f"rises.{i}.up", f"rises.{i}.norm", out_axis=1)
        layers[f"fuse{i}"] = tensors.plain(f"rises.{i}.fuse")
    last = f"fuse{len(DEPTHS) - 1}"
    layers[last] = _after(layers[last], tensors.plain("head"))
    return Folded(layers, {})


def _after(first: Layer, second: Layer) -> Layer:
    """Two 1x1 convolutions as one."""
    a, b = first.weight[:, :, 0, 0], second.weight[:, :, 0, 0]
    return Layer((b @ a)[:, :, None, None], b @ first.bias + second.bias)


def body(ops: Ops[V], image: V) -> V:
    """BL(x) to the logits of y."""
    value = ops.convolution(image, "centre") if "centre" in ops.layers else ops.subtract(image, MEAN)
    skips = []
    for i, depth in enumerate(DEPTHS):
        for j in range(depth):
            value = ops.convolution(value, f"stage{i}.{j}", relu=True)
        skips.append(value)
        value = ops.max_pool(value)
    value = ops.convolution(value, "bottleneck", relu=True)
    for i in range(len(DEPTHS)):
        value = ops.fuse(ops.rise(value, f"up{i}"), skips.pop(), f"fuse{i}")
    return value


def head(ops: Ops[V], image: V, logits: V) -> V:
    """y."""
    return ops.sigmoid(logits)
