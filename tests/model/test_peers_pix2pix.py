"""Pix2Pix: sizes as published, noise, the patch that the discriminator sees, and the two players."""

import pytest
import torch

from model.networks import pix2pix
from model.networks.registry import count_parameters

from . import made


def test_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        full, half = pix2pix.Generator(), pix2pix.Generator(pix2pix.HALF)
        critic = pix2pix.Discriminator()
    assert 54.3e6 < count_parameters(full) < 54.5e6
    assert 13.5e6 < count_parameters(half) < 13.7e6
    assert 2.7e6 < count_parameters(critic) < 2.8e6


def test_noise_stays_at_test_time_and_nothing_else_changes() -> None:
    torch.manual_seed(1)
    network = pix2pix.Generator(4).eval()
    x = made.pictures(1, 256)
    with torch.no_grad():
        torch.manual_seed(2)
        one, other = network(x), network(x)
        torch.manual_seed(2)
        again = network(x)
    assert one.shape == x.shape and one.min() >= 0 and one.max() <= 1
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_a_logit_sees_seventy_pixels() -> None:
    """Instance norm sees the whole picture, so it is left out of what is measured."""
    torch.manual_seed(3)
    critic = pix2pix.Discriminator(4)
    patches = torch.nn.Sequential(
        *(layer for layer in critic.layers if not isinstance(layer, torch.nn.InstanceNorm2d))
    )
    pictures = torch.rand(1, 6, 256, 256, requires_grad=True)
    logits = patches(pictures)
    assert logits.shape == (1, 1, 30, 30)
    logits[0, 0, 15, 15].backward()
    assert pictures.grad is not None
    seen = pictures.grad.abs().sum((0, 1)) > 0
    assert seen.any(0).sum() == seen.any(1).sum() == 70


def test_each_player_learns_by_its_own_loss() -> None:
    torch.manual_seed(4)
    critic, x, o = pix2pix.Discriminator(4), made.pictures(1, 128), made.pictures(1, 128) ** 2
    o_hat = (0.8 * o).requires_grad_(True)
    valid = torch.ones(1, 1, 128, 128)
    found = pix2pix.losses(critic, x, o, o_hat, valid)
    (generator,) = torch.autograd.grad(found.generator, o_hat, retain_graph=True)
    assert (generator[o > 0.05] < 0).float().mean() > 0.9, "too dark: the way down the loss is up"
    with pytest.raises(RuntimeError):
        torch.autograd.grad(found.discriminator, o_hat)


def test_the_critic_learns_to_tell_a_dull_copy() -> None:
    torch.manual_seed(5)
    critic, x = pix2pix.Discriminator(8), made.pictures(2, 128)
    o = (x + 0.1 * torch.randn(x.shape)).clip(0, 1)
    optimiser = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.999))
    valid = torch.ones(2, 1, 128, 128)
    first = last = 0.0
    for step in range(40):
        loss = pix2pix.losses(critic, x, o, x, valid).discriminator
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        first, last = (float(loss.detach()) if step == 0 else first), float(loss.detach())
    assert last < 0.5 * first


def test_pixels_outside_the_picture_count_for_nothing() -> None:
    torch.manual_seed(6)
    critic, x, o = pix2pix.Discriminator(4), made.pictures(1, 128), made.pictures(1, 128) ** 2
    valid = torch.ones(1, 1, 128, 128)
    valid[..., :40] = 0
    o_hat, changed = o * 0.9, o * 0.9
    changed = changed.clone()
    changed[..., :40] = 1
    one, other = (pix2pix.losses(critic, x, o, picture, valid) for picture in (o_hat, changed))
    assert torch.equal(one.generator, other.generator)
