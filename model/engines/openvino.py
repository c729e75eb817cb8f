"""The OpenVINO engine: processors, an optional extra.

The graph is written out here rather than converted from PyTorch, so that a server that
runs on it never imports torch: it starts sooner and is some hundred megabytes smaller.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from .folded import MEAN, Folded, Layer

NAME = "openvino"


class Engine:
    """Calling it: (N, 512, 512, 3) float32 BL(x) -> y, same shape."""

    name = NAME

    def __init__(self, network: Folded):
        core = ov.Core()
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        hints = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if "BF16" in able else "f32",
        }
        self._model = core.compile_model(_graph(network), "CPU", hints)
        self.device = "cpu"

    def __call__(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [self._model(crops[i : i + 1])[0] for i in range(len(crops))]
        return np.concatenate(parts)


def _graph(network: Folded, size: int = 512) -> ov.Model:
    image = op.parameter([1, size, size, 3], np.float32, name="image")
    value = op.transpose(image, [0, 3, 1, 2])
    value = op.subtract(value, op.constant(MEAN.reshape(1, 3, 1, 1)))
    skips = []
    for stage in network.encoder:
        for layer in stage:
            value = op.relu(_convolution(value, layer, 1))
        skips.append(value)
        value = op.max_pool(value, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "floor").output(0)
    value = op.relu(_convolution(value, network.bottleneck, 1))
    for up, fuse in zip(network.ups, network.fuses, strict=True):
        risen = op.convolution_backprop_data(
            value, _constant(up.weight), [2, 2], pads_begin=[1, 1], pads_end=[1, 1]
        )
        risen = op.relu(op.add(risen, _bias(up)))
        value = _fuse(risen, skips.pop(), fuse)
    y = op.transpose(op.sigmoid(value), [0, 2, 3, 1])
    return ov.Model([y], [image], "deepflash")


def _fuse(risen: ov.Node, skip: ov.Node, layer: Layer) -> ov.Node:
    """The 1x1 convolution over both, as a sum of two: no copy is made to put them side by side."""
    half = layer.weight.shape[1] // 2
    first = Layer(np.ascontiguousarray(layer.weight[:, :half]), layer.bias)
    second = _constant(np.ascontiguousarray(layer.weight[:, half:]))
    return op.add(_convolution(risen, first, 0), op.convolution(skip, second, [1, 1], [0, 0], [0, 0], [1, 1]))


def _constant(weight: NDArray[np.float32]) -> ov.Node:
    return op.constant(weight)


def _bias(layer: Layer) -> ov.Node:
    return op.constant(layer.bias.reshape(1, -1, 1, 1))


def _convolution(value: ov.Node, layer: Layer, pad: int) -> ov.Node:
    done = op.convolution(value, _constant(layer.weight), [1, 1], [pad, pad], [pad, pad], [1, 1])
    return op.add(done, _bias(layer))
