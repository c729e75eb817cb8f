"""The encoder equals the published one, to the border, whatever file it comes from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

from model.networks.vgg16 import STAGES, Encoder
from model.training import encoders

NAMES = [(i, j) for i, widths in enumerate(STAGES, 1) for j in range(1, len(widths))]
Layers = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def layers() -> Layers:
    """Weights and biases of 13 convolutions, drawn at random."""
    rng = np.random.default_rng(3)
    pairs = [pair for widths in STAGES for pair in zip(widths, widths[1:], strict=False)]
    return [
        (
            (rng.standard_normal((b, a, 3, 3), np.float32) * (2 / (9 * a)) ** 0.5),
            rng.standard_normal(b, np.float32),
        )
        for a, b in pairs
    ]


def write_npz(path: Path, layers: Layers) -> None:
    named = {}
    for (i, j), (weight, bias) in zip(NAMES, layers, strict=True):
        named |= {f"block{i}_conv{j}.weight": weight, f"block{i}_conv{j}.bias": bias}
    np.savez(path, **named)


def write_state(name: Callable[[int, int, int], str], **more: Any) -> Callable[[Path, Layers], None]:
    def write(path: Path, layers: Layers) -> None:
        state = dict(more)
        for n, ((i, j), (weight, bias)) in enumerate(zip(NAMES, layers, strict=True)):
            state[f"{name(n, i, j)}.weight"] = torch.from_numpy(weight)
            state[f"{name(n, i, j)}.bias"] = torch.from_numpy(bias)
        torch.save(state, path)

    return write


def write_safetensors(path: Path, layers: Layers) -> None:
    named = {}
    for (i, j), (weight, bias) in zip(NAMES, layers, strict=True):
        named |= {f"block{i}_conv{j}.weight": weight, f"block{i}_conv{j}.bias": bias}
    save_file(named, path)


class Published(NamedTuple):
    """A file and what its readers are told to do: `turned` RGB * top - mean, by std (file's order)."""

    kind: str
    suffix: str
    write: Callable[[Path, Layers], None]
    turned: bool
    top: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float] = (1, 1, 1)


BGR_FACE, RGB_FACE = (93.5940, 104.7624, 129.1863), (129.1863, 104.7624, 93.5940)
BGR_IMAGENET = (103.939, 116.779, 123.68)
AT = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
features = write_state(lambda n, i, j: f"features.{AT[n]}")
no_classifier = write_state(
    lambda n, i, j: f"features.{AT[n]}", **{"classifier.0.weight": torch.full((2, 2), torch.nan)}
)
PUBLISHED = {
    "npz": Published("imagenet", ".npz", write_npz, True, 255, BGR_IMAGENET),
    "torchvision": Published(
        "imagenet", ".pth", features, False, 1, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ),
    "torchvision features": Published("imagenet", ".pth", no_classifier, False, 255, (123.0, 117.0, 104.0)),
    "VGG_FACE made npz": Published("vggface", ".npz", write_npz, True, 255, BGR_FACE),
    "VGG_FACE made safetensors": Published("vggface", ".safetensors", write_safetensors, True, 255, BGR_FACE),
    "vgg_face_dag.pth": Published(
        "vggface", ".pth", write_state(lambda n, i, j: f"conv{i}_{j}"), False, 255, RGB_FACE
    ),
    "converted t7": Published(
        "vggface", ".pth", write_state(lambda n, i, j: f"conv_{i}_{j}"), True, 255, BGR_FACE
    ),
}


def picture(side: int = 32) -> torch.Tensor:
    """Bright at the border, where a wrong mean shows."""
    noise = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(5))
    return 0.5 + 0.5 * noise * torch.linspace(0.2, 1, side)


def reference(layers: Layers, published: Published, rgb: torch.Tensor) -> list[torch.Tensor]:
    """The published convention, literally."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (published.mean, published.std))
    value = ((rgb.flip(1) if published.turned else rgb) * published.top - mean) / std
    tensors = iter(layers)
    result = []
    for widths in STAGES:
        for _ in widths[1:]:
            weight, bias = next(tensors)
            value = F.relu(F.conv2d(value, torch.from_numpy(weight), torch.from_numpy(bias), padding=1))
        result.append(value)
        value = F.max_pool2d(value, 2)
    return [*result, value]


@torch.no_grad()
@pytest.mark.parametrize("name", PUBLISHED)
def test_activations_equal_the_published_convention(name: str, layers: Layers, tmp_path: Path) -> None:
    published, encoder = PUBLISHED[name], Encoder()
    path = tmp_path / f"vgg{published.suffix}"
    published.write(path, layers)
    encoders.load(encoder, published.kind, path)
    path.unlink()  # 59 MB each
    for a, b in zip(encoder(picture()), reference(layers, published, picture()), strict=True):
        assert a.shape == b.shape
        largest = float(b.abs().max())
        assert largest > 0
        assert float((a - b).abs().max()) <= 1e-4 * largest


@torch.no_grad()
def test_the_comparison_would_see_another_mean(layers: Layers, tmp_path: Path) -> None:
    encoder, published = Encoder(), PUBLISHED["VGG_FACE made npz"]
    published.write(tmp_path / "a.npz", layers)
    encoders.load(encoder, "vggface", tmp_path / "a.npz")
    wrong = published._replace(mean=published.mean[::-1])
    a, b = encoder(picture())[0], reference(layers, wrong, picture())[0]
    assert float((a - b).abs().max()) > 1e-2 * float(b.max())


@torch.no_grad()
def test_evened_out_features_differ_by_a_factor_only(layers: Layers, tmp_path: Path) -> None:
    encoder, published = Encoder(), PUBLISHED["npz"]
    published.write(tmp_path / "a.npz", layers)
    encoders.load(encoder, "imagenet", tmp_path / "a.npz")
    encoders.even_out(encoder, [picture()])
    for a, b in zip(encoder(picture())[:-1], reference(layers, published, picture())[:-1], strict=True):
        assert float(a.square().mean().sqrt()) == pytest.approx(1, rel=1e-3)
        factor = float((a * b).sum() / (b * b).sum())
        assert factor > 0
        torch.testing.assert_close(a, factor * b, rtol=1e-3, atol=float(a.max()) * 1e-3)


def test_another_mean_goes_with_the_weights() -> None:
    encoder, other = Encoder(), Encoder()
    assert "mean" not in encoder.state_dict()  # as in the files from before there were two
    encoder.mean.fill_(0.25)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other.mean, encoder.mean)
    other.load_state_dict(Encoder().state_dict())
    assert torch.equal(other.mean, Encoder().mean)


def test_a_file_of_another_kind_is_told_in_a_sentence(layers: Layers, tmp_path: Path) -> None:
    npz = tmp_path / "a.npz"
    short = [*layers[:12], (layers[12][0][:5], layers[12][1])]
    write_npz(npz, short)
    with pytest.raises(ValueError, match="convolution 5_3 has the shape"):
        encoders.load(Encoder(), "imagenet", npz)
    features(tmp_path / "c.pth", layers)
    with pytest.raises(ValueError, match="not published in"):
        encoders.load(Encoder(), "vggface", tmp_path / "c.pth")
    torch.save({"head.weight": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="layer conv1_1 is missing"):
        encoders.load(Encoder(), "vggface", tmp_path / "a.pth")
    for path in (tmp_path / "b.pth", tmp_path / "b.safetensors", npz):
        path.write_bytes(b"\x08no weights at all" * 9)
        with pytest.raises(ValueError, match="cannot be read"):
            encoders.load(Encoder(), "imagenet", path)
    with pytest.raises(ValueError, match="No such file"):
        encoders.load(Encoder(), "imagenet", tmp_path / "none.npz")
