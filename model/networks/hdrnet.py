"""HDRNet: Gharbi et al. 2017, Deep Bilateral Learning for Real-Time Image Enhancement.

Low-resolution features with a local and a global path predict a 16x16x8 bilateral grid of 3x4 affine
matrices (sections 3.1 and 3.2); a learned, point-wise guide of the full-size photograph says where in the
grid's depth a pixel looks (3.4.1); the grid is sliced there trilinearly (3.3), and the matrix that was found
is applied to the pixel (3.4.2). Trained as in 3.5: L2 loss, Adam at 1e-4, weight decay 1e-8, batch norm.

Departures: the grid's matrices start as the identity ("do nothing"), which saves a short run the time to
find it; the input is our 512-pixel head-and-shoulders square, not a whole photograph, so the grid's cells are
finer than in the paper; batch norm comes after every hidden layer but the first, as in the authors' program.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from model.inference.rendering import Array, Place

from .network import Network

LOW: Final = 256  # pixels: the side of what the coefficients are predicted from
CELLS: Final = 16  # of the grid, across and down
DEPTH: Final = 8  # of the grid, in guide values
WIDTHS: Final = (8, 16, 32, 64)  # of the stride-2 convolutions from 256 to 16 pixels
MATRIX: Final = 12  # numbers of a 3x4 matrix
KNOTS: Final = 16  # of each curve of the guide
WEIGHT_DECAY: Final = 1e-8


def convolution(inputs: int, outputs: int, stride: int = 1, norm: bool = True) -> nn.Sequential:
    """3x3 convolution, BN (or a bias instead), ReLU."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=not norm)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs) if norm else nn.Identity(), nn.ReLU())


def dense(inputs: int, outputs: int) -> nn.Sequential:
    """Fully connected layer, BN, ReLU."""
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


class Guide(nn.Module):
    """Section 3.4.1: a colour matrix, a piecewise linear curve for each channel, and their sum.

    Starts as the mean of R, G and B.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 3, 1)
        nn.init.eye_(self.mix.weight[:, :, 0, 0])
        assert self.mix.bias is not None
        nn.init.zeros_(self.mix.bias)
        self.knots = nn.Parameter((torch.arange(KNOTS) / KNOTS).repeat(3, 1))
        slopes = torch.zeros(3, KNOTS)
        slopes[:, 0] = 1 / 3
        self.slopes = nn.Parameter(slopes)
        self.offset = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) sRGB -> (N, h, w); what lies outside [0, 1] looks at the grid's ends."""
        mixed: Tensor = self.mix(x)
        guide: Tensor = self.offset
        for i in range(KNOTS):  # one knot at a time: 48 full-size planes at once would not fit
            knot, slope = (part[:, i, None, None] for part in (self.knots, self.slopes))
            guide = guide + (F.relu(mixed - knot) * slope).sum(1)
        return guide


class HDRNet(nn.Module):
    """x to o_hat, any size of 32 pixels and more. Starts at "do nothing"."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(zip((3, *WIDTHS), WIDTHS, strict=False))
        self.splat = nn.Sequential(*(convolution(a, b, 2, i > 0) for i, (a, b) in enumerate(pairs)))
        wide = WIDTHS[-1]
        self.shared = nn.Sequential(convolution(wide, wide, 2), convolution(wide, wide, 2))  # 16 -> 4
        self.whole = nn.Sequential(
            dense(wide * (CELLS // 4) ** 2, 4 * wide), dense(4 * wide, 2 * wide), nn.Linear(2 * wide, wide)
        )
        self.local = nn.Sequential(convolution(wide, wide), nn.Conv2d(wide, wide, 3, padding=1, bias=False))
        self.grid = nn.Conv2d(wide, MATRIX * DEPTH, 1)
        self.guide = Guide()
        self._start()

    def _start(self) -> None:
        """He et al. 2015 (section 3.5), and the identity as the grid's bias."""
        for layer in (module for module in self.modules() if isinstance(module, (nn.Conv2d, nn.Linear))):
            if layer is not self.guide.mix:
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.grid.weight *= 0.01
            assert self.grid.bias is not None
            self.grid.bias.view(MATRIX, DEPTH)[[0, 5, 10]] = 1

    def coefficients(self, low: Tensor) -> Tensor:
        """Sections 3.1 and 3.2. low: (N, 3, 256, 256) sRGB -> the grid (N, 12, DEPTH, 16, 16)."""
        features = self.splat(low - 0.5)  # 64 x 16 x 16
        whole = self.whole(self.shared(features).flatten(1))[:, :, None, None]
        fused = F.relu(self.local(features) + whole)
        grid: Tensor = self.grid(fused)
        cells: Tensor = grid.unflatten(1, (MATRIX, DEPTH))
        return cells

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) sRGB -> o_hat, same shape, not clipped."""
        low = F.interpolate(x, (LOW, LOW), mode="area") if x.shape[-2:] != (LOW, LOW) else x
        down, across = (
            (torch.arange(size, device=x.device, dtype=x.dtype) + 0.5) / size for size in x.shape[-2:]
        )
        return apply(slice_grid(self.coefficients(low), self.guide(x), down, across), x)


def slice_grid(grid: Tensor, guide: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Section 3.3: trilinear interpolation of the grid at every pixel's place and guide value.

    grid: (N, C, D, H, W); guide: (N, h, w) in [0, 1]; down (h,), across (w,): where the pixels lie, in shares
    of the picture. Cells have their value at their centres; beyond the outermost centres it stays. Returns
    (N, C, h, w). All pixels of a row have the same height, so the grid's rows are interpolated first; what is
    left is two-dimensional, which `grid_sample` does several times faster than three.
    """
    n, channels, depth, height, width = grid.shape
    at = (down * height - 0.5).clip(0, height - 1)
    low = at.floor().long().clip(max=height - 2)
    planes = torch.lerp(grid[:, :, :, low], grid[:, :, :, low + 1], (at - low).view(-1, 1))
    planes = planes.permute(0, 3, 1, 2, 4).reshape(-1, channels, depth, width)
    places = torch.stack([(2 * across - 1).expand_as(guide), 2 * guide - 1], dim=-1)
    found = F.grid_sample(planes, places.flatten(0, 1)[:, None], padding_mode="border", align_corners=False)
    return found.view(n, len(down), channels, -1).transpose(1, 2)


def apply(matrices: Tensor, x: Tensor) -> Tensor:
    """Section 3.4.2: matrices (N, 12, h, w), rows of 3x4, times (x, 1); x (N, 3, h, w) -> same shape."""
    rows = matrices.unflatten(1, (3, 4))
    transformed: Tensor = (rows[:, :, :3] * x[:, None]).sum(2) + rows[:, :, 3]
    return transformed


class Sliced:
    """A crop's grid, applied to the photograph at any size: a `model.inference.rendering.Rendering`."""

    def __init__(self, grid: Tensor, guide: Guide) -> None:
        """grid: (12, DEPTH, 16, 16)."""
        self.grid, self.guide = grid, guide

    def turned(self, turns: int) -> Sliced:
        """Turn the grid with the picture over which it lies."""
        return Sliced(torch.rot90(self.grid, turns, (2, 3)), self.guide)

    @torch.inference_mode()
    def rows(self, x: Array, place: Place) -> Array:
        """As `model.inference.rendering.Rendering` says."""
        picture = torch.from_numpy(np.ascontiguousarray(x)).permute(2, 0, 1)[None]
        down, across = (torch.from_numpy(part) for part in (place.down(len(x)), place.across(x.shape[1])))
        matrices = slice_grid(self.grid[None], self.guide(picture), down, across)
        after: NDArray[np.float32] = apply(matrices, picture).clip(0, 1)[0].permute(1, 2, 0).numpy()
        return np.ascontiguousarray(after)


@torch.inference_mode()
def renderings(network: HDRNet, crops: Array, device: torch.device) -> list[Sliced]:
    """Return the grids of (N, 512, 512, 3) crops x.

    The network lies on `device`; slicing is the processor's.
    """
    image = torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).to(device)
    grids = network.coefficients(F.interpolate(image, (LOW, LOW), mode="area")).float().cpu()
    guide = Guide()
    guide.load_state_dict(network.guide.state_dict())
    return [Sliced(grid, guide) for grid in grids]


HDRNET: Final = Network(
    name="hdrnet",
    caption="HDRNet (Gharbi et al. 2017): a grid of colour matrices, for comparison.",
    build=HDRNet,
    trainer="model.training.trainers:Regression",
    answer="picture",
    paint=HDRNet.forward,
    render=renderings,
)
