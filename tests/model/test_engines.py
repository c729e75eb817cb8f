"""Both engines give what the plain modules give, for every network that answers y."""

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

from model.inference import pytorch
from model.networks.network import Network
from model.networks.registry import NETWORKS, find

from . import made

ENGINES = ["pytorch", "openvino"]
SIZE = 128  # pixels: quick, and no engine knows the size
EXACT = 2e-5  # of y: a hundredth of a level
BF16 = 0.02  # 5 levels at the worst pixel of random weights, which round worse than trained ones
BF16_MEAN = 0.002
ANSWERING = [name for name in NETWORKS if find(name).answer == "y"]

Case = tuple[Network, Any, np.ndarray, dict[str, np.ndarray]]


def engine(name: str, network: Network, module: Any, bf16: bool) -> Any:
    """With its body in bf16, or all in fp32."""
    loaded = pytorch.Loaded(network, module, network.outputs)
    if name == "pytorch":
        return pytorch.Engine(loaded, "cpu", torch.bfloat16 if bf16 else torch.float32)
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO, an optional extra, is not installed")
    from model.inference import openvino

    parts = openvino.convert(loaded, SIZE)
    return openvino.Engine(parts, network.outputs, "bf16" if bf16 else "f32")


@pytest.fixture(scope="module", params=[*ANSWERING, "deepflash with a mean of its own"])
def case(request: pytest.FixtureRequest) -> Case:
    """A network, its module, two crops and the plain fp32 module's answer for them."""
    name, _, own_mean = request.param.partition(" ")
    module, crops = made.network(name), made.pictures(2, SIZE)
    if own_mean:  # as after a start from VGG-Face
        module.encoder.mean += 0.05
    with torch.no_grad():
        found = module.finish(crops, *module.body(crops))
        torch.testing.assert_close(module(crops), found[0])
    assert found[0].std() > 0.01  # the network says something
    answer = {
        output: value.permute(0, 2, 3, 1).numpy()
        for output, value in zip(find(name).outputs, found, strict=True)
    }
    return find(name), module, np.ascontiguousarray(crops.permute(0, 2, 3, 1).numpy()), answer


@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", ENGINES)
def test_engines_give_what_the_plain_module_gives(name: str, bf16: bool, case: Case) -> None:
    network, module, crops, expected = case
    answer = engine(name, network, module, bf16)(crops)
    assert answer.keys() == expected.keys()
    for output, found in answer.items():
        assert found.shape == expected[output].shape and found.dtype == np.float32
        error = np.abs(found - expected[output])
        assert error.max() < (BF16 if bf16 else EXACT), output
        assert error.mean() < (BF16_MEAN if bf16 else EXACT), output


@pytest.mark.parametrize("name", ENGINES)
def test_light_is_applied_in_fp32_so_that_no_bands_show(name: str) -> None:
    """Gain and offset that do not depend on the body: nothing may be rounded to bf16's 8 bits."""
    module = made.network("studio")
    torch.nn.init.zeros_(module.head.weight)
    torch.nn.init.zeros_(module.colour.last.weight)  # the person's gains come from the body
    ramp = torch.linspace(0.1, 0.9, SIZE).expand(1, 3, SIZE, SIZE)
    with torch.no_grad():
        expected = module(ramp).permute(0, 2, 3, 1).numpy()
    crop = np.ascontiguousarray(ramp.permute(0, 2, 3, 1).numpy())
    y = engine(name, find("studio"), module, bf16=True)(crop)["y"]
    assert expected.std() > 0.001 and np.abs(y - expected).max() < EXACT


def test_no_batch_norm_is_left_and_the_module_stays_as_it_was(case: Case) -> None:
    _, module, crops, expected = case
    image = torch.from_numpy(crops).permute(0, 3, 1, 2)
    folded: Any = pytorch.folded(module)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    with torch.no_grad():
        for one in (module, folded):
            y = one(image).permute(0, 2, 3, 1).numpy()
            np.testing.assert_allclose(y, expected["y"], atol=EXACT)


def test_tensors_of_another_network_are_refused() -> None:
    state = made.state_of(made.network("studio"))
    with pytest.raises(KeyError):
        pytorch.put_together(find("deepflash"), state)
    del state["whole.layers.2.bias"]
    with pytest.raises(KeyError):
        pytorch.put_together(find("studio"), state)


def test_weights_older_than_a_head_are_served_without_it() -> None:
    state = made.state_of(made.network("studio"))
    assert pytorch.put_together(find("studio"), state).outputs == ("y", "person", "skin", "shine")
    older = {name: value for name, value in state.items() if not name.startswith("mattes.")}
    loaded = pytorch.put_together(find("studio"), older)
    assert loaded.outputs == ("y", "shine")
    answer = pytorch.Engine(loaded, "cpu")(np.full((1, SIZE, SIZE, 3), 0.4, np.float32))
    assert answer.keys() == {"y", "shine"}
    del state["mattes.1.bias"]  # half of a head
    with pytest.raises(KeyError):
        pytorch.put_together(find("studio"), state)


def test_a_processor_without_bf16_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cpu")
    for able, expected in (({}, torch.float32), ({"avx512_bf16": True}, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert pytorch.precision(device) is expected
        with pytorch.autocast(device):
            done = torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))
        assert done.dtype is expected
