"""Loading, checking and running a network as the server does, on a freshly made one."""

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from model.errors import BadWeights, Cancelled, ModelError
from model.inference import predictor
from model.networks.registry import find

from . import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network, freshly made: the default one."""
    folder = tmp_path_factory.mktemp("weights")
    made.exported(folder)
    return folder


@pytest.mark.parametrize("engine", ["pytorch", "openvino"])
def test_either_engine_can_be_asked_for(engine: str, folder: Path) -> None:
    if engine == "openvino" and importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO, an optional extra, is not installed")
    loaded = predictor.load(device="cpu", engine=engine, folder=folder)
    assert (loaded.engine, loaded.device, loaded.name) == (engine, "cpu", "studio")
    y = loaded(np.full((1, 512, 512, 3), 0.4, np.float32))
    assert y.shape == (1, 512, 512, 3) and 0 <= y.min() < y.max() <= 1


def test_what_is_available_is_read_without_the_weights(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "studio.json").write_bytes((folder / "studio.json").read_bytes())
    (info,) = predictor.available(tmp_path)
    assert (
        (info.name, info.architecture) == ("studio", "studio")
        and info.default
        and info.parameters > 1_000_000
    )
    with pytest.raises(BadWeights, match="missing"):
        predictor.load(folder=tmp_path)


def test_altered_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    facts = json.loads((folder / "studio.json").read_text())
    data = bytearray((folder / facts["file"]).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / facts["file"]).write_bytes(data)
    (tmp_path / "studio.json").write_text(json.dumps(facts))
    with pytest.raises(BadWeights):
        predictor.load(folder=tmp_path)


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
    with pytest.raises(ModelError) as caught:
        predictor.load(**arguments, folder=folder)
    assert caught.value.code == code and caught.value.message.endswith(".")


def test_an_unreadable_description_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="No network"):
        predictor.load(folder=tmp_path)
    (tmp_path / "odd.json").write_text("{}")
    assert predictor.available(tmp_path) == []
    with pytest.raises(BadWeights, match="No network"):
        predictor.load(folder=tmp_path)


def test_an_unreadable_description_keeps_none_from_the_others(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = json.loads((folder / "studio.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps({**facts, "name": "other", "default": False}))
    (tmp_path / facts["file"]).write_bytes((folder / facts["file"]).read_bytes())
    (tmp_path / "studio.json").write_text('{"name": "deep')
    for _ in range(2):
        assert [info.name for info in predictor.available(tmp_path)] == ["other"]
    assert caplog.text.count("studio.json of a network cannot be read") == 1
    assert predictor.load("other", device="cpu", folder=tmp_path).name == "other"
    with pytest.raises(BadWeights, match="default network"):
        predictor.load(device="cpu", folder=tmp_path)


def test_the_tensors_of_another_network_are_told(folder: Path, tmp_path: Path) -> None:
    facts = json.loads((folder / "studio.json").read_text())
    (tmp_path / facts["file"]).write_bytes((folder / facts["file"]).read_bytes())
    other = {"architecture": "deepflash", "constants": dict(find("deepflash").constants)}
    (tmp_path / "studio.json").write_text(json.dumps({**facts, **other}))
    with pytest.raises(BadWeights, match="another network"):
        predictor.load(device="cpu", folder=tmp_path)


def test_an_architecture_of_another_version_is_told(folder: Path, tmp_path: Path) -> None:
    facts = json.loads((folder / "studio.json").read_text())
    (tmp_path / "studio.json").write_text(json.dumps({**facts, "architecture": "transformer"}))
    with pytest.raises(BadWeights, match="transformer"):
        predictor.load(device="cpu", folder=tmp_path)


def test_crops_of_another_format_are_refused(folder: Path) -> None:
    loaded = predictor.load(device="cpu", folder=folder)
    with pytest.raises(ValueError):
        loaded(np.zeros((1, 256, 256, 3), np.float32))


@pytest.mark.parametrize("engine", ["pytorch", "openvino"])
def test_a_prediction_stops_in_the_middle_when_it_is_cancelled(engine: str, folder: Path) -> None:
    """It asks between layers, stops at the first yes, and the next prediction is whole."""
    network = predictor.load("", device="cpu", engine=engine, folder=folder)
    crops = np.full((4, 512, 512, 3), 0.4, np.float32)
    crops[1] = 0.7
    right = network(crops[:1])
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) == 2

    with pytest.raises(Cancelled):
        network(crops[1:], cancelled)
    assert len(asked) == 2
    assert np.array_equal(network(crops[:1]), right)


@pytest.mark.parametrize("engine", ["pytorch", "openvino"])
def test_a_cancel_is_asked_for_often(engine: str) -> None:
    """One crop: never for longer than half a second or a quarter of the whole, in the processor's time."""
    network = predictor.load("deepflash", device="cpu", engine=engine)
    asked: list[float] = [time.process_time()]
    network(np.zeros((1, 512, 512, 3), np.float32), lambda: bool(asked.append(time.process_time())))
    asked.append(time.process_time())
    assert np.diff(asked).max() < max(0.5, (asked[-1] - asked[0]) / 4)
