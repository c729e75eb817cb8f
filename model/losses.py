"""What `studio` is trained on: the paper's equations, and what they cannot see.

Eq. (1) with its missing offset (lambda = 1) is a mean square, which a few badly exposed pictures
dominate; the absolute error is what eq. (3) counts. A gradient term keeps edges clean, the mean
error over the skin is its colour, and the two auxiliary maps teach shine and shadow (Controllable
Light Diffusion, Futschik et al. 2023, predicts them likewise).
"""

from __future__ import annotations

from typing import Final

import torch.nn.functional as F
from torch import Tensor

from . import equations
from .studio import Prediction
from .synthesize.pairs import Pairs

SOFT: Final = 0.01  # below this error the absolute value is rounded off
SQUARE: Final = 3.0
EDGES: Final = 1.0
COLOUR: Final = 1.5
SHINE: Final = 8.0  # how much more a pixel counts where the flash shines
AUXILIARY: Final = 0.03


def studio(prediction: Prediction, pairs: Pairs, known: Tensor | None = None) -> Tensor:
    """The loss, a scalar. All at the size of the prediction; the auxiliary maps at theirs.

    known: (N, 1, 1, 1), 1 where the maps of shine and shadow are the truth, else 0; None: everywhere.
    """
    t = equations.target(pairs.bl_x, pairs.bl_o)
    error = 2 * (prediction.y - t)
    weight = pairs.weight * (1 + SHINE * pairs.specular)
    share = weight / weight.mean((-2, -1), keepdim=True).clip(1e-6)
    absolute = ((error * error + SOFT * SOFT).sqrt() * share).mean()
    square = equations.loss(prediction.y, t, 1.0, weight)
    return (
        absolute
        + SQUARE * square
        + EDGES * _edges(error, pairs.weight)
        + COLOUR * _colour(error, pairs.skin)
        + AUXILIARY * _map(prediction.specular, pairs.specular, known)
        + AUXILIARY * _map(prediction.shadow, pairs.shadow, known)
    )


def _edges(error: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute gradient of the error."""
    inside = (weight > 0).float()
    across = (error[..., 1:] - error[..., :-1]).abs() * inside[..., 1:]
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * inside[..., 1:, :]
    return across.mean() + down.mean()


def _colour(error: Tensor, skin: Tensor) -> Tensor:
    """Absolute mean error over each picture's skin: its exposure and colour."""
    mean = (error * skin).mean((-2, -1)) / skin.mean((-2, -1)).clip(1e-3)
    return mean.abs().mean()


def _map(logits: Tensor, truth: Tensor, known: Tensor | None) -> Tensor:
    """Cross entropy of a map, at the logits' size, over the pictures in which it is known."""
    if truth.shape[-1] != logits.shape[-1]:
        truth = F.avg_pool2d(truth, truth.shape[-1] // logits.shape[-1])
    return F.binary_cross_entropy_with_logits(logits, truth.clip(0, 1), known)
