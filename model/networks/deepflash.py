"""DeepFlash: the paper's network, section "Network". Reads like its figure.

VGG-16's convolutions see BL(x); a decoder after Eilertsen et al. 2017 goes back up,
joining at every size the encoder's features from before the pooling. 29.4 M parameters,
512x512x3 to 512x512x3. Unlike the paper's it works at a quarter of that size: light and shine vary
slowly, a picture costs a sixteenth, and at the same cost as many times more are seen in training.
"""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network
from .vgg16 import Encoder

# (channels from below, channels out = the skip connection's), bottom to top
DECODER: Final = ((512, 512), (512, 512), (512, 256), (256, 128), (128, 64))
SHRINK: Final = 4  # the working size is a quarter of the crop's


class DecoderStep(nn.Module):
    """One step up: 4x4 transposed convolution with stride 2, BN, ReLU; concatenate; 1x1 fuse, linear."""

    def __init__(self, below: int, out: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(below, out, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(out)
        self.fuse = nn.Conv2d(2 * out, out, 1)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """(N, below, h, w) and (N, out, 2h, 2w) -> (N, out, 2h, 2w)."""
        doubled = F.relu(self.norm(self.up(below)), inplace=True)
        fused: Tensor = self.fuse(torch.cat([doubled, skip], dim=1))
        return fused


class DeepFlash(nn.Module):
    """BL(x) to y. Starts at y = 1/2, which is "do nothing".

    shrink: how much smaller than the image the working size is; training has pictures of that size already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shrink = SHRINK
        self.encoder = Encoder()
        self.bottleneck = nn.Conv2d(512, 512, 3, padding=1)
        self.norm = nn.BatchNorm2d(512)
        # Under this name they lie in the weights' files.
        self.rises: Any = nn.ModuleList(DecoderStep(below, out) for below, out in DECODER)
        self.head: Any = nn.Conv2d(64, 3, 1)
        self.reset()

    def reset(self) -> None:
        """He initialisation of the decoder, small Xavier for the head."""
        for module in (self.bottleneck, *(step.up for step in self.rises)):
            nn.init.kaiming_normal_(
                module.weight, mode="fan_out" if module is not self.bottleneck else "fan_in"
            )
            nn.init.zeros_(module.bias)
        for step in self.rises:
            nn.init.xavier_normal_(step.fuse.weight)
            nn.init.zeros_(step.fuse.bias)
        nn.init.xavier_normal_(self.head.weight, gain=0.05)
        nn.init.zeros_(self.head.bias)

    def decode(self, features: list[Tensor]) -> Tensor:
        """Bring the encoder's features to logits of y, (N, 3, H, W)."""
        *skips, value = features
        value = F.relu(self.norm(self.bottleneck(value)), inplace=True)
        for step, skip in zip(self.rises, reversed(skips), strict=True):
            value = step(value, skip)
        logits: Tensor = self.head(value)
        return logits

    def body(self, image: Tensor) -> tuple[Tensor]:
        """(N, 3, H, W) BL(x), sRGB RGB in [0, 1] -> logits of y, at the working size."""
        return (self.decode(self.encoder(F.avg_pool2d(image, self.shrink))),)

    def finish(self, image: Tensor, logits: Tensor) -> tuple[Tensor]:
        """Return the logits -> y in [0, 1], (N, 3, H, W)."""
        if self.shrink > 1:
            logits = F.interpolate(logits, scale_factor=float(self.shrink), mode="bilinear")
        return (torch.sigmoid(logits),)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) BL(x), sRGB RGB in [0, 1] -> y in [0, 1], same shape."""
        return self.finish(image, *self.body(image))[0]

    @torch.no_grad()
    def fold(self) -> None:
        """Make the last 1x1 fuse and the 1x1 head one, as there is nothing between them: for serving only."""
        last = self.rises[-1].fuse
        assert isinstance(last, nn.Conv2d) and isinstance(self.head, nn.Conv2d)
        one = nn.Conv2d(last.in_channels, 3, 1)
        first, second = last.weight[:, :, 0, 0], self.head.weight[:, :, 0, 0]
        assert last.bias is not None and self.head.bias is not None and one.bias is not None
        one.weight.copy_((second @ first)[:, :, None, None])
        one.bias.copy_(second @ last.bias + self.head.bias)
        self.rises[-1].fuse, self.head = one, nn.Identity()


DEEPFLASH: Final = Network(
    name="deepflash",
    caption="The paper's network: VGG-16 as encoder, 29 million parameters.",
    build=DeepFlash,
    trainer="model.training.trainers:PublishedEncoderTrainer",
    published_encoder=True,
    constants={"shrink": SHRINK},
    scale=SHRINK,
)
