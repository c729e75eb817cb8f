"""Training learns what it may, and a resumed trainer does what the unbroken one would have done."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data.synthesize import flash
from model.data.synthesize.pairs import Pairs
from model.networks.studio import Prediction
from model.paper import equations
from model.training import checkpoint, losses, trainers, validate
from model.training.config import Config, Stage
from model.training.progress import Log, Ticker, curve, duration
from model.training.train import InitialWeights
from model.training.trainer import Trainer
from tests.sample import CHECKOUT

CONFIG = Config(
    architecture="studio",
    seed=4,
    size=32,
    shrink=2,
    batch=2,
    steps=8,
    rate=2e-3,
    warm_up=1,
    offset_weight=1.0,
    freeze_norm=0.7,
    average=0.5,
    validate_every=100,
    held_out=1,
)


def batch(step: int, size: int = 32) -> Pairs:
    """Pictures that should all become darker by 0.2."""
    generator = torch.Generator().manual_seed(step)
    x = 0.3 + 0.7 * torch.rand(2, 3, size, size, generator=generator)
    ones = torch.ones(2, 1, size, size)
    theta, none = torch.eye(2, 3).repeat(2, 1, 1), torch.zeros(2, 1, 1, 1)
    return Pairs(x, x - 0.2, x, x - 0.2, ones, ones, 0 * ones, 0 * ones, theta, ones, none)


def new(config: Config = CONFIG) -> Trainer:
    return trainers.create(config, torch.device("cpu"))


def assert_same(a: Trainer, b: Trainer) -> None:
    """Weights, averages and the optimiser's memory, bit for bit."""
    for first, second in ((a.network, b.network), (a.average, b.average)):
        for name, value in first.state_dict().items():
            assert torch.equal(value, second.state_dict()[name]), name
    for one, two in zip(a.optimiser.state.values(), b.optimiser.state.values(), strict=True):
        assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def unbroken() -> tuple[Trainer, list[float]]:
    trainer = new()
    return trainer, [trainer.learn(batch(step)) for step in range(CONFIG.steps)]


def test_the_loss_falls(unbroken: tuple[Trainer, list[float]]) -> None:
    learnt = unbroken[1]
    assert learnt[0] > 0.4  # |error| 0.2, three times its square, the skin's colour
    assert min(learnt[:6]) < 0.8 * learnt[0]  # then batch norm turns to statistics of six steps only


def test_a_resumed_run_ends_where_the_unbroken_one_does(
    unbroken: tuple[Trainer, list[float]], tmp_path: Path
) -> None:
    first = new()
    for step in range(3):
        first.learn(batch(step))
    checkpoint.save(tmp_path / "last.pt", first.state())
    second = new()
    second.resume(checkpoint.load(tmp_path / "last.pt"))
    assert [second.learn(batch(step)) for step in range(3, CONFIG.steps)] == unbroken[1][3:]
    assert_same(second, unbroken[0])


def test_judging_leaves_the_run_as_it_was(unbroken: tuple[Trainer, list[float]]) -> None:
    trainer = unbroken[0]
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), trainer.state()
    kept = {name: value.clone() for name, value in before[2]["network"].items()}
    validate.judge(trainer.answer, [batch(9, 64)])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    for name, value in trainer.state()["network"].items():
        assert torch.equal(value, kept[name])


def test_an_unknown_architecture_is_told() -> None:
    with pytest.raises(ValueError, match="unknown architecture 'x'"):
        replace(CONFIG, architecture="x")


def test_the_encoder_is_trained_only_when_its_time_has_come(tmp_path: Path) -> None:
    config = replace(CONFIG, architecture="deepflash", shrink=4, freeze_encoder=0.25)
    trainer = new(config)
    first = trainer.network.encoder.stages[0][0].weight.detach().clone()
    for step in range(2):
        trainer.learn(batch(step))
    assert torch.equal(trainer.network.encoder.stages[0][0].weight, first)
    checkpoint.save(tmp_path / "before.pt", trainer.state())
    trainer.learn(batch(2))
    assert not torch.equal(trainer.network.encoder.stages[0][0].weight, first)
    checkpoint.save(tmp_path / "last.pt", trainer.state())
    resumed = new(config)
    resumed.resume(checkpoint.load(tmp_path / "last.pt"))
    assert_same(resumed, trainer)
    just_before = new(config)  # saved when its time had come, but nothing was learnt since
    just_before.resume(checkpoint.load(tmp_path / "before.pt"))
    just_before.learn(batch(2))
    assert_same(just_before, trainer)
    with pytest.raises(ValueError, match="'deepflash'"):
        new().resume(checkpoint.load(tmp_path / "last.pt"))
    with pytest.raises(ValueError, match="holds a 'deepflash' network"):
        checkpoint.start(new().network, tmp_path / "last.pt")


def test_held_out_people_are_looked_at_as_they_will_be_served() -> None:
    trainer = new(replace(CONFIG, architecture="deepflash", shrink=4, freeze_encoder=0.0, average=0.0))
    served = trainer.network.shrink
    trainer.learn(batch(0))
    assert trainer.average.module is trainer.network and trainer.network.shrink == served


def test_a_checkpoint_of_another_version_is_told(tmp_path: Path) -> None:
    state = new().state()
    state["network"] = {name: value for name, value in state["network"].items() if "mattes" not in name}
    state["average"] = {name: value for name, value in state["average"].items() if "mattes" not in name}
    with pytest.raises(ValueError, match="another version"):
        new().resume(state)
    with pytest.raises(ValueError, match="another version"):
        checkpoint.network(state)


def test_a_checkpoint_can_be_the_start_of_another_run(
    unbroken: tuple[Trainer, list[float]], tmp_path: Path
) -> None:
    checkpoint.save(tmp_path / "last.pt", unbroken[0].state())
    other = new(replace(CONFIG, seed=5))
    checkpoint.start(other.network, tmp_path / "last.pt")
    other.started([])
    torch.testing.assert_close(other.answer(batch(0, 64)).y, unbroken[0].answer(batch(0, 64)).y)


def test_shine_and_shadow_of_real_pairs_are_not_learnt() -> None:
    pairs = batch(0)
    guess = Prediction(pairs.bl_x, *(torch.randn(2, 1, 32, 32) for _ in range(4)))
    other = guess._replace(specular=-guess.specular, shadow=guess.shadow + 1, person=-guess.person)
    none = torch.zeros(2, 1, 1, 1)
    assert float(losses.studio(guess, pairs, none)) == float(losses.studio(other, pairs, none))
    assert float(losses.studio(guess, pairs)) != float(losses.studio(other, pairs))
    assert float(losses.studio(guess, pairs)) == float(losses.studio(guess, pairs, 1 - none))


def test_rate_warms_up_and_falls_to_nothing() -> None:
    assert CONFIG.rate_at(0) == pytest.approx(CONFIG.rate)
    assert CONFIG.rate_at(CONFIG.steps) == pytest.approx(0)
    assert CONFIG.rate_at(4) == pytest.approx(CONFIG.rate / 2)
    assert replace(CONFIG, decay="none").rate_at(CONFIG.steps - 1) == CONFIG.rate


def test_a_run_is_its_stages_one_after_the_other() -> None:
    """Each names what is its own; the rate falls anew, batch norm's freezing counts the stage's steps."""
    own = Stage(4, size=64, shrink=1, batch=1, rate=CONFIG.rate / 10, freeze_norm=0.5, warm_up=0)
    config = replace(CONFIG, stages=(Stage(CONFIG.steps - 4), own))
    first = CONFIG.steps - 4
    assert [config.at(step).size for step in (first - 1, first)] == [32, 64]
    assert [config.samples(step) for step in (0, first, first + 1)] == [0, 2 * first, 2 * first + 1]
    assert CONFIG.samples(8) == 16
    assert config.rate_at(0) == pytest.approx(CONFIG.rate_at(0))
    assert config.rate_at(first) == pytest.approx(CONFIG.rate / 10)
    assert config.rate_at(first + 2) == pytest.approx(CONFIG.rate / 20)
    assert config.rate_at(CONFIG.steps) == pytest.approx(0)
    assert [config.freezes_norm(first + step) for step in (0, 1, 2, 3)] == [False, False, True, True]


def test_a_checkpoint_holds_its_whole_recipe(unbroken: tuple[Trainer, list[float]], tmp_path: Path) -> None:
    """Stages, the losses' weights and the flashes' ranges: what is needed to run it again."""
    checkpoint.save(tmp_path / "last.pt", unbroken[0].state())
    state = checkpoint.load(tmp_path / "last.pt")
    assert Config.of(state["config"]) == CONFIG
    assert state["config"]["losses"]["square"] == losses.Weights().square
    assert state["flashes"]["real"]["oil"] == flash.named(CONFIG.mix).oil


def test_absolute_errors_count_as_the_recipe_says() -> None:
    """Eq. (3)'s error beside eq. (1), for the paper's network; at y = 1/2 the pictures miss 0.2."""
    config = replace(CONFIG, architecture="deepflash", shrink=4, size=64)
    plain, more = (new(replace(config, absolute=share)) for share in (0.0, 2.0))
    with torch.no_grad():
        for trainer in (plain, more):
            trainer.network.head.weight.zero_()
        pairs = batch(0, 64)
        found = [float(trainer._loss(pairs)) for trainer in (plain, more)]
    assert found[1] - found[0] == pytest.approx(2 * 0.2, rel=1e-3)


def test_weights_of_the_recipe_are_those_of_the_loss() -> None:
    pairs = batch(0)
    guess = Prediction(pairs.bl_x, *(torch.randn(2, 1, 32, 32) for _ in range(4)))
    more = losses.Weights(square=10.0)
    t = equations.target(pairs.bl_x, pairs.bl_o)
    weight = pairs.weight * (1 + more.shine * pairs.specular)
    square = equations.loss(guess.y, t, 1.0, weight)
    difference = losses.studio(guess, pairs, None, more) - losses.studio(guess, pairs)
    torch.testing.assert_close(difference, (10.0 - losses.Weights().square) * square, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "model/training/recipes").glob("*.toml")), ids=lambda path: path.stem
)
def test_every_config_can_be_read(path: Path) -> None:
    assert Config.read(path).steps > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("stepz = 3\n", "stepz is unknown"),
        ("", "steps is missing"),
        ("steps = 0\n", "steps"),
        ("steps = 3\nfreeze_norm = 9\n", "shares from 0 to 1"),
        ("steps = 3\naverage = true\n", "average is True"),
        ("steps = 3\nstages = 4\n", "stages is a list of tables"),
        ("steps = 3\nstages = [4]\n", "stages is a table"),
        ("steps = 3\n[[stages]]\nsteps = 3\nsize = 48\nshrink = 1\n", "multiple of 64"),
        ("steps = 3\n[[stages]]\nsteps = 4\n", "stages have 4 steps, the run has 3"),
        ("steps = 3\n[[stages]]\nsize = 64\n", "steps is missing"),
        ("steps = 3\n[losses]\nsquared = 4\n", "squared is unknown"),
        ("steps = 3\nmixes = 4\n", "table of names and shares"),
        ("steps = 3\n[mixes]\nhard = true\n", "table of names and shares"),
        ("steps = 3\n[mixes]\nsoft = 0.2\n", "no mix 'soft'"),
        ("steps = 3\n[mixes]\nhard = 0.7\nstill = 0.5\n", "together at most 1"),
        ("steps = 3\n[mixes]\nfirst = 0.2\n", "mixes names others than mix"),
        ("steps = 3\naverage = nan\n", "average is nan, which is no finite number"),
        ("steps = = 3\n", "TOML|Invalid"),
    ],
)
def test_a_wrong_config_is_told_in_a_sentence(change: str, told: str, tmp_path: Path) -> None:
    text = (CHECKOUT / "model/training/recipes/studio_12k.toml").read_text("utf-8")
    names = ("steps", "freeze_norm", "average")
    kept = [line for line in text.splitlines() if line.split(" ")[0] not in names]
    rest = [
        line
        for line in text.splitlines()
        if line.split(" ")[0] in names[1:3] and line.split(" ")[0] not in change
    ]
    (tmp_path / "a.toml").write_text("\n".join([*kept, *rest]) + "\n" + change, "utf-8")
    with pytest.raises(ValueError, match=told):
        Config.read(tmp_path / "a.toml")


def test_no_seed_is_below_zero() -> None:
    with pytest.raises(ValueError, match="seed is 0 or more"):
        replace(CONFIG, seed=-1)


def test_starts_that_do_not_go_together_are_refused() -> None:
    deepflash = replace(CONFIG, architecture="deepflash", shrink=4)
    InitialWeights("imagenet", Path("a")).check(deepflash)
    InitialWeights("none", None).check(replace(deepflash, freeze_encoder=0.0))
    for start, config in (
        (InitialWeights("imagenet", None), deepflash),
        (InitialWeights("none", None), deepflash),
        (InitialWeights("imagenet", Path("a")), CONFIG),
        (InitialWeights("last.pt", Path("a")), deepflash),
    ):
        with pytest.raises(ValueError, match="--init|freeze_encoder"):
            start.check(config)


def test_progress_tells_the_time_left_by_steps_or_by_budget() -> None:
    now = [100.0]
    ticker = Ticker(10, 110, 600, lambda: now[0])
    now[0] = 140.0
    assert ticker.text(20, 0.5) == "step 20/110, loss 0.5000, 4.00 s a step, 6 min left"  # 90 steps
    assert ticker.text(12, 0.5).endswith("9 min left")  # 98 steps of 20 s, but 560 s of budget
    now[0] = 701.0
    assert ticker.spent()
    assert [duration(s) for s in (-3, 40, 3600 + 290)] == ["0 s", "40 s", "1 h 05 min"]


def test_the_curve_is_drawn_from_the_log_even_after_a_kill(tmp_path: Path) -> None:
    log = Log(tmp_path)
    row = {"accuracy": 95.0}
    log.add({"step": 0, "do_nothing": row})
    for step in range(20, 200, 20):
        log.add({"step": step, "loss": 1 / step, "seconds": step})
    log.add({"step": 100, "held_out": row})
    with log.path.open("a") as stream:
        stream.write('{"step": 20')
    log.rewind(100)
    assert max(line["step"] for line in log.lines()) == 100
    assert len(log.path.read_text().splitlines()) == 7
    curve(log)
    empty = tmp_path / "empty"
    empty.mkdir()
    curve(Log(empty))
    assert (tmp_path / "curve.png").read_bytes() != (empty / "curve.png").read_bytes()


def test_doing_nothing_is_judged_as_such() -> None:
    numbers, pictures = validate.judge(validate.do_nothing, [batch(0)])
    assert numbers["loss_eq1"] == pytest.approx(0, abs=1e-6)
    assert numbers["loss_lambda1"] == pytest.approx(0.04, abs=1e-6)
    assert numbers["accuracy"] == pytest.approx(80, abs=1e-3)
    assert numbers["psnr"] == numbers["psnr_skin"] == pytest.approx(13.98, abs=0.01)
    torch.testing.assert_close(pictures[0], batch(0).x[0], rtol=0, atol=1e-6)
    bare = replace(batch(0), skin=torch.zeros(2, 1, 32, 32))
    assert "psnr_skin" not in validate.judge(validate.do_nothing, [bare])[0]
