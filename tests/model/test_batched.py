"""JPEG and bilateral filter on tensors against OpenCV's."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from model.data.synthesize import batched, camera
from model.paper.bilateral import filter_crop


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Forms, edges and noise, at a size that is no multiple of JPEG's blocks."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(2, 3, 8, 9, generator=generator)
    smooth = F.interpolate(coarse, (72, 90), mode="bicubic")
    edges = F.interpolate(coarse.flip(0), (72, 90), mode="nearest")
    noise = 0.03 * torch.randn(2, 3, 72, 90, generator=generator)
    return (0.6 * smooth + 0.4 * edges + noise).clip(0, 1)


@pytest.mark.parametrize("shrink", [1, 2])
def test_bilateral_filter_is_opencvs(pictures: torch.Tensor, shrink: int) -> None:
    expected = [filter_crop(p, shrink) for p in pictures.permute(0, 2, 3, 1).contiguous().numpy()]
    found = batched.bilateral(pictures, shrink).permute(0, 2, 3, 1).numpy()
    change = np.abs(found - pictures.permute(0, 2, 3, 1).numpy()).mean()
    assert change > 2 / 255  # the filter does something here
    assert np.abs(found - np.stack(expected)).mean() < 0.2 / 255


@pytest.mark.parametrize("quality", [(60.0, 96.0), (30.0, 80.0)])
def test_jpeg_is_libjpegs(pictures: torch.Tensor, quality: tuple[float, float]) -> None:
    expected = camera.jpeg(pictures, torch.tensor(quality))
    found = batched.jpeg(pictures, torch.tensor(quality))
    lost = float((expected - pictures).abs().mean())
    assert lost > 5 / 255  # JPEG costs something here
    assert float((found - expected).abs().mean()) < 0.17 * lost  # integer arithmetic rounds otherwise
    assert float((found - expected).mean().abs()) < 0.1 / 255
