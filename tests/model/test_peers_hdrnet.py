"""HDRNet's characteristic step, slicing, against a slow loop; its size, its start, and that it can learn."""

import math

import numpy as np
import pytest
import torch

from model.inference.rendering import Place
from model.networks import hdrnet
from model.networks.registry import count_parameters

from . import made


def tent(distance: float) -> float:
    """tau of section 3.3."""
    return max(1 - abs(distance), 0.0)


def sliced_slowly(grid: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Section 3.3, literally: every pixel sums over every cell of (C, D, H, W); edges repeat outwards."""
    channels, depth, height, width = grid.shape
    rows, columns = guide.shape
    result = np.zeros((channels, rows, columns))
    for row in range(rows):
        for column in range(columns):
            y = min(max((row + 0.5) / rows * height - 0.5, 0), height - 1)
            x = min(max((column + 0.5) / columns * width - 0.5, 0), width - 1)
            z = min(max(guide[row, column] * depth - 0.5, 0), depth - 1)
            for k in range(depth):
                for i in range(height):
                    for j in range(width):
                        weight = tent(z - k) * tent(y - i) * tent(x - j)
                        result[:, row, column] += weight * grid[:, k, i, j]
    return result


def centres(count: int) -> torch.Tensor:
    return (torch.arange(count) + 0.5) / count


def test_slicing_is_the_papers_sum() -> None:
    generator = torch.Generator().manual_seed(1)
    grid = torch.randn(2, 12, 8, 5, 4, generator=generator)
    guide = torch.rand(2, 9, 11, generator=generator) * 1.4 - 0.2  # beyond both ends too
    found = hdrnet.slice_grid(grid, guide, centres(9), centres(11)).numpy()
    for one, level, expected in zip(found, guide.numpy(), grid.numpy(), strict=True):
        np.testing.assert_allclose(one, sliced_slowly(expected, level), atol=1e-5)


def test_matrices_are_rows_of_three_by_four() -> None:
    generator = torch.Generator().manual_seed(2)
    matrices, x = torch.randn(1, 12, 3, 2, generator=generator), torch.rand(1, 3, 3, 2, generator=generator)
    after = hdrnet.apply(matrices, x)[0, :, 1, 0].numpy()
    expected = matrices[0, :, 1, 0].numpy().reshape(3, 4) @ [*x[0, :, 1, 0].numpy(), 1]
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_it_has_half_a_million_parameters_and_starts_near_doing_nothing() -> None:
    torch.manual_seed(3)
    network = hdrnet.HDRNet().eval()
    assert 4.5e5 < count_parameters(network) < 5.5e5
    x = made.pictures(2, 96)
    with torch.no_grad():
        assert network.coefficients(made.pictures(1, 256)).shape == (1, 12, 8, 16, 16)
        assert (network(x) - x).abs().mean() < 0.1
        torch.testing.assert_close(network.guide(x), x.mean(1))


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_strips_of_a_full_size_picture_are_the_picture(turns: int) -> None:
    """What the server does: the grid from the crop, then rows of the photograph, also of a turned one."""
    torch.manual_seed(4)
    network = hdrnet.HDRNet().eval()
    torch.nn.init.normal_(network.grid.weight, std=0.05)
    upright = made.pictures(1, 512)
    with torch.no_grad():
        expected = network(upright).clip(0, 1)[0].permute(1, 2, 0).numpy()
    crop = upright[0].permute(1, 2, 0).numpy()
    (found,) = hdrnet.renderings(network, crop[None], torch.device("cpu"))
    photograph = np.ascontiguousarray(np.rot90(crop, -turns))
    strips = [
        found.turned(-turns).rows(photograph[top : top + 100, 40:400], Place(top, 40, 512))
        for top in range(0, 512, 100)
    ]
    np.testing.assert_allclose(np.vstack(strips), np.rot90(expected, -turns)[:, 40:400], atol=2e-4)


def test_it_learns_a_change_of_light_within_a_few_steps() -> None:
    torch.manual_seed(5)
    network = hdrnet.HDRNet()
    x = made.pictures(4, 64)
    o = (0.2 + 0.6 * x**1.3) * torch.linspace(0.7, 1.1, 64)  # a curve, and a fall-off from right to left
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss = ((network(x) - o) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert math.isfinite(losses[-1])
    assert losses[-1] < 0.15 * losses[0]
