"""The loss of `studio`: nothing for a perfect prediction, and each term sees what it is there for."""

import math
from dataclasses import replace

import pytest
import torch

from model.data.synthesize.pairs import Pairs
from model.networks.studio import Prediction
from model.paper import equations
from model.training import losses

SHAPE = (2, 3, 64, 64)


def pairs(seed: int = 0) -> Pairs:
    generator = torch.Generator().manual_seed(seed)
    bl_x = torch.rand(SHAPE, generator=generator)
    bl_o = (bl_x * 0.8 + 0.05).clip(0, 1)
    one = torch.ones(2, 1, 64, 64)
    skin = torch.zeros(2, 1, 64, 64)
    skin[..., :32] = 1
    specular = torch.zeros(2, 1, 64, 64)
    specular[..., 20:24, 20:24] = 1
    theta, none = torch.eye(2, 3).repeat(2, 1, 1), torch.zeros(2, 1, 1, 1)
    return Pairs(bl_x, bl_o, bl_x, bl_o, one, skin, specular, 0.5 * skin, theta, one, none)


def prediction(given: Pairs, error: torch.Tensor | float = 0.0) -> Prediction:
    """The truth, off by `error` in BL(o); the maps at their best."""
    y = equations.target(given.bl_x, given.bl_o) + error / 2
    maps = (given.specular, given.shadow, given.person, given.skin)
    return Prediction(y, *(torch.logit(map, 1e-4) for map in maps))


def test_the_truth_costs_almost_nothing() -> None:
    given = pairs()
    least = float(losses.studio(prediction(given), given))
    constant = (
        losses.DEFAULT.relative * math.log(losses.FINE) + losses.DEFAULT.texture
    )  # the latter: x has no texture here
    # Rounding off, and the entropy of the soft shadow.
    assert least - constant < losses.SOFT + losses.DEFAULT.auxiliary * 0.8
    assert float(losses.studio(prediction(given, 0.1), given)) > least + 0.1


def test_an_error_counts_more_where_the_flash_shines() -> None:
    given = pairs()
    base, here, there = (torch.full(SHAPE, 0.1) for _ in range(3))
    here[..., 20:24, 20:24] = 0.3
    there[..., 40:44, 20:24] = 0.3
    none, on, off = (float(losses.studio(prediction(given, e), given)) for e in (base, here, there))
    assert on - none > 2 * (off - none) > 0


def test_the_skins_colour_is_its_mean_error() -> None:
    given = pairs()
    flicker = 0.1 * torch.ones(SHAPE)
    flicker[..., ::2] *= -1
    assert float(losses._colour(flicker, given.skin, losses.DEFAULT)) == pytest.approx(0, abs=1e-6)
    assert float(losses._colour(0.1 * torch.ones(SHAPE), given.skin, losses.DEFAULT)) == pytest.approx(0.1)
    lighter = losses._colour(-0.1 * torch.ones(SHAPE), given.skin, losses.DEFAULT)
    assert float(lighter) == pytest.approx(0.1 * losses.DEFAULT.too_light), "y darkens: less of it is lighter"
    redder = torch.tensor([-0.1, 0.05, 0.05]).view(1, 3, 1, 1).expand(SHAPE)
    assert float(losses._colour(redder, given.skin, losses.DEFAULT)) > 4 * 0.1, (
        "no changed complexion is forgiven"
    )
    aside = torch.zeros(SHAPE)
    aside[..., 32:] = 1
    assert float(losses._colour(aside, given.skin, losses.DEFAULT)) == 0


def test_halving_an_error_is_worth_the_same_for_every_picture() -> None:
    given = pairs()
    one, two, four = (float(losses._relative(e * torch.ones(SHAPE), given.skin)) for e in (0.1, 0.2, 0.4))
    assert two - one == pytest.approx(four - two, rel=0.02) == pytest.approx(math.log(4), rel=0.02)


def test_shine_that_is_left_costs_as_much_as_shine_taken_away_twice() -> None:
    given = pairs()
    t = equations.target(given.bl_x, given.bl_o)
    amounts = []
    for amount in (0.0, 0.5, 1.0, 1.5):  # of the flash: untouched, half, right, half too much
        error = 2 * ((0.5 + amount * (t - 0.5)) - t)
        amounts.append(float(losses._residual(error, t, given.skin)))
    assert amounts == pytest.approx([1, 0.5, 0, 0.5], abs=1e-5)
    untouched = 2 * (torch.full_like(t, 0.5) - t)
    assert float(losses._residual(untouched, t, torch.zeros_like(given.specular))) == 0
    assert 0 < float(losses._residual(untouched, t, given.specular)) < 0.5, "a speck counts less"


def test_light_may_change_over_the_skin_but_texture_must_stay() -> None:
    given = pairs()
    texture = 0.05 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    flat = torch.full(SHAPE, 0.5)
    given = replace(given, x=flat + texture, bl_x=flat)
    ramp = torch.linspace(-0.3, 0.3, 64).expand(SHAPE)
    assert float(losses._texture(ramp, given)) == pytest.approx(0, abs=0.01)
    assert float(losses._texture(-0.9 * texture, given)) > 0.1
    aside = torch.where(torch.arange(64) >= 32, -0.9 * texture, torch.zeros(SHAPE))
    assert float(losses._texture(aside, given)) < 0.01, "nothing but skin counts"
    clipped = replace(given, x=given.x + 0.6)
    assert float(losses._texture(-0.9 * texture, clipped)) == pytest.approx(1), "nor what holds no texture"


def test_maps_may_be_smaller_than_the_truth() -> None:
    given = pairs()
    wrong = prediction(given)._replace(shadow=torch.full((2, 1, 32, 32), 8.0))
    small = prediction(given)._replace(
        shadow=torch.logit(torch.nn.functional.avg_pool2d(given.shadow, 2), 1e-4)
    )
    assert float(losses.studio(small, given)) < float(losses.studio(wrong, given))


def test_nothing_counts_outside_the_photograph() -> None:
    given = pairs()
    weight = given.weight.clone()
    weight[..., 48:, :] = 0
    cut = replace(given, weight=weight, skin=given.skin * (weight > 0))
    error = torch.zeros(SHAPE)
    error[..., 50:, :] = 0.3
    assert float(losses.studio(prediction(cut, error), cut)) == pytest.approx(
        float(losses.studio(prediction(cut), cut)), abs=1e-6
    )
