"""The encoder equals the published one, to the border, whatever file it comes from."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from model.networks.deepflash import STAGES, Encoder
from model.training import caffemodel, encoders, torch7

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


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def write_caffe(path: Path, layers: Layers, old: bool) -> None:
    """As caffe.proto says: `layers` with blobs of four sizes, or `layer` with a shape."""
    net = bytearray(field(1, b"VGG_FACE_16_layers"))
    for (i, j), pair in zip(NAMES, layers, strict=True):
        layer = field(4 if old else 1, f"conv{i}_{j}".encode())
        layer += field(3, b"top") + (varint(5 << 3) + varint(4) if old else field(2, b"Convolution"))
        for numbers in pair:
            sizes = (1,) * (4 - numbers.ndim) + numbers.shape if old else numbers.shape
            if old:
                blob = b"".join(varint(n << 3) + varint(size) for n, size in enumerate(sizes, 1))
            else:
                blob = field(7, field(1, b"".join(varint(size) for size in sizes)))
            layer += field(6 if old else 7, field(5, numbers.astype("<f4").tobytes()) + blob)
        net += field(2 if old else 100, layer)
    path.write_bytes(net)


class Torch7Writer:
    """Torch's File:writeObject for what a network of nn consists of."""

    def __init__(self) -> None:
        self.out, self.count = bytearray(), 0

    def text(self, text: str) -> None:
        self.out += struct.pack("<i", len(text)) + text.encode()

    def torch(self, name: str) -> None:
        self.count += 1
        self.out += struct.pack("<ii", 4, self.count)
        self.text("V 1")
        self.text(name)

    def value(self, value: Any) -> None:
        if value is None:
            self.out += struct.pack("<i", 0)
        elif isinstance(value, bool):
            self.out += struct.pack("<ii", 5, value)
        elif isinstance(value, (int, float)):
            self.out += struct.pack("<id", 1, value)
        elif isinstance(value, str):
            self.out += struct.pack("<i", 2)
            self.text(value)
        elif isinstance(value, np.ndarray):
            self.torch("torch.FloatTensor")
            strides = [stride // value.itemsize for stride in value.strides]
            form = f"<i{2 * value.ndim + 1}q"
            self.out += struct.pack(form, value.ndim, *value.shape, *strides, 2)  # starts at the second
            self.torch("torch.FloatStorage")
            self.out += struct.pack("<q", value.size + 1) + bytes(4) + value.astype("<f4").tobytes()
        elif isinstance(value, tuple):
            self.torch(value[0])
            self.value(value[1])
        else:
            self.count += 1
            self.out += struct.pack("<iii", 3, self.count, len(value))
            for key, item in value.items():
                self.value(key)
                self.value(item)


def write_t7(path: Path, layers: Layers) -> None:
    """nn.Sequential; every second weight as the matrix that SpatialConvolutionMM keeps."""
    modules: dict[int, Any] = {}
    for n, (weight, bias) in enumerate(layers):
        kept = weight.reshape(len(weight), -1) if n % 2 else weight
        modules[2 * n + 1] = (
            "nn.SpatialConvolution",
            {"weight": kept, "bias": bias, "kW": 3, "train": False},
        )
        modules[2 * n + 2] = ("nn.ReLU", {"inplace": True, "output": None, "name": "relu"})
    writer = Torch7Writer()
    writer.value(("nn.Sequential", {"modules": modules, "train": False}))
    path.write_bytes(writer.out)


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
    "caffe": Published(
        "imagenet", ".caffemodel", lambda p, a: write_caffe(p, a, False), True, 255, BGR_IMAGENET
    ),
    "VGG_FACE.caffemodel": Published(
        "vggface", ".caffemodel", lambda p, a: write_caffe(p, a, True), True, 255, BGR_FACE
    ),
    "VGG_FACE.t7": Published("vggface", ".t7", write_t7, True, 255, BGR_FACE),
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
    encoder, published = Encoder(), PUBLISHED["VGG_FACE.t7"]
    published.write(tmp_path / "a.t7", layers)
    encoders.load(encoder, "vggface", tmp_path / "a.t7")
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
    npz, t7, caffe = tmp_path / "a.npz", tmp_path / "a.t7", tmp_path / "a.caffemodel"
    short = [*layers[:12], (layers[12][0][:5], layers[12][1])]
    write_npz(npz, short)
    with pytest.raises(ValueError, match="convolution 5_3 has the shape"):
        encoders.load(Encoder(), "imagenet", npz)
    write_npz(npz, layers)
    with pytest.raises(ValueError, match="not published in"):
        encoders.load(Encoder(), "vggface", npz)
    torch.save({"head.weight": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="layer conv1_1 is missing"):
        encoders.load(Encoder(), "vggface", tmp_path / "a.pth")
    for path in (t7, caffe, tmp_path / "b.pth", npz):
        path.write_bytes(b"\x08no weights at all" * 9)
        with pytest.raises(ValueError, match="cannot be read"):
            encoders.load(Encoder(), "imagenet", path)
    with pytest.raises(ValueError, match="No such file"):
        encoders.load(Encoder(), "imagenet", tmp_path / "none.npz")


def test_readers_notice_a_file_cut_short(tmp_path: Path) -> None:
    small = [(np.ones((2, 3, 3, 3), np.float32), np.ones(2, np.float32))] * len(NAMES)
    write_t7(tmp_path / "a.t7", small)
    write_caffe(tmp_path / "a.caffemodel", small, True)
    for path, read in ((tmp_path / "a.t7", torch7.read), (tmp_path / "a.caffemodel", caffemodel.read)):
        whole = path.read_bytes()
        assert read(path)
        for share in (0.1, 0.5, 0.97):
            path.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(ValueError, match="cut short"):
                read(path)
