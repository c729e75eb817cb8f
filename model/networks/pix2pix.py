"""Pix2Pix: Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks.

The generator of section 3.2.1 and appendix 6.1.1, the U-Net of 256 pixels: eight stride-2 convolutions down
to one pixel, eight up, skip connections, noise in form of dropout in the three deepest layers upwards, at
test time too. The discriminator of 3.2.2 sees 70x70 patches of both pictures. Objective of 3.1 and 3.3:
conditional GAN + 100 L1, the discriminator's loss halved, Adam at 2e-4 with beta1 0.5, batches of one.

Departures: `HALF` has half the channels everywhere, in both networks (13.6 instead of 54.4 million parameters
in the generator), because the full width takes a day on two processor cores; every table calls it
"pix2pix-half". The paper's random jitter (286 to 256 pixels, mirroring) is left to our synthesiser, which
draws a new framing for each sample. Batch norm over a batch of one, at test time too, is instance norm and
is written as such.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network

SIZE: Final = 256  # pixels: the only size it works at
FULL: Final = 64  # channels of the first layer
HALF: Final = 32
FACTORS: Final = (1, 2, 4, 8, 8, 8, 8, 8)  # channels of the layers down, in those of the first
NOISY: Final = 3  # layers upwards, from the deepest, that drop half of their features
SLOPE: Final = 0.2  # of the leaky ReLU
NOISE: Final = 0  # seed of the noise where a result is to be repeated
L1: Final = 100.0  # lambda of equation 4


def norm(width: int) -> nn.InstanceNorm2d:
    """Batch norm over one picture."""
    return nn.InstanceNorm2d(width, affine=True)


class Generator(nn.Module):
    """x to o_hat, both sRGB in [0, 1]. width: channels of the first layer."""

    def __init__(self, width: int = FULL) -> None:
        super().__init__()
        self.width = width
        widths = [width * factor for factor in FACTORS]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        last = len(widths) - 1
        for i, (inputs, outputs) in enumerate(zip([3, *widths], widths, strict=False)):
            normed = 0 < i < last  # not the first; the deepest is one pixel, of which there is no variance
            layer = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normed)
            self.downs.append(nn.Sequential(layer, norm(outputs)) if normed else layer)
        for i in reversed(range(len(widths))):
            inputs = widths[i] * (1 if i == last else 2)  # the skip connection's as well
            if i == 0:
                self.ups.append(nn.ConvTranspose2d(inputs, 3, 4, 2, 1))
            else:
                rise = nn.ConvTranspose2d(inputs, widths[i - 1], 4, 2, 1, bias=False)
                self.ups.append(nn.Sequential(rise, norm(widths[i - 1])))
        self.apply(started)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 256, 256) -> same. The noise is torch's random state's."""
        value, skips = 2 * x - 1, []
        for i, down in enumerate(self.downs):
            value = down(F.leaky_relu(value, SLOPE) if i else value)
            skips.append(value)
        skips.pop()
        for i, up in enumerate(self.ups):
            value = up(F.relu(value))
            if i < NOISY:
                value = F.dropout(value, 0.5, training=True)  # z of section 3.2: never switched off
            if skips:
                value = torch.cat([value, skips.pop()], dim=1)
        return (torch.tanh(value) + 1) / 2


def retouched(network: Generator, x: Tensor) -> Tensor:
    """o_hat of a 512-pixel crop, which the generator sees at 256 pixels: its difference, stretched.

    Stretching the picture itself would blame the method for the size that it works at. (N, 3, 512, 512)
    sRGB in [0, 1] -> same shape, not clipped. The noise is always the same.
    """
    small = F.interpolate(x, (SIZE, SIZE), mode="area")
    devices = [x.device] if x.is_cuda else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(NOISE)
        difference = network(small) - small
    return x + F.interpolate(difference, x.shape[-2:], mode="bilinear")


class Discriminator(nn.Module):
    """Whether a 70x70 patch of the second picture is a photograph, given the first's: logits (N, 1, h, w)."""

    def __init__(self, width: int = FULL) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for inputs, outputs, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
            layer = nn.Conv2d(inputs * width, outputs * width, 4, stride, 1, bias=False)
            layers += [layer, norm(outputs * width), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))
        self.apply(started)

    def forward(self, x: Tensor, o: Tensor) -> Tensor:
        """x, o: (N, 3, H, W) in [0, 1]."""
        logits: Tensor = self.layers(2 * torch.cat([x, o], dim=1) - 1)
        return logits


def started(module: nn.Module) -> None:
    """Draw the first weights (appendix 6.2): Gaussian of 0.02."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.InstanceNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
        nn.init.zeros_(module.bias)


def judged(logits: Tensor, real: bool) -> Tensor:
    """Return the GAN's cross entropy: how far the discriminator is from calling all patches real (or not)."""
    return F.binary_cross_entropy_with_logits(
        logits.float(), torch.full_like(logits, float(real), dtype=torch.float32)
    )


class Losses(NamedTuple):
    """Of the generator (its two parts added) and of the discriminator; scalars."""

    generator: Tensor
    discriminator: Tensor


def losses(critic: Discriminator, x: Tensor, o: Tensor, o_hat: Tensor, valid: Tensor) -> Losses:
    """Equations 1 to 4. valid: (N, 1, H, W), 1 where the pictures are; elsewhere they count for nothing.

    The generator's has no gradient to the critic that is of use, the discriminator's none to the generator.
    """
    x, o, o_hat = x * valid, o * valid, o_hat * valid
    absolute = (o_hat.float() - o).abs().sum() / (3 * valid.sum()).clip(1)
    fake = critic(x, o_hat.detach())
    discriminator = 0.5 * (judged(fake, False) + judged(critic(x, o), True))
    return Losses(judged(critic(x, o_hat), True) + L1 * absolute, discriminator)


PIX2PIX: Final = Network(
    name="pix2pix",
    caption="Pix2Pix (Isola et al. 2017), for comparison.",
    build=Generator,
    trainer="model.training.trainers:Adversarial",
    answer="picture",
    paint=retouched,
    only_size=SIZE,
)
PIX2PIX_HALF: Final = replace(PIX2PIX, name="pix2pix-half", build=partial(Generator, HALF))
