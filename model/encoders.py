"""Published VGG-16 weights for the encoder.

The published file expects BGR in 0..255; the network sees RGB in [0, 1]. The first
layer is converted once, here, so that nothing has to be converted at run time.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .deepflash import Encoder


def load_imagenet(encoder: Encoder, path: Path) -> None:
    """Fill `encoder` from the Caffe ImageNet VGG-16 (.npz, ``block1_conv1.weight`` ..., OIHW, BGR).

    Afterwards its features equal the original's for the same picture. Raises `KeyError`
    if a layer is missing, `RuntimeError` if one has another shape.
    """
    with np.load(path) as data, torch.no_grad():
        for i, stage in enumerate(encoder.stages, 1):
            for j, convolution in enumerate(stage, 1):
                weight = torch.from_numpy(data[f"block{i}_conv{j}.weight"].copy())
                if i == j == 1:
                    weight = weight.flip(1) * 255
                convolution.weight.copy_(weight)
                convolution.bias.copy_(torch.from_numpy(data[f"block{i}_conv{j}.bias"].copy()))


@torch.no_grad()
def even_out(encoder: Encoder, pictures: Iterable[Tensor]) -> None:
    """Rescale every layer so that its features have a root mean square of 1 over some pictures.

    The published features reach thousands, the decoder's are about 1. ReLU and max-pooling
    commute with a positive factor, so this changes no feature but by that factor.
    pictures: batches as `Encoder.forward` takes them.
    """
    assert isinstance(encoder.mean, Tensor)
    values = [batch - encoder.mean for batch in pictures]
    total = 1.0  # the factor of the features so far
    for stage in encoder.stages:
        for convolution in stage:
            convolution.bias *= total
            raw = torch.cat([F.relu(convolution(value)).flatten() for value in values])
            factor = 1 / float(raw.square().mean().sqrt())
            convolution.weight *= factor
            convolution.bias *= factor
            total *= factor
            values = [F.relu(convolution(value)) for value in values]
        values = [F.max_pool2d(value, 2) for value in values]
