"""What `studio` is trained on: the paper's equations, and what they cannot see.

Eq. (1) with its missing offset (lambda = 1) is a mean square, which a few badly exposed pictures
dominate; the absolute error is what eq. (3) counts. A gradient term keeps edges clean, the mean
error over the skin is its colour, and the two auxiliary maps teach shine and shadow (Controllable
Light Diffusion, Futschik et al. 2023, predicts them likewise). Three terms are what results are judged
by, taken picture by picture: the skin's PSNR, the share of shine that is left, the texture that is kept.
A fourth, where the config asks for it, is the face: as far as a recogniser can tell it should be the truth's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from model.data.synthesize.pairs import Pairs

from ..networks.studio import Prediction
from ..paper import equations
from . import recogniser

SOFT: Final = 0.01  # below this error the absolute value is rounded off
FINE: Final = 3e-4  # below this square error (35 dB) it does not count
SHINES: Final = 0.05  # linear: from here on the flash's shine counts as visible
MARGIN: Final = 4  # pixels: texture counts only so far from the skin's edge
TEXTURE_SIZE: Final = 4  # pixels: what is smaller is texture
CLIPPED: Final = (0.02, 0.98)  # samples outside hold no texture


@dataclass(frozen=True)
class Weights:
    """What each part of the loss counts: data of a recipe, its table ``[losses]``."""

    square: float = 3.0
    relative: float = 0.05  # what halving a picture's error on the skin is worth, however large that error is
    edges: float = 1.5
    colour: float = 2.0
    too_light: float = 1.3  # a skin that comes out too light counts so much more than one too dark
    complexion: float = 6.0  # the part of a changed skin that is no lightness: no client forgives it
    shine: float = 16.0  # how much more a pixel counts where the flash shines
    auxiliary: float = 0.03
    masks: float = 0.3
    residual: float = 0.4
    texture: float = 0.3


DEFAULT: Final = Weights()


def studio(
    prediction: Prediction, pairs: Pairs, known: Tensor | None = None, weights: Weights = DEFAULT
) -> Tensor:
    """Return the loss, a scalar. All at the size of the prediction; the auxiliary maps at theirs.

    known: (N, 1, 1, 1), 1 where the maps of shine and shadow are the truth, else 0; None: everywhere.
    """
    t = equations.target(pairs.bl_x, pairs.bl_o)
    error = 2 * (prediction.y - t)
    weight = pairs.weight * (1 + weights.shine * pairs.specular)
    share = weight / weight.mean((-2, -1), keepdim=True).clip(1e-6)
    absolute = ((error * error + SOFT * SOFT).sqrt() * share).mean()
    square: Tensor = equations.loss(prediction.y, t, 1.0, weight)
    total: Tensor = (
        absolute
        + weights.square * square
        + weights.edges * _edges(error, pairs.weight)
        + weights.colour * _colour(error, pairs.skin, weights)
        + weights.relative * _relative(error, pairs.skin)
        + weights.residual * _residual(error, t, pairs.specular)
        + weights.texture * _texture(1 - 2 * prediction.y, pairs)
    )
    return _with_maps(total, prediction, pairs, known, weights)


def _with_maps(
    total: Tensor, prediction: Prediction, pairs: Pairs, known: Tensor | None, weights: Weights
) -> Tensor:
    """Add what the auxiliary maps are wrong by."""
    for name, weight in (
        ("specular", weights.auxiliary),
        ("shadow", weights.auxiliary),
        ("person", weights.masks),
        ("skin", weights.masks),
    ):
        total = total + weight * _map(getattr(prediction, name), getattr(pairs, name), known)
    return total


def identity(y: Tensor, pairs: Pairs, network: recogniser.Recogniser, known: Tensor | None = None) -> Tensor:
    """How far the face in o_hat is from the face in o: mean Euclidean distance of dlib's 128 numbers.

    known: see `studio`; of the others it is not known where the face lies.
    """
    with torch.no_grad():
        true = network(recogniser.chips(pairs.o, pairs.theta))
    o_hat = equations.reconstruct(pairs.x, y).clip(0, 1)
    off = (network(recogniser.chips(o_hat, pairs.theta)) - true).float()
    distance = ((off * off).sum(1) + 1e-6).sqrt()
    mean: Tensor = (distance if known is None else distance * known.flatten()).mean()
    return mean


def _edges(error: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute gradient of the error."""
    inside = (weight > 0).float()
    across = (error[..., 1:] - error[..., :-1]).abs() * inside[..., 1:]
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * inside[..., 1:, :]
    return across.mean() + down.mean()


def _colour(error: Tensor, skin: Tensor, weights: Weights) -> Tensor:
    """Absolute mean error over each picture's skin: its exposure and colour.

    In doubt skin is predicted as the middle of all skins, which is too light for dark skin by more than it
    is too dark for light skin; `too_light` moves the middle. The error is of y: below 0 is too light.
    """
    mean = (error * skin).mean((-2, -1)) / skin.mean((-2, -1)).clip(1e-3)
    complexion = (mean - mean.mean(1, keepdim=True)).abs().mean()
    return torch.where(mean < 0, -weights.too_light * mean, mean).mean() + weights.complexion * complexion


def _relative(error: Tensor, skin: Tensor) -> Tensor:
    """Logarithm of each picture's mean square error over its skin, which is its PSNR."""
    square = (error * error * skin).mean((-3, -2, -1)) / skin.mean((-3, -2, -1)).clip(1e-3)
    return (square + FINE).log().mean()


def _residual(error: Tensor, t: Tensor, specular: Tensor) -> Tensor:
    """Return the share of the flash that is left where it shines, or taken too much: each picture's |rho|."""
    flash = (2 * t - 1) * (specular > SHINES)  # BL(x) - BL(o)
    left = -(error * flash).sum((1, 2, 3)) / (flash * flash).sum((1, 2, 3)).clip(1)
    return left.abs().mean()


def _texture(change: Tensor, pairs: Pairs) -> Tensor:
    """1 - the correlation of the photograph's texture with what is left of it, over unclipped skin."""
    low, high = CLIPPED
    # Not beside an edge of the skin: there the light's change must be a step.
    deep = F.avg_pool2d(pairs.skin, 2 * MARGIN + 1, 1, MARGIN, count_include_pad=False) > 0.97
    inside = ((pairs.x > low) & (pairs.x < high)).all(1, keepdim=True) & deep
    before = pairs.x - pairs.bl_x
    after = before + change - _smooth(change)
    before, after = (_centred(part, inside.float()) for part in (before, after))
    return 1 - F.cosine_similarity(before, after, dim=1).mean()


def _smooth(value: Tensor) -> Tensor:
    size = TEXTURE_SIZE
    return F.interpolate(F.avg_pool2d(value, size), scale_factor=float(size), mode="bilinear")


def _centred(value: Tensor, inside: Tensor) -> Tensor:
    mean = (value * inside).sum((1, 2, 3), keepdim=True) / (3 * inside.sum((1, 2, 3), keepdim=True)).clip(1)
    return ((value - mean) * inside).flatten(1)


def _map(logits: Tensor, truth: Tensor, known: Tensor | None) -> Tensor:
    """Cross entropy of a map, at the logits' size, over the pictures in which it is known."""
    if truth.shape[-1] != logits.shape[-1]:
        truth = F.avg_pool2d(truth, truth.shape[-1] // logits.shape[-1])
    return F.binary_cross_entropy_with_logits(logits, truth.clip(0, 1), known)
