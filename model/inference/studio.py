"""`model.networks.studio.Studio` for the engines.

Batch norm is folded into the convolutions. The map of shadow is for training and is left out.
How wide and deep the network is, is read from its tensors.
"""

from __future__ import annotations

from collections.abc import Container
from itertools import count
from typing import Final

import numpy as np

from .layers import Folded, Layer, Layers, Ops, State, Tensors, V

SHRINK: Final = 2  # the constants of model/networks/studio.py that no tensor tells
LARGER: Final = 32
GAIN_RANGE: Final = 1.5
COARSE: Final = 2
RADIUS: Final = 3
CALM: Final = 0.025
LIVELY: Final = 200.0
DOUBT: Final = 0.012
LIGHTS: Final = 6
MIDDLE: Final = np.full((1, 1, 1, 1), 0.5, np.float32)


def fold(state: State) -> Folded:
    """From the state dict. Raises `KeyError` if something is missing."""
    tensors = Tensors(state)
    layers = {"stem": tensors.normed("stem.0", "stem.1")}
    for i in _indices(tensors, "downs.{}.0.weight"):
        layers[f"down{i + 1}"] = tensors.normed(f"downs.{i}.0", f"downs.{i}.1")
    for i in _indices(tensors, "blocks.{}.0.second.0.weight"):
        for j in _indices(tensors, f"blocks.{i}.{{}}.second.0.weight"):
            layers.update(_block(tensors, f"blocks.{i}.{j}", f"block{i}.{j}"))
    layers |= {f"whole.{i}": tensors.plain(f"whole.layers.{i}") for i in (0, 2)}
    for i in _indices(tensors, "ups.{}.0.weight"):
        layers[f"up{i}"] = tensors.normed(f"ups.{i}.0", f"ups.{i}.1")
        layers[f"merge{i}"] = tensors.normed(f"merges.{i}.0.0", f"merges.{i}.0.1")
        layers.update(_block(tensors, f"merges.{i}.1", f"merge{i}.0"))
    head = tensors.plain("head")
    light, shine = slice(4 * LIGHTS), slice(4 * LIGHTS, 4 * LIGHTS + 4)
    parts = {"light": light, "shine": shine}
    return Folded(layers, {name: Layer(head.weight[part], head.bias[part]) for name, part in parts.items()})


def _indices(names: Container[str], pattern: str) -> range:
    """0, 1 ... as far as there are such names."""
    return range(next(i for i in count() if pattern.format(i) not in names))


def _block(tensors: Tensors, name: str, short: str) -> Layers:
    return {
        f"{short}.first": tensors.normed(f"{name}.first.0", f"{name}.first.1"),
        f"{short}.second": tensors.normed(f"{name}.second.0", f"{name}.second.1"),
    }


def body(ops: Ops[V], image: V) -> V:
    """BL(x) to features at a quarter of its size, of the picture and its mirror image; mean of two sizes."""
    both = ops.both_ways(ops.subtract(ops.average_pool(image, SHRINK), MIDDLE))
    features = _features(ops, both)
    return ops.middle(features, ops.like(_features(ops, ops.larger(both, LARGER)), features))


def _features(ops: Ops[V], value: V) -> V:
    value, skips = ops.convolution(ops.unshuffle(value), "stem", relu=True), []
    for i in _indices(ops.layers, "block{}.0.first"):
        if i:
            value = ops.convolution(value, f"down{i}", stride=2, relu=True)
        value = _blocks(ops, value, f"block{i}")
        skips.append(value)
    value = skips.pop()
    whole = ops.convolution(ops.convolution(ops.mean(value), "whole.0", relu=True), "whole.2")
    value = ops.add(value, whole)
    for i in _indices(ops.layers, "up{}"):
        value = ops.add(ops.nearest(ops.convolution(value, f"up{i}", relu=True)), skips.pop())
        value = _blocks(ops, ops.convolution(value, f"merge{i}", relu=True), f"merge{i}")
    return value


def head(ops: Ops[V], image: V, features: V) -> V:
    """y: the light at the working size, stretched smoothly and applied to BL(x); its change evened out."""
    light, shine = (ops.one_way(ops.shuffle(ops.convolution(features, name))) for name in ("light", "shine"))
    change = ops.relit(image, ops.bilinear(light, SHRINK), GAIN_RANGE)
    shine = ops.average_pool(ops.sigmoid(shine), COARSE)
    return ops.encoded(ops.sure(_even(ops, change, shine), DOUBT))


def _even(ops: Ops[V], change: V, shine: V) -> V:
    """The guided filter of `model.networks.studio.even`."""
    small = ops.average_pool(change, COARSE * SHRINK)
    mean, squares = ops.box(small, RADIUS), ops.box(ops.square(small), RADIUS)
    parts = ops.kept(mean, squares, ops.damped(CALM, LIVELY, shine))
    keep, rest = (ops.bilinear(ops.box(part, RADIUS), COARSE * SHRINK) for part in parts)
    return ops.combine(keep, change, rest)


def _blocks(ops: Ops[V], value: V, name: str) -> V:
    """The residual blocks `name`.0, .1 ..."""
    for j in _indices(ops.layers, f"{name}.{{}}.first"):
        change = ops.convolution(ops.convolution(value, f"{name}.{j}.first", relu=True), f"{name}.{j}.second")
        value = ops.add(value, change, relu=True)
    return value
