"""VGG-16's convolutions (Simonyan & Zisserman 2014), with which published weights can be filled."""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES: Final = (
    (3, 64, 64),
    (64, 128, 128),
    (128, 256, 256, 256),
    (256, 512, 512, 512),
    (512, 512, 512, 512),
)
MEAN: Final = (123.68, 116.779, 103.939)  # VGG-16's, R G B of 0..255


def _mean() -> Tensor:
    return torch.tensor(MEAN, device="cpu").view(1, 3, 1, 1) / 255


class Encoder(nn.Module):
    """The 13 convolutions of VGG-16: 14,714,688 parameters.

    mean: what is subtracted from the image first, R G B of 0..1. It cannot be folded into the first
    layer's bias, since the padding that follows it is zero, not minus the mean.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stages: Any = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(widths, widths[1:], strict=False))
            for widths in STAGES
        )
        self.register_buffer("mean", _mean(), persistent=False)

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        """Another mean than VGG-16's goes with the weights; files from before there were two have none."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not torch.equal(self.mean.cpu(), _mean()):
            destination[f"{prefix}mean"] = self.mean.clone()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
        self.mean.copy_(state_dict.pop(f"{prefix}mean", _mean()))
        super()._load_from_state_dict(state_dict, prefix, *others)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) sRGB RGB in [0, 1] -> pre-pool features of the five stages, then the pooled last.

        H and W are multiples of 32. For 512: 64x512, 128x256, 256x128, 512x64, 512x32, 512x16.
        """
        features, value = [], image - self.mean
        for stage in self.stages:
            for convolution in stage:
                value = F.relu(convolution(value), inplace=True)
            features.append(value)
            value = F.max_pool2d(value, 2)
        return [*features, value]
