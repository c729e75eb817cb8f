"""Loading, checking and running a network as the server does, on a freshly made one."""

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from model import predictor
from model.deepflash import DeepFlash
from model.engines.layers import EPS
from model.export import export
from plugin.studio_portrait.link.wire import Problem

BF16_TOLERANCE = 0.02  # of y: 5 levels of 255 at the worst pixel
MEAN_TOLERANCE = 0.002


@pytest.fixture(scope="module")
def network() -> DeepFlash:
    """He-initialised, with batch norm statistics that matter."""
    torch.manual_seed(7)
    network = DeepFlash().eval()
    for convolution in (c for stage in network.encoder.stages for c in stage):
        torch.nn.init.kaiming_normal_(convolution.weight)
    generator = torch.Generator().manual_seed(8)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.7, 1.3, generator=generator)
            module.bias.data.uniform_(-0.1, 0.1, generator=generator)
    network.head.weight.data *= 30
    return network


@pytest.fixture(scope="module")
def folder(network: DeepFlash, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    average = {f"module.{name}": value for name, value in network.state_dict().items()}
    state = {"average": average, "step": 3, "seconds": 1.0, "config": {"batch": 2, "size": 64}}
    export(state, {}, "a test", folder)
    return folder


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Two smooth pictures."""
    coarse = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(9))
    fine = torch.nn.functional.interpolate(coarse, (512, 512), mode="bicubic").clip(0, 1)
    return np.ascontiguousarray(fine.permute(0, 2, 3, 1).numpy())


@pytest.fixture(scope="module")
def expected(network: DeepFlash, crops: np.ndarray) -> np.ndarray:
    """The plain fp32 network, layer by layer."""
    with torch.no_grad():
        y = network(torch.from_numpy(crops).permute(0, 3, 1, 2))
    return y.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("engine", ["pytorch", "openvino"])
def test_engines_give_what_the_plain_network_gives(
    engine: str, folder: Path, crops: np.ndarray, expected: np.ndarray
) -> None:
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO, an optional extra, is not installed")
    loaded = predictor.load(device="cpu", engine=engine, folder=folder)
    assert (loaded.engine, loaded.device, loaded.name) == (engine, "cpu", "deepflash")
    y = loaded(crops)
    assert y.shape == crops.shape and y.dtype == np.float32
    assert expected.std() > 0.05  # the network says something
    error = np.abs(y - expected)
    assert error.max() < BF16_TOLERANCE and error.mean() < MEAN_TOLERANCE


def test_batch_norm_epsilon_is_torchs() -> None:
    assert torch.nn.BatchNorm2d(1).eps == EPS


def test_what_is_available_is_read_without_the_weights(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "deepflash.json").write_bytes((folder / "deepflash.json").read_bytes())
    (info,) = predictor.available(tmp_path)
    assert info.name == "deepflash" and info.default and info.parameters == 29_443_331
    with pytest.raises(Problem) as caught:
        predictor.load(folder=tmp_path)
    assert caught.value.code == "weights" and "missing" in caught.value.message


def test_altered_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    facts = json.loads((folder / "deepflash.json").read_text())
    data = bytearray((folder / facts["file"]).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / facts["file"]).write_bytes(data)
    (tmp_path / "deepflash.json").write_text(json.dumps(facts))
    with pytest.raises(Problem) as caught:
        predictor.load(folder=tmp_path)
    assert caught.value.code == "weights"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"network": "nobody"}, "unknown-network"),
        ({"device": "abacus"}, "bad-setting"),
        ({"engine": "steam"}, "bad-setting"),
        ({"device": "mps" if torch.cuda.is_available() else "cuda", "engine": "pytorch"}, "bad-setting"),
    ],
)
def test_wrong_choices_are_explained(arguments: dict[str, str], code: str, folder: Path) -> None:
    with pytest.raises(Problem) as caught:
        predictor.load(**arguments, folder=folder)
    assert caught.value.code == code and caught.value.hint


def test_an_unreadable_description_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No network"):
        predictor.load(folder=tmp_path)
    (tmp_path / "odd.json").write_text("{}")
    assert predictor.available(tmp_path) == []
    with pytest.raises(Problem, match="No network"):
        predictor.load(folder=tmp_path)


def test_an_unreadable_description_keeps_none_from_the_others(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = json.loads((folder / "deepflash.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps({**facts, "name": "other", "default": False}))
    (tmp_path / facts["file"]).write_bytes((folder / facts["file"]).read_bytes())
    (tmp_path / "deepflash.json").write_text('{"name": "deep')
    for _ in range(2):
        assert [info.name for info in predictor.available(tmp_path)] == ["other"]
    assert caplog.text.count("deepflash.json of a network cannot be read") == 1
    assert predictor.load("other", device="cpu", folder=tmp_path).name == "other"
    with pytest.raises(Problem, match="default network") as caught:
        predictor.load(device="cpu", folder=tmp_path)
    assert caught.value.code == "weights" and "git checkout" in caught.value.hint


def test_crops_of_another_format_are_refused(folder: Path) -> None:
    loaded = predictor.load(device="cpu", folder=folder)
    with pytest.raises(ValueError):
        loaded(np.zeros((1, 256, 256, 3), np.float32))


@pytest.mark.parametrize("engine", ["pytorch", "openvino"])
def test_a_prediction_stops_in_the_middle_when_it_is_cancelled(engine: str) -> None:
    """Within a layer or so: half a second after the cancel at most, or half of a prediction's own time."""
    network = predictor.load("", device="cpu", engine=engine)
    crops = np.zeros((4, 512, 512, 3), np.float32)
    network(crops[:1])
    begin = time.monotonic()
    network(crops[:1])
    whole = time.monotonic() - begin
    begin = time.monotonic()
    with pytest.raises(Problem) as caught:
        network(crops, lambda: time.monotonic() - begin > 0.1 * whole)
    assert caught.value.code == "cancelled"
    assert time.monotonic() - begin < 0.1 * whole + max(0.5, whole / 2)
    assert np.array_equal(network(crops[:1]), network(crops[1:2]))
