"""Our own network: small, does nothing before it has learnt, and says light rather than texture."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from model.networks.registry import count_parameters
from model.networks.studio import (
    COARSE,
    GAIN_RANGE,
    KEEP_SERVED,
    RADIUS,
    RARE,
    SHINE_WEIGHT,
    UNCERTAINTY,
    Studio,
    encoded,
    relit,
    shrunk,
    without_texture,
)
from model.training import checkpoint

from . import made


def test_parameters() -> None:
    network = Studio()
    assert count_parameters(network) <= 10_000_000
    assert count_parameters(network.whole) == 2 * (256 * 256 + 256)
    assert count_parameters(network.head) == 16 * 32 * 9 + 32


@torch.no_grad()
def test_shapes_and_a_start_that_does_nothing() -> None:
    network = Studio().eval()
    image = torch.rand(2, 3, 128, 64, generator=torch.Generator().manual_seed(1))
    prediction = network.predict(image)
    torch.testing.assert_close(prediction.y, torch.full_like(image, 0.5))
    assert prediction.specular.shape == prediction.shadow.shape == (2, 1, 64, 32)
    torch.testing.assert_close(prediction.specular, torch.full_like(prediction.specular, RARE))
    assert network.predict(image, 1).specular.shape == (2, 1, 128, 64)
    torch.testing.assert_close(network(image), prediction.y)


@torch.no_grad()
def test_a_mirrored_picture_gets_the_same_light_mirrored() -> None:
    network = made.network("studio")
    image = made.pictures(2, 128)
    y = network(image)
    torch.testing.assert_close(network(image.flip(-1)).flip(-1), y, atol=1e-5, rtol=0)
    alone = network.predict(image).y
    assert float((alone - y).abs().mean()) > 1e-4, "one way alone is something else"
    gains = network.body(image)[2]
    assert gains.shape == (4, 3) and float(gains.std(dim=0).min()) > 1e-3, "each picture has its own"
    for i in range(2):
        torch.testing.assert_close(network(image[i : i + 1]), y[i : i + 1], atol=1e-5, rtol=0)


@torch.no_grad()
def test_person_and_skin_are_told_too_and_mirror_with_the_picture() -> None:
    network = made.network("studio")
    image = made.pictures(2, 128)
    told, mirrored = network.answer(image), network.answer(image.flip(-1))
    assert told.person.shape == told.skin.shape == (2, 1, 16, 16) and told.shine.shape == (2, 1, 64, 64)
    for name in ("person", "skin", "shine"):
        there, back = getattr(told, name), getattr(mirrored, name)
        assert 0 <= float(there.min()) < float(there.max()) <= 1
        torch.testing.assert_close(back.flip(-1), there, atol=1e-5, rtol=0)
    torch.testing.assert_close(network(image), told.y)
    assert network.predict(image).person.shape == (2, 1, 16, 16)


def test_weights_from_before_there_were_mattes_can_be_started_from(tmp_path: Path) -> None:
    older = {name: value for name, value in Studio().state_dict().items() if not name.startswith("mattes.")}
    save_file({name: value.contiguous() for name, value in older.items()}, tmp_path / "older.safetensors")
    checkpoint.start(Studio(), tmp_path / "older.safetensors")
    del older["stem.0.weight"]
    save_file({name: value.contiguous() for name, value in older.items()}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="does not fit"):
        checkpoint.start(Studio(), tmp_path / "other.safetensors")


@torch.no_grad()
def test_the_light_is_the_mean_of_two_sizes_and_is_evened_out_where_nothing_shines() -> None:
    network = made.network("studio")
    torch.nn.init.zeros_(network.colour.last.weight)
    torch.nn.init.zeros_(network.colour.last.bias)
    image = made.pictures(1, 128)
    small = F.avg_pool2d(image, 2)
    looks = [network.features(side) for side in (small, small.flip(-1))]
    larger = F.interpolate(small, (96, 96), mode="bilinear")
    for picture in (larger, larger.flip(-1)):
        looks.append(F.interpolate(network.features(picture), (32, 32), mode="bilinear"))
    there, back, large, turned = (network.decode(look) for look in looks)
    outputs = (there + large + back.flip(-1) + turned.flip(-1)) / 4
    light = F.interpolate(outputs[:, :6], scale_factor=2.0, mode="bilinear")
    keep = KEEP_SERVED / (1 + SHINE_WEIGHT * F.avg_pool2d(outputs[:, 6:7].sigmoid(), COARSE))
    expected = encoded(shrunk(without_texture(relit(image, light) - image, keep=keep)))
    torch.testing.assert_close(network(image), expected, atol=1e-5, rtol=0)


def test_light_is_a_gain_and_an_offset() -> None:
    image = torch.tensor([0.0, 0.2, 0.9]).view(1, 3, 1, 1)
    light = torch.zeros(1, 6, 1, 1)
    light[:, :3] = torch.tensor(2.0).log()
    light[:, 5] = -0.1
    low_pass = relit(image, light)
    torch.testing.assert_close(low_pass.flatten(), torch.tensor([0.0, 0.4, 1.0]))
    torch.testing.assert_close(image - 2 * encoded(low_pass - image) + 1, low_pass)  # eq. (2)
    light[:, :3] = 99
    assert float(relit(image, light)[0, 1]) <= 0.2 * torch.tensor(GAIN_RANGE).exp() + 1e-6


def test_a_change_loses_its_texture_and_keeps_its_steps() -> None:
    generator = torch.Generator().manual_seed(1)
    step = torch.zeros(1, 3, 96, 96)
    step[..., 48:] = 0.6
    for shrink in (1, 2):
        flat = without_texture(step + 0.01 * torch.randn(step.shape, generator=generator), shrink)
        far = 2 * RADIUS * COARSE * shrink
        for side in (slice(0, 48 - far), slice(48 + far, None)):
            assert float(flat[..., side].std()) < 0.003
        kept = without_texture(step, shrink)
        assert float((kept - step).abs().max()) < 0.15 * 0.6
        constant = torch.full_like(step, -0.3)
        torch.testing.assert_close(without_texture(constant, shrink), constant)


def test_where_the_flash_shines_a_change_keeps_its_steps() -> None:
    step = torch.zeros(1, 3, 96, 96)
    step[..., 48:] = -0.15
    shine = torch.zeros(1, 1, 24, 24)
    shine[..., 12:, :] = 0.3  # in the lower half
    change = without_texture(step, keep=KEEP_SERVED / (1 + SHINE_WEIGHT * shine))
    off = (change - step).abs()
    assert float(off[..., 80:, :].max()) < 0.02 < 0.05 < float(off[..., :16, :].max())


def test_a_small_change_is_withheld_whatever_its_colour_and_a_large_one_stays() -> None:
    small, large = torch.tensor([0.002, -0.001, 0.003]), torch.tensor([-0.2, -0.1, -0.3])
    for change, least, most in ((small, 0.0, 0.04), (large, 0.99, 1.0)):
        share = shrunk(change.view(1, 3, 1, 1)).flatten() / change
        assert bool(((share >= least) & (share <= most)).all())
        torch.testing.assert_close(share, share[:1].expand(3))  # the same of every channel: no other hue
    middle = torch.full((1, 3, 1, 1), UNCERTAINTY)
    torch.testing.assert_close(shrunk(middle), middle / 2)
