"""dlib's face recogniser as a torch network: is the face in a picture still the same person?

A 29-layer residual network (after He et al. 2016; "High Quality Face Recognition with Deep Metric
Learning", King 2017) turns an upright face into 128 numbers; two pictures of one person lie near each
other. dlib itself gives no gradients. Its weights come with `face_recognition_models`, which the server
needs anyway.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import face_models
from model.data.synthesize.light import sampling_grid

from ..paper.bilateral import SIZE

SIDE: Final = 150  # pixels of an upright face, as dlib cuts it out
PLAIN, HALVING = 1, 2  # strides
BLOCKS: Final = (  # width and stride of each
    *((32, PLAIN),) * 3,
    *((64, HALVING), *((64, PLAIN),) * 3),
    *((128, HALVING), *((128, PLAIN),) * 2),
    *((256, HALVING), *((256, PLAIN),) * 2, (256, HALVING)),
)
NUMBERS: Final = 128
MEAN: Final = (122.782, 117.001, 104.298)  # of R, G, B; what is left is divided by 256
RECORD: Final = re.compile(rb"\x01[\x04\x05\x07](con_4|affine_|fc_2)")  # as dlib writes a layer's name
BROKEN: Final = "it is not dlib's face recogniser, or is cut short"
# The point between the eyes, and how far they lie apart: in `model.paper.framing`'s 512 crop (the mean of 120
# portraits; they deviate by 6 and 5 pixels) and in dlib's 150.
EYES, APART = (254.0, 217.6), 98.6
CHIP_EYES, CHIP_APART = (74.0, 47.1), 52.55


class Block(nn.Module):
    """Two convolutions around what came in, averaged down and given empty channels where they differ."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.first = _convolution(inputs, width, 3, stride)
        self.second = _convolution(width, width)

    def forward(self, value: Tensor) -> Tensor:
        """(N, inputs, h, w) -> (N, width, h', w')."""
        changed = self.second(F.relu(self.first(value)))
        kept = F.avg_pool2d(value, 2) if self.stride > 1 else value
        # The mean may be a pixel larger; dlib takes 0 for what is missing on either side.
        down, right = (a - b for a, b in zip(kept.shape[2:], changed.shape[2:], strict=True))
        kept = F.pad(kept, (0, 0, 0, 0, 0, changed.shape[1] - kept.shape[1]))
        return F.relu(F.pad(changed, (0, right, 0, down)) + kept)


class Recogniser(nn.Module):
    """150-pixel faces to 128 numbers, as dlib has them. A layer's scale and offset are in its convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, BLOCKS[0][0], 7, 2)
        widths = [BLOCKS[0][0], *(width for width, _ in BLOCKS)]
        self.blocks = nn.Sequential(
            *(Block(before, width, stride) for before, (width, stride) in zip(widths, BLOCKS, strict=False))
        )
        self.last = nn.Linear(widths[-1], NUMBERS, bias=False)

    @classmethod
    def load(cls, path: Path | None = None) -> Recogniser:
        """dlib's weights, not to be trained.

        path: a dlib_face_recognition_resnet_model_v1.dat; None: the installed one. Raises `ValueError`
        with a sentence for a file of another kind.
        """
        network = cls()
        layers = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
        *found, last = _tensors((path or face_models.path(face_models.RECOGNISER)).read_bytes(), len(layers))
        for layer, both, scale in zip(layers, found[::2], found[1::2], strict=True):
            _fill(layer, both, scale)
        if last.size != network.last.weight.numel():
            raise ValueError(BROKEN)
        network.last.weight.data = torch.from_numpy(last).view(-1, NUMBERS).T.contiguous()
        network.requires_grad_(False).eval()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
        return network

    def forward(self, faces: Tensor) -> Tensor:
        """(N, 3, 150, 150) upright faces, sRGB RGB in [0, 1] -> (N, 128)."""
        mean = torch.tensor(MEAN, device=faces.device).view(1, 3, 1, 1)
        value = F.relu(self.stem((faces * 255 - mean) / 256))
        value = self.blocks(F.max_pool2d(value, 3, 2))
        numbers: Tensor = self.last(value.mean((2, 3)))
        return numbers


def chips(picture: Tensor, theta: Tensor) -> Tensor:
    """Return the upright faces (N, 3, 150, 150) of crops (N, 3, h, w).

    theta (N, 2, 3): from a crop's coordinates to the 512 crop's, both in -1..1, as `Placing` has it. The
    eyes are taken to be where `framing` puts them on average.
    """
    zoom = APART / CHIP_APART  # pixels of the 512 crop in one of the chip's
    middle = [eye + zoom * (SIDE / 2 - mine) for eye, mine in zip(EYES, CHIP_EYES, strict=True)]
    centre = torch.tensor([2 * value / SIZE - 1 for value in middle], device=theta.device)
    back = torch.linalg.inv(theta[:, :, :2])
    shift = torch.einsum("nij,nj->ni", back, centre - theta[:, :, 2])
    turned = torch.cat([back * (zoom * SIDE / SIZE), shift[..., None]], dim=2)
    grid = sampling_grid(turned, SIDE, SIDE)
    return F.grid_sample(picture, grid.to(picture.dtype), align_corners=False, padding_mode="border")


def _convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """dlib fills up at the edges only where it does not halve."""
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2 if stride == 1 else 0)


def _fill(layer: nn.Conv2d, both: np.ndarray, scale: np.ndarray) -> None:
    """Put dlib's numbers into a layer: its weights and bias, and the scale and offset that follow on it."""
    count = layer.weight.numel()
    if both.size != count + layer.out_channels or scale.size != 2 * layer.out_channels:
        raise ValueError(BROKEN)
    factor, offset = torch.from_numpy(scale).chunk(2)
    weight, bias = torch.from_numpy(both).split((count, layer.out_channels))
    layer.weight.data = weight.view_as(layer.weight) * factor.view(-1, 1, 1, 1)
    assert layer.bias is not None
    layer.bias.data = bias * factor + offset


def _tensors(data: bytes, layers: int) -> list[np.ndarray]:
    """Return all tensors of the file: two of each layer, then the last one."""
    found = list(RECORD.finditer(data))
    if [record[1] for record in found] != [*[b"con_4", b"affine_"] * layers, b"fc_2"]:
        raise ValueError(BROKEN)
    return [_tensor(data, record.end(), 2 * (record[1] == b"fc_2")) for record in found]


def _tensor(data: bytes, at: int, skip: int) -> np.ndarray:
    """Return a tensor as dlib writes it: version, four extents, little-endian floats.

    skip: numbers before it.
    """
    numbers = []
    for _ in range(skip + 5):
        number, at = _integer(data, at)
        numbers.append(number)
    version, *shape = numbers[skip:]
    count = math.prod(shape)
    if version != 2 or not 0 < 4 * count <= len(data) - at:
        raise ValueError(BROKEN)
    return np.frombuffer(data, "<f4", count, at).copy()


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """Read a whole number as dlib writes it: how many bytes, then these. Where the next begins, too."""
    size = data[at] & 15 if at < len(data) else 16
    if size > 8 or at + size >= len(data):
        raise ValueError(BROKEN)
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size
