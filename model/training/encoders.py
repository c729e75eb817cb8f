"""Published VGG-16 weights for the encoder: ImageNet's and VGG-Face's, in the layouts they come in.

Each layout has its own channel order, range and mean. Order and range go into the first layer, once,
here; the mean is kept with the encoder, which subtracts it before the zero padding as the original did:
so the features equal the original's to the last border pixel.

=============================================  ========  ==============================================
file                                           kind      input that its first layer expects
=============================================  ========  ==============================================
``block1_conv1.weight`` ... (.npz, OIHW)       either    BGR 0..255 minus the kind's mean
``features.0.weight`` ... (torchvision .pth)   imagenet  RGB 0..1 minus .485 .456 .406 by .229 .224 .225
``conv1_1.weight`` ... (vgg_face_dag.pth)      vggface   RGB 0..255 minus 129.1863, 104.7624, 93.5940
``conv_1_1.weight`` ... (.pth made of the t7)  vggface   BGR 0..255 minus 93.5940, 104.7624, 129.1863
=============================================  ========  ==============================================

A .safetensors with the names of any row serves as well. Oxford published VGG-Face as a Caffe model and for
Torch 7; `model/README.md` says in a few lines how either becomes the first row's .npz. torchvision's
IMAGENET1K_FEATURES file (its classifier is NaN) expects RGB 0..255 minus 123.0, 117.0, 104.0.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..networks.vgg16 import MEAN, STAGES, Encoder
from . import checkpoint

KINDS: Final = ("imagenet", "vggface")
TORCHVISION: Final = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # features.N of the convolutions
CONVOLUTIONS: Final = [(i, j) for i, widths in enumerate(STAGES, 1) for j in range(1, len(widths))]
WIDTHS: Final = [pair for widths in STAGES for pair in zip(widths, widths[1:], strict=False)]

Layers = list[tuple[np.ndarray, np.ndarray]]  # weight OIHW and bias, from the image upwards


class Convention(NamedTuple):
    """What a file's first layer expects: (channels * top - mean) / std, R G B; bgr: channels turned round."""

    bgr: bool
    top: float
    mean: tuple[float, ...]
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


VGG_FACE_MEAN: Final = (129.1863, 104.7624, 93.5940)
CONVENTIONS: Final = {
    ("imagenet", "npz"): Convention(True, 255, MEAN),
    ("imagenet", "torchvision"): Convention(False, 1, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ("imagenet", "features"): Convention(False, 255, (0.48235 * 255, 0.45882 * 255, 0.40784 * 255)),
    ("vggface", "npz"): Convention(True, 255, VGG_FACE_MEAN),
    ("vggface", "matconvnet"): Convention(False, 255, VGG_FACE_MEAN),
    ("vggface", "torch7"): Convention(True, 255, VGG_FACE_MEAN),
}


def load(encoder: Encoder, kind: str, path: Path) -> None:
    """Fill `encoder` from a published file. kind: one of `KINDS`.

    Afterwards its features equal the original's for the same picture. Raises `ValueError` with a sentence
    for a file that is missing, damaged, of another network, or of a layout not published for `kind`.
    """
    try:
        layout, layers = _read(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; --encoder wants a published VGG-16") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read as a published VGG-16: {error}") from error
    if (kind, layout) not in CONVENTIONS:
        raise ValueError(
            f"{path} has the layout {layout!r}, which {kind} was not published in; try the other"
        )
    _fill(encoder, layers, CONVENTIONS[kind, layout])


@torch.no_grad()
def _fill(encoder: Encoder, layers: Layers, convention: Convention) -> None:
    own = [convolution for stage in encoder.stages for convolution in stage]
    for convolution, (weight, bias) in zip(own, layers, strict=True):
        convolution.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        convolution.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    first = own[0].weight
    if convention.bgr:
        first.copy_(first.flip(1))
    first.mul_(convention.top / torch.tensor(convention.std).view(1, 3, 1, 1))
    encoder.mean.copy_(torch.tensor(convention.mean).view(1, 3, 1, 1) / convention.top)


def _read(path: Path) -> tuple[str, Layers]:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return "npz", _pick(arrays, lambda n, i, j: f"block{i}_conv{j}")
    tensors = checkpoint.tensors(path)
    if "block1_conv1.weight" in tensors:
        return "npz", _pick(tensors, lambda n, i, j: f"block{i}_conv{j}")
    if "features.0.weight" in tensors:
        classifier = tensors.get("classifier.0.weight")
        layout = "features" if classifier is not None and np.isnan(classifier).any() else "torchvision"
        return layout, _pick(tensors, lambda n, i, j: f"features.{TORCHVISION[n]}")
    if "conv_1_1.weight" in tensors:
        return "torch7", _pick(tensors, lambda n, i, j: f"conv_{i}_{j}")
    return "matconvnet", _pick(tensors, lambda n, i, j: f"conv{i}_{j}")


def _pick(arrays: Mapping[str, Any], name: Callable[[int, int, int], str]) -> Layers:
    layers = []
    for n, (i, j) in enumerate(CONVOLUTIONS):
        key = name(n, i, j)
        if f"{key}.weight" not in arrays or f"{key}.bias" not in arrays:
            raise ValueError(f"layer {key} is missing")
        layers.append((np.asarray(arrays[f"{key}.weight"]), np.asarray(arrays[f"{key}.bias"])))
    return _checked(layers)


def _checked(layers: Layers) -> Layers:
    """Bring layers to their shapes; some layouts keep a weight as a matrix, a bias in four dimensions."""
    if len(layers) != len(CONVOLUTIONS):
        raise ValueError(f"it has {len(layers)} convolutions instead of {len(CONVOLUTIONS)}")
    for (weight, bias), (i, j), (a, b) in zip(layers, CONVOLUTIONS, WIDTHS, strict=True):
        if weight.size != 9 * a * b or len(weight) != b or bias.size != b:
            raise ValueError(f"convolution {i}_{j} has the shape {weight.shape}, not {(b, a, 3, 3)}")
    return [
        (weight.reshape(b, a, 3, 3).astype(np.float32), bias.reshape(b).astype(np.float32))
        for (weight, bias), (a, b) in zip(layers, WIDTHS, strict=True)
    ]


@torch.no_grad()
def even_out(encoder: Encoder, pictures: Iterable[Tensor]) -> None:
    """Rescale every layer so that its features have a root mean square of 1 over some pictures.

    The published features reach thousands, the decoder's are about 1. ReLU and max-pooling
    commute with a positive factor, so this changes no feature but by that factor.
    pictures: batches as `Encoder.forward` takes them.
    """
    values = [batch - encoder.mean for batch in pictures]
    total = 1.0  # the factor of the features so far
    for stage in encoder.stages:
        for convolution in stage:
            total = _level(convolution, values, total)
            values = [F.relu(convolution(value)) for value in values]
        values = [F.max_pool2d(value, 2) for value in values]


def _level(convolution: Any, values: Sequence[Tensor], total: float) -> float:
    """Rescale one layer; returns the factor of its features. total: that of what it gets."""
    convolution.bias *= total
    raw = torch.cat([F.relu(convolution(value)).flatten() for value in values])
    factor = 1 / float(raw.square().mean().sqrt())
    convolution.weight *= factor
    convolution.bias *= factor
    return total * factor
