"""The network is the paper's: layers, sizes, the encoder's conventions."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from model.deepflash import STAGES, DeepFlash, Encoder, count_parameters
from model.encoders import even_out, load_imagenet

CAFFE_MEAN = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)  # B G R


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the published layout, its numbers drawn at random."""
    rng = np.random.default_rng(3)
    arrays = {}
    for i, widths in enumerate(STAGES, 1):
        for j, (a, b) in enumerate(zip(widths, widths[1:], strict=False), 1):
            spread = (2 / (9 * a)) ** 0.5
            arrays[f"block{i}_conv{j}.weight"] = rng.normal(0, spread, (b, a, 3, 3)).astype(np.float32)
            arrays[f"block{i}_conv{j}.bias"] = rng.normal(0, 1, b).astype(np.float32)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.npz"
    np.savez(path, **arrays)
    return path


def reference(path: Path, rgb: torch.Tensor) -> list[torch.Tensor]:
    """The published convention, literally: BGR, 0..255, minus the means."""
    value, features = rgb.flip(1) * 255 - CAFFE_MEAN, []
    data = np.load(path)
    for i, widths in enumerate(STAGES, 1):
        for j in range(1, len(widths)):
            weight, bias = (torch.from_numpy(data[f"block{i}_conv{j}.{part}"]) for part in ("weight", "bias"))
            value = F.relu(F.conv2d(value, weight, bias, padding=1))
        features.append(value)
        value = F.max_pool2d(value, 2)
    return [*features, value]


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))


def test_parameters_layer_by_layer() -> None:
    network = DeepFlash()
    assert count_parameters(network.encoder) == 14_714_688
    assert count_parameters(network.bottleneck) == 512 * 512 * 9 + 512
    sizes = [(512, 512), (512, 512), (512, 256), (256, 128), (128, 64)]
    for rise, (below, out) in zip(network.rises, sizes, strict=True):
        assert count_parameters(rise.up) == below * out * 16 + out
        assert count_parameters(rise.norm) == 2 * out
        assert count_parameters(rise.fuse) == 2 * out * out + out
    assert count_parameters(network.head) == 64 * 3 + 3
    assert count_parameters(network) == 29_443_331


def test_shapes_and_a_start_that_does_nothing() -> None:
    torch.manual_seed(0)
    network = DeepFlash().eval()
    with torch.no_grad():
        y = network(picture())
    assert y.shape == (1, 3, 64, 64)
    assert abs(float(y.mean()) - 0.5) < 0.05


def test_encoder_equals_the_published_convention(published: Path) -> None:
    encoder = Encoder()
    load_imagenet(encoder, published)
    with torch.no_grad():
        ours = encoder(picture())
    for a, b in zip(ours, reference(published, picture()), strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=1e-4, atol=float(b.max()) * 1e-4)


def test_evened_out_features_differ_by_a_factor_only(published: Path) -> None:
    encoder = Encoder()
    load_imagenet(encoder, published)
    even_out(encoder, [picture()])
    with torch.no_grad():
        ours = encoder(picture())
    for a, b in zip(ours[:-1], reference(published, picture())[:-1], strict=True):
        assert float(a.square().mean().sqrt()) == pytest.approx(1, rel=1e-3)
        factor = float((a * b).sum() / (b * b).sum())
        assert factor > 0
        torch.testing.assert_close(a, factor * b, rtol=1e-3, atol=float(a.max()) * 1e-3)


def test_a_missing_layer_is_an_error(published: Path, tmp_path: Path) -> None:
    arrays = dict(np.load(published))
    del arrays["block3_conv2.bias"]
    np.savez(tmp_path / "short.npz", **arrays)
    with pytest.raises(KeyError):
        load_imagenet(Encoder(), tmp_path / "short.npz")
