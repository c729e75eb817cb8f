"""The paper's four equations in one consistent reading, for numpy arrays and torch tensors alike.

`x` is the flash image, `o` the studio-lit one, both sRGB in [0, 1]; `BL` the bilateral
filter. The network sees BL(x) and predicts `y`, an affine encoding of BL(x) - BL(o).
Arrays are (N, C, H, W) where a mean is taken; otherwise any shapes that broadcast.
"""

from __future__ import annotations

from typing import Any

Samples = Any  # numpy array or torch tensor


def target(bl_x: Samples, bl_o: Samples) -> Samples:
    """t = (BL(x) - BL(o) + 1) / 2, in [0, 1]: a fixed map, so that it can be undone at run time."""
    return (bl_x - bl_o + 1) / 2


def low_pass(bl_x: Samples, y: Samples) -> Samples:
    """Eq. (2): BL(x) - 2y + 1, the predicted BL(o); with y = t it is BL(o) itself."""
    return bl_x - 2 * y + 1


def reconstruct(x: Samples, y: Samples) -> Samples:
    """Eq. (4), not clipped: x - 2y + 1 = BL(o) + (x - BL(x)) for y = t. Clip to [0, 1] to show it."""
    return x - 2 * y + 1


def loss(y: Any, t: Any, lam: float = 0.0, weight: Any = None) -> Any:
    """Eq. (1) plus the offset that it cannot see: mean of 4 Var(y - t) + 4 lam E[y - t]^2.

    Variance and mean run over the pixels of each image and channel. lam = 0 is the paper's
    equation literally, lam = 1 plain MSE of the predicted BL(o). weight: (N, 1, H, W) or None.
    """
    error = y - t
    if weight is None:
        mean = error.mean((-2, -1))
        square = (error * error).mean((-2, -1))
    else:
        share = weight / weight.mean((-2, -1))[..., None, None]
        mean = (error * share).mean((-2, -1))
        square = (error * error * share).mean((-2, -1))
    return (4 * (square - mean * mean) + 4 * lam * mean * mean).mean()


def accuracy(y: Any, t: Any) -> Any:
    """Eq. (3), in per cent: 100 - 100 mean |t_d - y_d|, where t_d - y_d = 2 (y - t) by eq. (2)."""
    return 100 - 100 * abs(2 * (y - t)).mean()
