"""Studio: our own network for the same job, small and quick. BL(x) to y through light, not through texture.

The paper's decoder paints a residual; this one says how the light must change: a log-gain and
an offset for every channel, predicted at half the crop's size and applied to BL(x) itself
(after the bilateral grids of HDRNet, Gharbi et al. 2017), so that edges come from the photograph
and black stays black under a gain. The offset is for what no gain brings back: clipped highlights
and the shine that lies over the skin. What all this changes is evened out by a guided filter of
which it is its own guide (He et al. 2013): light has few edges, and skin keeps its texture. Two more
maps, the shine and the shadow of the flash, are predicted too: the synthesiser knows their truth, and a
network that can tell them removes them better. What is one decision for the person, exposure and colour, is
corrected once more, by three gains that follow from what is found on the skin on the average. When it serves,
it looks at the photograph and at its mirror image, at the size of its training and a little larger, and takes
the mean. The predicted shine then says where the change keeps its steps, and what is too small a change to be
sure of is withheld, in the manner of Wiener's filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network

WIDTHS: Final = (16, 32, 64, 128, 256)  # at 1/2, 1/4 ... 1/32 of the working size
DEPTHS: Final = (1, 1, 2, 2, 2)  # residual blocks on the way down
SHRINK: Final = 2  # the working size is 256 for a 512 crop
LARGER: Final = 32  # pixels by which the second look is larger; a multiple of what the network halves down to
GAIN_RANGE: Final = 1.5  # |ln gain| stays below: a factor of 4.5 in sRGB values
COARSE: Final = 2  # the light's change is evened out at the working size over this,
RADIUS: Final = 3  # over so many of those pixels;
KEEP: Final = 0.0125  # where its variance is well above this, its steps stay: in training,
KEEP_SERVED: Final = 0.025  # and in serving, where this is divided
SHINE_WEIGHT: Final = 200.0  # by one and so many times the shine
UNCERTAINTY: Final = 0.019  # what a change is wrong by: one of 5 levels of 255 is halved, one of 20 stays
LIGHTS: Final = 6  # of the outputs: gain and offset of R, G, B; then shine, shadow
OUTPUTS: Final = 8
MASKS: Final = 2  # person, skin
MASKS_AT: Final = 1  # the decoder's level that tells them, at 1/4 of the working size: it sees what is where
COLOUR_WIDTH: Final = 64  # of the hidden layer that says the person's colour
RARE: Final = -5.0  # logit of the shine before anything is learnt: little skin shines


class Prediction(NamedTuple):
    """y (N, 3, H, W) in [0, 1]; specular and shadow (N, 1, h, w) logits at the working size.

    person, skin: (N, 1, h / 4, w / 4) logits.
    """

    y: Tensor
    specular: Tensor
    shadow: Tensor
    person: Tensor
    skin: Tensor


class ServedPrediction(NamedTuple):
    """y (N, 3, H, W); person (a matte), skin (N, 1, H / 8, W / 8), shine (N, 1, H / 2, W / 2) in [0, 1]."""

    y: Tensor
    person: Tensor
    skin: Tensor
    shine: Tensor


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, BN, ReLU."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Two 3x3 convolutions around an identity (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        norm = nn.BatchNorm2d(width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), norm)
        nn.init.zeros_(norm.weight)

    def forward(self, value: Tensor) -> Tensor:
        """(N, width, h, w) -> same shape."""
        return F.relu(value + self.second(self.first(value)))


class GlobalFeatures(nn.Module):
    """Exposure and white balance are one decision for the picture: its mean features, added everywhere."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, value: Tensor) -> Tensor:
        """(N, width, h, w) -> same shape."""
        everywhere: Tensor = self.layers(value.mean((2, 3)))[:, :, None, None]
        return value + everywhere


class PersonColour(nn.Module):
    """How the person as a whole has to change: ln gains of R, G, B, from the mean features of the skin."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(sum(WIDTHS), COLOUR_WIDTH), nn.Linear(COLOUR_WIDTH, 3)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, means: Tensor) -> Tensor:
        """(N, sum(WIDTHS)) of `of_the_skin` -> (N, 3)."""
        gains: Tensor = self.last(F.relu(self.first(means)))
        return gains


def of_the_skin(levels: Sequence[Tensor], skin: Tensor) -> Tensor:
    """Take the mean over the skin of what the decoder has at each level: (N, sum(WIDTHS)).

    levels: the smallest first, each twice as large as the one before. skin: (N, 1, h, w) in [0, 1] at the
    size of the last but `MASKS_AT`.
    """
    means = []
    for i, level in enumerate(levels, start=MASKS_AT + 1 - len(levels)):
        weight = F.avg_pool2d(skin, 2**-i) if i < 0 else F.interpolate(skin, scale_factor=float(2**i))
        means.append((level * weight).sum((2, 3)) / weight.sum((2, 3)).clip(1e-3))
    return torch.cat(means, dim=1)


class Studio(nn.Module):
    """BL(x) to y. Starts at y = 1/2, which is "do nothing"."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = convolution(12, WIDTHS[0])
        self.downs = nn.ModuleList(convolution(a, b, 3, 2) for a, b in zip(WIDTHS, WIDTHS[1:], strict=False))
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for width, depth in zip(WIDTHS, DEPTHS, strict=True)
        )
        self.whole = GlobalFeatures(WIDTHS[-1])
        pairs = list(zip(WIDTHS, WIDTHS[1:], strict=False))[::-1]
        self.ups = nn.ModuleList(convolution(below, out, 1) for out, below in pairs)
        self.merges = nn.ModuleList(nn.Sequential(convolution(out, out), Block(out)) for out, _ in pairs)
        self.head = nn.Conv2d(WIDTHS[0], 4 * OUTPUTS, 3, padding=1)
        width = WIDTHS[MASKS_AT]
        self.mattes = nn.Sequential(convolution(width, width), nn.Conv2d(width, MASKS, 3, padding=1))
        self.colour = PersonColour()
        assert self.head.bias is not None
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        nn.init.constant_(self.head.bias[4 * LIGHTS : 4 * LIGHTS + 4], RARE)

    def features(self, image: Tensor) -> Tensor:
        """(N, 3, h, w) BL(x) at the working size, multiples of 32 -> for the head, (N, 16, h / 2, w / 2)."""
        return self.levels(image)[-1]

    def levels(self, image: Tensor) -> list[Tensor]:
        """Return what the decoder has at each level, the smallest first, of BL(x) at the working size."""
        value, skips = self.stem(F.pixel_unshuffle(image - 0.5, 2)), []
        for i, blocks in enumerate(self.blocks):
            value = blocks(self.downs[i - 1](value) if i else value)
            skips.append(value)
        levels = [self.whole(skips.pop())]
        for up, merge in zip(self.ups, self.merges, strict=True):
            levels.append(merge(F.interpolate(up(levels[-1]), scale_factor=2.0) + skips.pop()))
        return levels

    def decode(self, features: Tensor) -> Tensor:
        """`features` -> (N, OUTPUTS, h, w), unbounded."""
        return F.pixel_shuffle(self.head(features), 2)

    def predict(self, image: Tensor, shrink: int = SHRINK) -> Prediction:
        """All that is known about a crop, for training.

        image: (N, 3, H, W) BL(x), sRGB RGB in [0, 1]; H and W are multiples of 32 * shrink.
        shrink: how much smaller than the image the working size is.
        """
        return self.predicted(image, self.levels(F.avg_pool2d(image, shrink)), shrink)

    def predicted(self, image: Tensor, levels: Sequence[Tensor], shrink: int) -> Prediction:
        """Return what `predict` does, from the picture's `levels`."""
        masks = self.mattes(levels[-1 - MASKS_AT])
        outputs = self._coloured(self.decode(levels[-1]), masks, self._gains(levels, masks))
        change, specular, shadow = self._change(image, outputs, shrink)
        person, skin = masks.float().split(1, dim=1)
        return Prediction(encoded(without_texture(change, shrink)), specular, shadow, person, skin)

    def _gains(self, levels: Sequence[Tensor], masks: Tensor) -> Tensor:
        """Return the person's ln gains, (N, 3). masks: logits."""
        gains: Tensor = self.colour(of_the_skin(levels, masks.detach().sigmoid()[:, 1:]))
        return gains

    def _coloured(self, outputs: Tensor, masks: Tensor, gains: Tensor) -> Tensor:
        """Add the person's gains (N, 3) to those of the light, as far as the matte reaches."""
        person = F.interpolate(masks[:, :1].sigmoid(), scale_factor=4.0, mode="bilinear")
        return torch.cat([outputs[:, :3] + gains[..., None, None] * person, outputs[:, 3:]], dim=1)

    def _change(self, image: Tensor, outputs: Tensor, shrink: int) -> tuple[Tensor, Tensor, Tensor]:
        light, specular, shadow = outputs.float().split((LIGHTS, 1, 1), dim=1)
        if shrink > 1:
            light = F.interpolate(light, scale_factor=float(shrink), mode="bilinear")
        return relit(image, light) - image, specular, shadow

    def body(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, 512, 512) BL(x), sRGB RGB in [0, 1] -> features (2N, 16, 128, 128), mattes, gains.

        Of the picture and its mirror image; the mattes (2N, MASKS, 64, 64) are logits, the gains (2N, 3) are
        the person's.

        The mean features of two sizes: a face has no exact size, so where they differ both are in doubt. The
        head is linear; it could as well take the mean of the heads' answers.
        """
        small = F.avg_pool2d(image, SHRINK)
        both = torch.cat([small, small.flip(-1)])
        levels = self.levels(both)
        features, masks = levels[-1], self.mattes(levels[-1 - MASKS_AT])
        larger = self.features(_stretched(both, [side + LARGER for side in both.shape[2:]]))
        return (features + _stretched(larger, features.shape[2:])) / 2, masks, self._gains(levels, masks)

    def finish(self, image: Tensor, features: Tensor, masks: Tensor, gains: Tensor) -> ServedPrediction:
        """BL(x) and what `body` has found -> all that is said about the crop, for serving.

        The mean light of the picture and its mirror image: a face has no handedness.
        """
        outputs, masks = (
            (there + back.flip(-1)) / 2 for there, back in (self.decode(features).chunk(2), masks.chunk(2))
        )
        there, back = gains.chunk(2)
        outputs = self._coloured(outputs, masks, (there + back) / 2)
        change, specular, _ = self._change(image, outputs, SHRINK)
        person, skin = masks.sigmoid().split(1, dim=1)
        shine = specular.sigmoid()
        keep = KEEP_SERVED / (1 + SHINE_WEIGHT * F.avg_pool2d(shine, COARSE))
        return ServedPrediction(encoded(shrunk(without_texture(change, SHRINK, keep))), person, skin, shine)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, 512, 512) BL(x), sRGB RGB in [0, 1] -> y in [0, 1], same shape, as it is served."""
        return self.answer(image).y

    def answer(self, image: Tensor) -> ServedPrediction:
        """(N, 3, 512, 512) BL(x), sRGB RGB in [0, 1] -> all that is said about it, as it is served."""
        return self.finish(image, *self.body(image))


def _stretched(value: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(value, tuple(size), mode="bilinear")


def relit(image: Tensor, light: Tensor) -> Tensor:
    """BL(x) under gain and offset, in [0, 1].

    image: (N, 3, H, W) BL(x); light: (N, 6, H, W), three for ln gain, three for the offset, unbounded.
    """
    gain = light[:, :3].clip(-GAIN_RANGE, GAIN_RANGE).exp()
    return (image * gain + light[:, 3:]).clip(0, 1)


def without_texture(change: Tensor, shrink: int = SHRINK, keep: float | Tensor = KEEP) -> Tensor:
    """Return the change (N, 3, H, W) without its texture; large steps stay.

    shrink: see `Studio.predict`. keep: one number, or (N, 1, H / (COARSE * shrink), W / (COARSE * shrink)).
    """
    small = F.avg_pool2d(change, COARSE * shrink)
    mean = _box(small)
    variance = (_box(small * small) - mean * mean).clip(0)
    kept = variance / (variance + keep)
    parts = _box(torch.cat([kept, (1 - kept) * mean], dim=1))
    kept, rest = F.interpolate(parts, scale_factor=float(COARSE * shrink), mode="bilinear").chunk(2, dim=1)
    return kept * change + rest


def shrunk(change: Tensor) -> Tensor:
    """Shrink the change, (N, 3, H, W), by its square beside that of `UNCERTAINTY`: Wiener's filter."""
    power = (change * change).mean(1, keepdim=True)
    return change * (power / (power + UNCERTAINTY * UNCERTAINTY))


def _box(value: Tensor) -> Tensor:
    """Mean over a square of 2 RADIUS + 1 pixels, as far as it lies in the picture."""
    for size in ((2 * RADIUS + 1, 1), (1, 2 * RADIUS + 1)):
        pad = (size[0] // 2, size[1] // 2)
        value = F.avg_pool2d(value, size, 1, pad, count_include_pad=False)
    return value


def encoded(change: Tensor) -> Tensor:
    """Return a change BL(o) - BL(x) in [-1, 1] as the paper's y, eq. (2) turned round."""
    return (1 - change) / 2


STUDIO: Final = Network(
    name="studio",
    caption="Our own network: small and quick, says how the light must change.",
    build=Studio,
    trainer="model.training.trainers:StudioTrainer",
    outputs=ServedPrediction._fields,
    later={"mattes.": ("person", "skin"), "colour.": ()},
    constants={
        "shrink": SHRINK,
        "larger": LARGER,
        "gain_range": GAIN_RANGE,
        "coarse": COARSE,
        "radius": RADIUS,
        "keep_served": KEEP_SERVED,
        "shine_weight": SHINE_WEIGHT,
        "uncertainty": UNCERTAINTY,
    },
    scale=SHRINK,
)
