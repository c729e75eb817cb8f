"""What a flash leaves beside the skin: in eyes, on lips, in hair, in the photograph and in the target."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data.synthesize import cache, flash, highlights, pairs
from model.data.synthesize.maps import PLANES
from model.data.synthesize.scene import EYES
from tests.model.made import round_person

SCALE = 16.0  # pixels per cm
PUPILS = ((256.0 - 50, 236.0), (256.0 + 50, 236.0))
ALL, NONE = (replace(flash.named("real"), highlights=share, identity=0.0) for share in (1.0, 0.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person with eyes, lips and, beyond an ellipse, hair: none of them bare skin."""
    made = tmp_path_factory.mktemp("cache")
    planes = round_person((200, 160, 140))
    y, x = np.mgrid[:512, :512]
    lips = np.hypot((x - EYES[0]) / 40, (y - EYES[1] - 6.6 * SCALE) / 14) < 1
    hair = np.hypot((x - EYES[0]) / 112, (y - EYES[1] - 40) / 160) > 1
    planes[..., PLANES["skin"]][lips | hair] = 0
    planes[..., PLANES["tone"]][hair] = 0
    np.save(made / "a.npy", planes)
    return made


def entry(eyes: bool = True) -> cache.Entry:
    return cache.Entry("a", "pif", "a", False, SCALE, 0.65, eyes=tuple((*at, 7.0) for at in PUPILS) * eyes)


def photographs(folder: Path, seed: int, mix: flash.Mix = ALL, eyes: bool = True) -> pairs.Photographs:
    known = [entry(eyes)]
    return pairs.fixed(folder, known, known, [seed], mix=mix)


def test_eyes_lips_and_hair_have_them_and_skin_has_none(folder: Path) -> None:
    kept = torch.stack([photographs(folder, seed).kept[0].amax(0) for seed in range(4)]).amax(0)
    for x, y in PUPILS:
        assert kept[int(y), int(x)] > 0.3
    assert kept[236 + 106, 256] > 0.003, "lips"
    assert kept[200, 256 - 128] > 0.005 and kept[200, 256 + 128] > 0.005, "hair"
    for x, y in ((256, 300), (200, 290), (256, 160), (PUPILS[0][0], 236 + 12)):
        assert kept[int(y), int(x)] == 0


def test_the_flash_without_them_stays_as_it_was(folder: Path) -> None:
    with_them, without = photographs(folder, 3), photographs(folder, 3, NONE)
    assert torch.equal(with_them.light.radiance, without.light.radiance)
    assert not without.kept.any() and with_them.kept.any()
    bare = with_them.scene.skin[0, 0] > 0.99
    bare[220:252] = False  # beside the eyes: the camera blurs
    bare[320:364] = False
    difference = (with_them.x - without.x)[0].abs().amax(0)
    assert float(difference[bare].quantile(0.9)) < 0.02 < float(difference.max())


def test_lips_keep_a_part_and_eyes_all_of_it_in_the_target(folder: Path) -> None:
    for seed in range(4):
        shot = photographs(folder, seed)
        drawn = shot.pairs()
        eyes = drawn.o[0, :, 236, 206]
        assert float(eyes.max()) >= 0.8 * float(drawn.x[0, :, 236, 206].max())


def test_eyes_that_are_not_known_get_no_points_of_light(folder: Path) -> None:
    kept = torch.stack([photographs(folder, seed, eyes=False).kept[0] for seed in range(4)])
    assert not kept[:, :, 226:246, 196:216].any()


def test_a_share_of_the_flashes_has_them() -> None:
    from model.data.synthesize.scene import whole

    drawn = highlights.sample(400, 0.5, whole([SCALE] * 400, 4), torch.Generator().manual_seed(5))
    for part in (drawn.point, drawn.wet, drawn.hair):
        assert 0.4 < float((part > 0).float().mean()) < 0.6
    assert 0 < float((drawn.pupil > 0).float().mean()) < 0.08


def test_points_follow_the_eyes_into_turned_and_mirrored_crops(folder: Path) -> None:
    """In training crops the light in the eyes lies where the crop shows them."""
    from model.data.synthesize.scene import place

    placing = place([SCALE] * 12, 128, np.random.default_rng(1), 2)
    inverse = torch.linalg.inv(torch.cat([placing.theta, torch.tensor([[[0.0, 0, 1]]]).expand(12, 1, 3)], 1))
    for number in range(12):
        x, y = PUPILS[0]
        point = inverse[number] @ torch.tensor([2 * x / 512 - 1, 2 * y / 512 - 1, 1.0])
        expected = (point[:2] + 1) * 64
        torch.testing.assert_close(placing.crop_pixel(number, x, y), expected, atol=1e-3, rtol=0)
