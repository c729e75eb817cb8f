"""Training learns, and a resumed run ends where an unbroken one ends."""

from pathlib import Path

import pytest
import torch

from model import checkpoint, validate
from model.config import Config
from model.synthesize.pairs import Pairs
from model.train import Trainer

CONFIG = Config(
    architecture="deepflash",
    seed=4,
    size=32,
    shrink=1,
    batch=2,
    steps=6,
    rate=2e-3,
    warm_up=1,
    offset_weight=1.0,
    freeze_norm=0.7,
    average=0.5,
    validate_every=100,
    held_out=1,
)


def batch(step: int) -> Pairs:
    """Pictures that should all become darker by 0.2."""
    generator = torch.Generator().manual_seed(step)
    x = 0.3 + 0.7 * torch.rand(2, 3, 32, 32, generator=generator)
    return Pairs(x, x - 0.2, x, x - 0.2, *(torch.ones(2, 1, 32, 32) for _ in range(4)))


def new() -> Trainer:
    return Trainer(CONFIG, torch.device("cpu"))


@pytest.fixture(scope="module")
def unbroken() -> tuple[Trainer, list[float]]:
    trainer = new()
    return trainer, [trainer.learn(batch(step)) for step in range(CONFIG.steps)]


def test_the_loss_falls(unbroken: tuple[Trainer, list[float]]) -> None:
    losses = unbroken[1]
    assert losses[0] == pytest.approx(0.04, rel=0.3)  # (2 * 0.1)^2
    assert losses[-1] < 0.8 * losses[0]


def test_the_encoder_is_left_alone(unbroken: tuple[Trainer, list[float]]) -> None:
    trained, fresh = unbroken[0].network, new().network
    for a, b in zip(trained.encoder.parameters(), fresh.encoder.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(trained.head.weight, fresh.head.weight)


def test_a_resumed_run_ends_where_the_unbroken_one_does(
    unbroken: tuple[Trainer, list[float]], tmp_path: Path
) -> None:
    first = new()
    for step in range(3):
        first.learn(batch(step))
    checkpoint.save(tmp_path / "last.pt", first.state())
    second = new()
    second.resume(checkpoint.load(tmp_path / "last.pt"))
    losses = [second.learn(batch(step)) for step in range(second.step, CONFIG.steps)]
    assert losses == pytest.approx(unbroken[1][3:], rel=1e-3)
    expected = unbroken[0].average.state_dict()
    for name, value in second.average.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)


def test_rate_warms_up_and_falls_to_nothing() -> None:
    assert CONFIG.rate_at(0) == pytest.approx(CONFIG.rate)
    assert CONFIG.rate_at(CONFIG.steps) == pytest.approx(0)
    assert CONFIG.rate_at(3) == pytest.approx(CONFIG.rate / 2)


@pytest.mark.parametrize("path", sorted(Path("model/configs").glob("*.toml")), ids=lambda path: path.stem)
def test_every_config_can_be_read(path: Path) -> None:
    assert Config.read(path).steps > 0


def test_doing_nothing_is_judged_as_such() -> None:
    numbers, pictures = validate.judge(validate.do_nothing, [batch(0)])
    assert numbers["loss_eq1"] == pytest.approx(0, abs=1e-6)
    assert numbers["loss_lambda1"] == pytest.approx(0.04, abs=1e-6)
    assert numbers["accuracy"] == pytest.approx(80, abs=1e-3)
    assert numbers["psnr"] == pytest.approx(13.98, abs=0.01)
    torch.testing.assert_close(pictures[0], batch(0).x[0], rtol=0, atol=1e-6)
