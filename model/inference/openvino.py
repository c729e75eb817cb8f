"""The OpenVINO engine: processors, an optional extra.

The graph is written out here rather than converted from PyTorch, so that a server that
runs on it never imports torch: it starts sooner and is some hundred megabytes smaller.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from plugin.studio_portrait.link.wire import Problem

from .layers import Architecture, Array, Folded, Layer, Layers
from .threads import limit

NAME = "openvino"
POLL_MILLISECONDS = 50


class Engine:
    """Calling it: (N, size, size, 3) float32 BL(x) -> y, same shape.

    precision: "bf16" or "f32" for the body, "" for what suits the processor.
    """

    name = NAME

    def __init__(self, architecture: Architecture, folded: Folded, precision: str = "", size: int = 512):
        core = ov.Core()
        able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        body, head = _graphs(architecture, folded, size)
        suits = precision or ("bf16" if "BF16" in able else "f32")
        self._body = core.compile_model(body, "CPU", _hints(suits)).create_infer_request()
        self._head = core.compile_model(head, "CPU", _hints("f32")).create_infer_request()
        self.device = "cpu"

    def __call__(
        self, crops: NDArray[np.float32], cancelled: Callable[[], bool] = lambda: False
    ) -> NDArray[np.float32]:
        return np.concatenate([self._one(crops[i : i + 1], cancelled) for i in range(len(crops))])

    def _one(self, crop: NDArray[np.float32], cancelled: Callable[[], bool]) -> NDArray[np.float32]:
        features = _infer(self._body, [crop], cancelled)
        return _infer(self._head, [crop, features], cancelled).copy()


def _infer(
    request: ov.InferRequest, values: list[NDArray[np.float32]], cancelled: Callable[[], bool]
) -> NDArray[np.float32]:
    """The first output, which lasts until the request's next run. A cancel is seen between layers."""
    stopped = cancelled()
    if not stopped:
        request.start_async(dict(enumerate(values)), share_inputs=True)
    while not (stopped or request.wait_for(POLL_MILLISECONDS)):
        stopped = cancelled()
    if stopped:
        request.cancel()
        with contextlib.suppress(RuntimeError):  # which says that it was cancelled
            request.wait()
        raise Problem("cancelled", "The job was cancelled.")
    output: NDArray[np.float32] = request.get_output_tensor(0).data
    return output


def _hints(precision: str) -> dict[str, str]:
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    if (most := limit()) is not None:
        hints["INFERENCE_NUM_THREADS"] = str(most)
    return hints


def _graphs(architecture: Architecture, folded: Folded, size: int) -> tuple[ov.Model, ov.Model]:
    """Body and head apart, so that one engine setting keeps all of the head in fp32."""
    image = op.parameter([1, size, size, 3], np.float32)
    body = architecture.body(_Ops(folded.body), op.transpose(image, [0, 3, 1, 2]))
    again = op.parameter([1, size, size, 3], np.float32)
    features = op.parameter(list(body.get_output_shape(0)), np.float32)
    y = architecture.head(_Ops(folded.head), op.transpose(again, [0, 3, 1, 2]), features)
    parts = (
        ov.Model([body], [image], "body"),
        ov.Model([op.transpose(y, [0, 2, 3, 1])], [again, features], "head"),
    )
    return parts


class _Ops:
    """`model.inference.layers.Ops`, written down as a graph."""

    def __init__(self, layers: Layers):
        self.layers = layers

    def convolution(self, value: ov.Node, name: str, stride: int = 1, relu: bool = False) -> ov.Node:
        done = _convolution(value, self.layers[name], stride)
        return op.relu(done) if relu else done

    def rise(self, value: ov.Node, name: str) -> ov.Node:
        layer = self.layers[name]
        risen = op.convolution_backprop_data(
            value, op.constant(layer.weight), [2, 2], pads_begin=[1, 1], pads_end=[1, 1]
        )
        return op.relu(op.add(risen, _bias(layer)))

    def fuse(self, first: ov.Node, second: ov.Node, name: str) -> ov.Node:
        """A sum of two convolutions: no copy is made to put the values one on the other."""
        layer = self.layers[name]
        half = layer.weight.shape[1] // 2
        over = _convolution(first, Layer(layer.weight[:, :half], layer.bias), 1)
        return op.add(over, _product(second, layer.weight[:, half:], 1))

    def add(self, first: ov.Node, second: ov.Node, relu: bool = False) -> ov.Node:
        total = op.add(first, second)
        return op.relu(total) if relu else total

    def subtract(self, value: ov.Node, constant: Array) -> ov.Node:
        return op.subtract(value, op.constant(constant))

    def max_pool(self, value: ov.Node) -> ov.Node:
        return op.max_pool(value, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "floor").output(0)

    def average_pool(self, value: ov.Node, size: int) -> ov.Node:
        return op.avg_pool(value, [size, size], [0, 0], [0, 0], [size, size], exclude_pad=False)

    def mean(self, value: ov.Node) -> ov.Node:
        return op.reduce_mean(value, op.constant(np.array([2, 3])), keep_dims=True)

    def unshuffle(self, value: ov.Node) -> ov.Node:
        return op.space_to_depth(value, "depth_first", 2)

    def shuffle(self, value: ov.Node) -> ov.Node:
        return op.depth_to_space(value, "depth_first", 2)

    def both_ways(self, value: ov.Node) -> ov.Node:
        return op.concat([value, _mirrored(value)], 0)

    def one_way(self, value: ov.Node) -> ov.Node:
        there, back = op.split(value, 0, 2).outputs()
        return self.middle(there, _mirrored(back))

    def larger(self, value: ov.Node, pixels: int) -> ov.Node:
        return _resized(value, value.shape[2] + pixels, value.shape[3] + pixels)

    def like(self, value: ov.Node, other: ov.Node) -> ov.Node:
        return _resized(value, other.shape[2], other.shape[3])

    def middle(self, first: ov.Node, second: ov.Node) -> ov.Node:
        return op.multiply(op.add(first, second), _number(0.5))

    def nearest(self, value: ov.Node) -> ov.Node:
        return _stretch(value, 2, "nearest", "asymmetric")

    def bilinear(self, value: ov.Node, size: int) -> ov.Node:
        return _stretch(value, size, "linear_onnx", "half_pixel")

    def sigmoid(self, value: ov.Node) -> ov.Node:
        return op.sigmoid(value)

    def box(self, value: ov.Node, radius: int) -> ov.Node:
        for size in ([2 * radius + 1, 1], [1, 2 * radius + 1]):
            pads = [side // 2 for side in size]
            value = op.avg_pool(value, [1, 1], pads, pads, size, exclude_pad=True)
        return value

    def damped(self, number: float, times: float, value: ov.Node) -> ov.Node:
        return op.divide(_number(number), op.add(_number(1), op.multiply(_number(times), value)))

    def kept(self, mean: ov.Node, squares: ov.Node, least: ov.Node) -> tuple[ov.Node, ov.Node]:
        variance = op.relu(op.subtract(squares, op.multiply(mean, mean)))
        keep = op.divide(variance, op.add(variance, least))
        return keep, op.multiply(op.subtract(_number(1), keep), mean)

    def combine(self, factor: ov.Node, value: ov.Node, summand: ov.Node) -> ov.Node:
        return op.add(op.multiply(factor, value), summand)

    def square(self, value: ov.Node) -> ov.Node:
        return op.multiply(value, value)

    def relit(self, image: ov.Node, light: ov.Node, reach: float) -> ov.Node:
        log_gain, offset = op.split(light, 1, 2).outputs()
        low_pass = op.add(op.multiply(image, op.exp(op.clamp(log_gain, -reach, reach))), offset)
        return op.subtract(op.clamp(low_pass, 0.0, 1.0), image)

    def sure(self, change: ov.Node, doubt: float) -> ov.Node:
        power = op.reduce_mean(self.square(change), op.constant(np.array([1])), keep_dims=True)
        return op.multiply(change, op.divide(power, op.add(power, _number(doubt * doubt))))

    def encoded(self, change: ov.Node) -> ov.Node:
        return op.multiply(op.subtract(_number(1), change), _number(0.5))


def _number(value: float) -> ov.Node:
    return op.constant(np.float32(value))


def _mirrored(value: ov.Node) -> ov.Node:
    columns = np.arange(value.shape[3])[::-1]
    return op.gather(value, op.constant(columns.copy()), op.constant(np.int64(3)))


def _convolution(value: ov.Node, layer: Layer, stride: int) -> ov.Node:
    return op.add(_product(value, layer.weight, stride), _bias(layer))


def _product(value: ov.Node, weight: Array, stride: int) -> ov.Node:
    pads = [weight.shape[-1] // 2] * 2
    constant = op.constant(np.ascontiguousarray(weight))
    return op.convolution(value, constant, [stride] * 2, pads, pads, [1, 1])


def _bias(layer: Layer) -> ov.Node:
    return op.constant(layer.bias.reshape(1, -1, 1, 1))


def _resized(value: ov.Node, height: int, width: int) -> ov.Node:
    axes, size = op.constant(np.array([2, 3])), op.constant(np.array([height, width]))
    return op.interpolate(
        value, size, "linear_onnx", "sizes", coordinate_transformation_mode="half_pixel", axes=axes
    )


def _stretch(value: ov.Node, times: int, mode: str, centres: str) -> ov.Node:
    axes, scales = op.constant(np.array([2, 3])), op.constant(np.full(2, times, np.float32))
    return op.interpolate(
        value,
        scales,
        mode,
        "scales",
        coordinate_transformation_mode=centres,
        nearest_mode="floor",
        axes=axes,
    )
