"""Both engines give what the plain networks give, for both architectures."""

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

from model.inference import layers, studio
from model.inference.architectures import ARCHITECTURES
from model.networks import studio as trained

from . import made

ENGINES = ["pytorch", "openvino"]
SIZE = 128  # pixels: quick, and no engine knows the size
EXACT = 2e-5  # of y: a hundredth of a level
BF16 = 0.02  # 5 levels at the worst pixel of random weights, which round worse than trained ones
BF16_MEAN = 0.002


def engine(name: str, architecture: str, state: dict[str, np.ndarray], bf16: bool) -> Any:
    """With its body in bf16, or all in fp32."""
    known = ARCHITECTURES[architecture]
    if name == "pytorch":
        from model.inference import pytorch

        return pytorch.Engine(known, known.fold(state), "cpu", torch.bfloat16 if bf16 else torch.float32)
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO, an optional extra, is not installed")
    from model.inference import openvino

    return openvino.Engine(known, known.fold(state), "bf16" if bf16 else "f32", SIZE)


@pytest.fixture(scope="module", params=[*sorted(ARCHITECTURES), "deepflash with a mean of its own"])
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """An architecture, its weights, two crops and the plain fp32 network's y for them."""
    architecture, _, own_mean = request.param.partition(" ")
    network, crops = made.network(architecture), made.pictures(2, SIZE)
    if own_mean:  # as after a start from VGG-Face
        network.encoder.mean += 0.05
    with torch.no_grad():
        y = network(crops).permute(0, 2, 3, 1).numpy()
    assert y.std() > 0.01  # the network says something
    return architecture, made.state_of(network), np.ascontiguousarray(crops.permute(0, 2, 3, 1).numpy()), y


@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", ENGINES)
def test_engines_give_what_the_plain_network_gives(name: str, bf16: bool, case: Any) -> None:
    architecture, state, crops, expected = case
    y = engine(name, architecture, state, bf16)(crops)
    assert y.shape == crops.shape and y.dtype == np.float32
    error = np.abs(y - expected)
    assert error.max() < (BF16 if bf16 else EXACT) and error.mean() < (BF16_MEAN if bf16 else EXACT)


@pytest.mark.parametrize("name", ENGINES)
def test_light_is_applied_in_fp32_so_that_no_bands_show(name: str) -> None:
    """Gain and offset that do not depend on the body: nothing may be rounded to bf16's 8 bits."""
    network = made.network("studio")
    torch.nn.init.zeros_(network.head.weight)
    ramp = torch.linspace(0.1, 0.9, SIZE).expand(1, 3, SIZE, SIZE)
    with torch.no_grad():
        expected = network(ramp).permute(0, 2, 3, 1).numpy()
    crop = np.ascontiguousarray(ramp.permute(0, 2, 3, 1).numpy())
    y = engine(name, "studio", made.state_of(network), bf16=True)(crop)
    assert expected.std() > 0.001 and np.abs(y - expected).max() < EXACT


def test_constants_that_no_tensor_tells_are_the_trained_networks() -> None:
    names = ("SHRINK", "LARGER", "GAIN_RANGE", "COARSE", "RADIUS", "CALM", "LIVELY", "DOUBT", "LIGHTS")
    for name in names:
        assert getattr(studio, name) == getattr(trained, name)
    assert torch.nn.BatchNorm2d(1).eps == layers.EPS


def test_the_map_of_shadow_is_left_out() -> None:
    network = made.network("studio")
    folded = ARCHITECTURES["studio"].fold(made.state_of(network))
    assert network.head.out_channels == 4 * trained.OUTPUTS
    assert len(folded.head["light"].bias) == 4 * (trained.OUTPUTS - 2)
    assert len(folded.head["shine"].bias) == 4


def test_the_tensors_of_another_network_are_refused() -> None:
    state = made.state_of(made.network("studio"))
    with pytest.raises(KeyError):
        ARCHITECTURES["deepflash"].fold(state)
    del state["whole.layers.2.bias"]
    with pytest.raises(KeyError):
        ARCHITECTURES["studio"].fold(state)
