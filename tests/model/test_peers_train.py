"""The peers learn on what ours learns on, and a resumed run of theirs ends where the unbroken one does."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data.synthesize.pairs import Pairs
from model.inference.answers import answer
from model.networks import pix2pix
from model.networks.registry import find
from model.paper import equations
from model.paper.bilateral import filter_crop
from model.training import checkpoint, trainers
from model.training.config import Config
from tests.sample import CHECKOUT

from . import made

CONFIGS = CHECKOUT / "model/training/recipes"
CPU = torch.device("cpu")


def batch(step: int, size: int, count: int = 2) -> Pairs:
    """Smooth pictures that should all become darker; their right edge is outside the photograph."""
    generator = torch.Generator().manual_seed(step)
    x = torch.nn.functional.interpolate(torch.rand(count, 3, 9, 9, generator=generator), (size, size))
    weight = torch.ones(count, 1, size, size)
    weight[..., -8:] = 0
    o = torch.where(weight > 0, 0.7 * x, 1 - x)
    theta, none = torch.eye(2, 3).repeat(len(x), 1, 1), torch.zeros(len(x), 1, 1, 1)
    return Pairs(x, o, x, o, weight, weight, 0 * weight, 0 * weight, theta, weight, none)


def told(name: str, **change: float) -> Config:
    return replace(Config.read(CONFIGS / f"{name}.toml"), **change)


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("hdrnet_12k", "studio_12k"),
        ("pix2pix_half", "studio_12k"),
    ],
)
def test_chances_are_equal(name: str, beside: str) -> None:
    """As many samples, of the same framing and seed, judged on as many people."""
    ours, theirs = told(beside), told(name)
    assert theirs.samples(theirs.steps) == ours.samples(ours.steps)
    for field in ("seed", "size", "shrink", "real", "held_out"):
        assert getattr(theirs, field) == getattr(ours, field)


def test_hdrnet_learns_and_resumes(tmp_path: Path) -> None:
    config = told("hdrnet_12k", rate=2e-3, steps=12)
    unbroken = trainers.create(config, CPU)
    assert unbroken.optimiser.param_groups[0]["weight_decay"] == 1e-8
    losses = [unbroken.learn(batch(step, 64)) for step in range(12)]
    assert losses[-1] < 0.5 * losses[0]
    first = trainers.create(config, CPU)
    for step in range(5):
        first.learn(batch(step, 64))
    checkpoint.save(tmp_path / "last.pt", first.state())
    second = trainers.create(config, CPU)
    second.resume(checkpoint.load(tmp_path / "last.pt"))
    assert [second.learn(batch(step, 64)) for step in range(5, 12)] == losses[5:]
    assert_same(second.network.state_dict(), unbroken.network.state_dict())


def test_pix2pix_learns_and_resumes_with_its_critic_and_its_noise() -> None:
    config = told("pix2pix_half", steps=4)
    unbroken = trainers.create(config, CPU)
    assert isinstance(unbroken, trainers.Adversarial)
    before = [parameter.detach().clone() for parameter in unbroken.critic.parameters()]
    losses = [unbroken.learn(batch(step, 256, 1)) for step in range(2)]
    for old, new in zip(before, unbroken.critic.parameters(), strict=True):
        assert not torch.equal(old, new.detach())
    second = trainers.create(config, CPU)
    second.resume(copy.deepcopy(unbroken.state()))
    torch.rand(3)  # whatever else has used the random state
    assert second.learn(batch(2, 256, 1)) == unbroken.learn(batch(2, 256, 1))
    assert isinstance(second, trainers.Adversarial)
    assert_same(second.critic.state_dict(), unbroken.critic.state_dict())
    assert_same(second.network.state_dict(), unbroken.network.state_dict())
    assert all(np.isfinite(losses))


def test_what_lies_outside_the_photograph_is_not_learnt() -> None:
    trainer = trainers.create(told("hdrnet_12k"), CPU)
    pairs = batch(0, 64)
    other = replace(pairs, o=torch.where(pairs.weight > 0, pairs.o, torch.zeros(())))
    trainer.network.eval()
    assert torch.equal(trainer._loss(pairs), trainer._loss(other))


@pytest.mark.parametrize("name", ["hdrnet", "pix2pix-half"])
def test_a_picture_has_the_y_that_would_have_led_to_it(name: str) -> None:
    torch.manual_seed(1)
    descriptor, network = find(name), made.create(name).eval()
    x = made.pictures(1, 512)
    bl_x = torch.from_numpy(filter_crop(x[0].permute(1, 2, 0).contiguous().numpy())).permute(2, 0, 1)[None]
    found = answer(descriptor, network, x, bl_x)
    expected = filter_crop(found.picture[0].permute(1, 2, 0).contiguous().numpy())
    low_pass = equations.low_pass(bl_x, found.y)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(low_pass, expected, atol=1e-5)
    assert torch.equal(answer(descriptor, network, x, bl_x).picture, found.picture), (
        "the noise is the same each time"
    )


def test_pix2pix_keeps_the_photographs_texture() -> None:
    torch.manual_seed(2)
    network, x = pix2pix.Generator(4), made.pictures(1, 512)
    fine = 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    fine -= torch.nn.functional.interpolate(
        torch.nn.functional.interpolate(fine, (256, 256), mode="area"), (512, 512)
    )
    with torch.no_grad():
        change = pix2pix.retouched(network, x + fine) - pix2pix.retouched(network, x)
    torch.testing.assert_close(change, fine, atol=1e-4, rtol=0)


def test_each_network_names_its_trainer() -> None:
    assert type(trainers.create(told("studio"), CPU)) is trainers.StudioTrainer
    with pytest.raises(ValueError, match="256 pixels"):
        told("pix2pix_half", size=128)
