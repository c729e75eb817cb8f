"""The synthetic flash: geometry against closed forms, physics, and the same pairs for the same seed."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from model.data.synthesize import albedo, cache, pairs
from model.data.synthesize.camera import compress
from model.data.synthesize.flash import CAST_SHARE, CLEAN_SHARE, JUDGED, TRAINING, Mix, named, sample
from model.data.synthesize.geometry import FaceModel, draw, fit, vertex_normals
from model.data.synthesize.light import Surface, render, self_shadow
from model.data.synthesize.maps import COUNT, PLANES
from model.data.synthesize.portraits import Portrait
from model.data.synthesize.scene import place, whole
from model.data.synthesize.target import matte
from model.paper.colour import decode_srgb, encode_srgb

from . import made

SIZE = 512


def sphere(rows: int = 60, columns: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of a unit sphere (y up) and its triangles, seen from outside counter-clockwise."""
    theta, phi = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    points = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], -1)
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]
    triangles = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return points.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32)


@pytest.fixture(scope="module")
def head() -> FaceModel:
    """An egg with 68 landmarks on its front and five ways to deform it."""
    points, triangles = sphere()
    points = points * np.array([7, 10, 8], np.float32)
    rng = np.random.default_rng(0)
    waves = [np.sin(points @ rng.normal(0, 0.3, (3, 3))) for _ in range(6)]
    front = np.flatnonzero((points[:, 2] > 3) & (np.abs(points[:, 1]) < 7))
    landmarks = front[np.linspace(0, len(front) - 1, 68).astype(int)].astype(np.int32)
    left, right = front[points[front, 0] < -2], front[points[front, 0] > 2]
    landmarks[36:42], landmarks[42:48] = left[:6], right[:6]
    modes = np.stack(waves).astype(np.float32)
    return FaceModel(points, triangles, modes, 4, landmarks, np.zeros(len(points), np.float32))


def test_fit_finds_a_known_pose(head: FaceModel) -> None:
    turned = head.neutral @ Rotation.from_euler("yxz", [12, -6, 8], degrees=True).as_matrix().T
    pixels = turned[:, :2] * [16, -16] + [250, 240]
    found = fit(head, pixels[head.landmarks])
    assert found.error < 0.01
    assert found.scale == pytest.approx(16, rel=0.05)
    away = np.linalg.norm(found.vertices[head.landmarks, :2] - pixels[head.landmarks], axis=1)
    assert np.median(away) < 1.0


def test_a_sphere_is_drawn_with_its_normals_and_depth() -> None:
    points, triangles = sphere()
    pixels = points * np.array([100, -100, 10], np.float32) + np.array([256, 250, 0], np.float32)
    normals = vertex_normals(pixels, triangles, scale=10.0)
    values, seen = draw(pixels, triangles, np.concatenate([normals, pixels[:, 2:]], axis=1), SIZE)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    nx, ny = (x - 256) / 100, (y - 250) / 100
    inside = nx**2 + ny**2 < 0.9
    assert seen[inside].all() and not seen[nx**2 + ny**2 > 1.02].any()
    nz = np.sqrt((1 - nx**2 - ny**2).clip(0))
    expected = np.stack([nx, ny, nz], axis=-1)[inside]
    assert np.abs(values[inside][:, :3] - expected).max() < 0.06
    assert np.abs(values[inside][:, 3] - 10 * nz[inside]).max() < 0.3


def plane_surface(n: int = 1, size: int = 64, z: float = 0.0) -> Surface:
    """A grey wall of skin that faces the camera at depth z."""
    full = torch.ones(n, 1, size, size)
    at = torch.linspace(-2, 2, size)
    xy = torch.stack(torch.meshgrid(at, at, indexing="xy"))[None].expand(n, 2, size, size)
    return Surface(
        albedo=0.3 * full.expand(-1, 3, -1, -1),
        background=0.5 * full.expand(-1, 3, -1, -1),
        normal=torch.cat([0 * full, 0 * full, full], dim=1),
        position=torch.cat([xy, z * full], dim=1),
        person=full,
        skin=full,
        tone=full,
        shine=full,
        light=full,
        key=full,
        wall_shadow=0 * full,
        pixels=torch.full((n, 1, 1, 1), 16.0),
        shrink=1,
    )


def quiet_flash(n: int = 1, **changes: float):
    """A flash at 40 cm without ambient light, shine or colour."""
    flash = sample(torch.full((n,), 0.6), torch.Generator().manual_seed(0))
    one = torch.ones(n, 1, 1, 1)
    values = {"distance": 40, "wall": 100, "lambert": 1, "oil": 0, "ambient": 0, "ambient_wall": 0, **changes}
    fields = asdict(flash)
    fields.update({name: value * one for name, value in values.items()})
    fields["flash_colour"] = fields["darken"] = torch.ones(n, 3, 1, 1)
    return type(flash)(**fields)


def centre(picture: torch.Tensor) -> float:
    return float(picture[0, :, 28:36, 28:36].mean())


def test_light_falls_off_with_the_square_of_the_distance() -> None:
    near = render(plane_surface(z=0.0), quiet_flash(), torch.ones(1, 1, 64, 64)).radiance
    far = render(plane_surface(z=-40.0), quiet_flash(), torch.ones(1, 1, 64, 64)).radiance
    assert centre(near) == pytest.approx(0.3, rel=0.02)
    assert centre(far) / centre(near) == pytest.approx(0.25, rel=0.02)


def test_shine_does_not_depend_on_the_skins_colour() -> None:
    light, dark = plane_surface(), plane_surface()
    dark = Surface(**{**dark.__dict__, "albedo": dark.albedo / 6})
    noise = torch.ones(1, 1, 64, 64)
    gained = [
        centre(render(s, quiet_flash(oil=2.0), noise).radiance)
        - centre(render(s, quiet_flash(), noise).radiance)
        for s in (light, dark)
    ]
    assert gained[0] > 0.02
    assert gained[0] == pytest.approx(gained[1], rel=1e-4)


def test_a_step_casts_a_shadow_away_from_the_flash() -> None:
    surface = plane_surface()
    position = surface.position.clone()
    position[:, 2, :, :32] = 8.0  # a block on the left, 8 cm nearer
    flash = quiet_flash()
    flash = type(flash)(**{**flash.__dict__, "offset": torch.tensor([[-2.0, 0.0]])})
    shadow = self_shadow(Surface(**{**surface.__dict__, "position": position}), flash)
    assert float(shadow[..., 20:44, 33:36].mean()) > 0.8
    assert float(shadow[..., 20:44, 50:].max()) < 0.1
    assert float(shadow[..., 20:44, 4:28].max()) < 0.1


def test_shine_of_the_portrait_itself_is_damped() -> None:
    rgb = np.full((96, 96, 3), 0.3, np.float32)
    rgb[40:56, 40:56] = 0.7
    skin = np.ones((96, 96), np.float32)
    done = matte(rgb, skin)
    assert 0.35 < done[48, 48, 0] < 0.55
    np.testing.assert_allclose(done[5, 5], 0.3, atol=1e-3)


def test_transfer_curve_round_trip_on_arrays_and_tensors() -> None:
    srgb = np.linspace(0, 1, 101, dtype=np.float64)
    np.testing.assert_allclose(encode_srgb(decode_srgb(srgb)), srgb, atol=1e-6)
    assert float(decode_srgb(torch.tensor(0.5))) == pytest.approx(0.21404, abs=1e-4)


def test_people_are_held_out_by_name_alone() -> None:
    many = [Portrait(f"{i}.jpg", "x", f"person_{i // 2}") for i in range(2000)]
    share = np.mean([portrait.held_out for portrait in many])
    assert 0.16 < share < 0.24
    assert all(a.held_out == b.held_out for a, b in zip(many[::2], many[1::2], strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with two round people."""
    folder = tmp_path_factory.mktemp("maps")
    known = []
    for number, colour in enumerate([(200, 160, 140), (110, 80, 65)]):
        np.save(folder / f"p{number}.npy", made.round_person(colour))
        lightness = round(float(np.mean(colour)) / 255, 4)
        known.append(cache.Entry(f"p{number}", "pif", f"p{number}", False, 16.0, lightness))
    (folder / cache.INDEX).write_text(json.dumps([asdict(entry) for entry in known]))
    return folder


def test_the_same_seed_gives_the_same_pairs(folder: Path) -> None:
    known = cache.entries(folder)
    one, two, other = (pairs.draw(folder, known, 3, 96, seed) for seed in ([1, 5], [1, 5], [1, 6]))
    for name in ("x", "o", "bl_x", "bl_o", "weight", "skin"):
        a = getattr(one, name)
        assert a.shape[0] == 3 and a.shape[2:] == (96, 96)
        assert torch.isfinite(a).all()
        assert torch.equal(a, getattr(two, name))
    assert float(one.x.min()) >= 0 and float(one.x.max()) <= 1
    assert not torch.equal(one.x, other.x)


def test_the_background_is_not_to_be_changed(folder: Path) -> None:
    known = cache.entries(folder)
    pair = pairs.fixed(folder, known, known[:1], [3, 1], JUDGED).pairs()
    difference = (pair.x - pair.o).abs().mean(dim=1)[0]
    face = pair.skin[0, 0] > 0.5
    assert float(difference[:40].max()) < 1e-6
    assert face.any() and float(difference[face].mean()) > float(difference[:40].mean())


def test_without_a_flash_nothing_is_to_be_changed(folder: Path) -> None:
    known = cache.entries(folder)
    kinds = []
    for seed in range(8):
        pair = pairs.fixed(folder, known, known[:1], [3, seed], Mix(identity=1.0)).pairs()
        assert not pair.specular.any() and not pair.shadow.any()
        kinds.append(torch.equal(pair.x, pair.o))
        if not kinds[-1]:  # a colour cast: nothing else is to go
            inside = pair.skin[0, 0] > 0.5
            ratio = (
                decode_srgb(pair.x)[0].mean(0)[inside].median()
                / decode_srgb(pair.o)[0].mean(0)[inside].median()
            )
            assert float(ratio) == pytest.approx(1, abs=0.2)
    assert 0 < sum(kinds) < len(kinds)


def test_the_cameras_traces_do_not_tell_whether_there_was_a_flash() -> None:
    flash = sample(torch.full((4000,), 0.6), torch.Generator().manual_seed(1), Mix(identity=0.5))
    lit = flash.identity[:, 0, 0, 0] > 0
    assert (flash.gamma[lit] == 1).all() and (flash.curve[lit] == 0).all()
    assert (flash.compression[lit] == 0).all()
    plain = (flash.balance == 1).all(dim=1)[:, 0, 0]
    assert not plain[~lit].any() and float(plain[lit].float().mean()) == pytest.approx(
        1 - CAST_SHARE, abs=0.05
    )
    for share in (flash.jpeg == 100, flash.read_noise[:, 0, 0, 0] == 0, flash.blur[:, 0] == 0):
        with_flash, without = (float(share[chosen].float().mean()) for chosen in (~lit, lit))
        assert with_flash == pytest.approx(CLEAN_SHARE, abs=0.05)
        assert without == pytest.approx(CLEAN_SHARE, abs=0.05)


def test_nobody_is_trained_on_with_one_skin_only() -> None:
    skin, tone = torch.full((4000,), 0.6), TRAINING.tone
    drawn = [sample(skin, torch.Generator().manual_seed(1), Mix(darker=0, tone=t)).darken for t in (tone, 0)]
    spread = drawn[0].log().std(dim=0).flatten()
    assert float(spread[1]) == pytest.approx(tone, rel=0.15)
    assert spread[0] < spread[1] < spread[2], "less melanin changes red least and blue most"
    assert float(drawn[0].log().mean()) == pytest.approx(0, abs=0.02)
    assert (drawn[1] == 1).all() and JUDGED.tone == 0


def test_faces_are_wider_and_longer_than_they_are() -> None:
    placed = place([16.0] * 400, 256, np.random.default_rng(4), 2)
    wide = placed.theta[:, 0, :2].norm(dim=1) / placed.theta[:, :, :2].det().abs().sqrt()
    assert float(wide.log().std()) > 0.02 and float(wide.log().abs().max()) < 0.11


def test_shrunken_maps_follow_the_maps(tmp_path: Path) -> None:
    for level in (10, 200):
        np.save(tmp_path / "p.npy", np.full((SIZE, SIZE, COUNT), level, np.uint8))
        assert (cache.planes(tmp_path, "p", 2) == level).all()
        assert cache.planes(tmp_path, "p", 2).shape == (SIZE // 2, SIZE // 2, COUNT)


def test_maps_of_another_version_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.zeros((SIZE, SIZE, COUNT - 2), np.uint8))
    for shrink in (1, 2):
        with pytest.raises(ValueError, match="make the cache anew"):
            cache.planes(tmp_path, "p", shrink)


def test_darker_people_are_drawn_more_often(folder: Path) -> None:
    light, dark = pairs.weights(cache.entries(folder))
    assert dark > 2 * light


def test_crops_keep_the_scale_and_turn_normals_with_the_picture() -> None:
    placing = place([16.0] * 64, 128, np.random.default_rng(2))
    eye = torch.eye(2).expand(64, 2, 2)
    torch.testing.assert_close(placing.turn @ placing.turn.transpose(1, 2), eye, atol=1e-5, rtol=0)
    assert (placing.turn.det() < 0).any() and (placing.turn.det() > 0).any()
    pixels = placing.theta[:, :, :2].det().abs().sqrt() * SIZE / 128  # 512-crop pixels per crop pixel
    assert float(pixels.min()) > 0.85 and float(pixels.max()) < 1.15
    at_eyes = torch.einsum("nij,nj->ni", placing.theta[:, :, :2], placing.eyes * 2 / 128 - 1)
    source = (at_eyes + placing.theta[:, :, 2] + 1) * SIZE / 2
    torch.testing.assert_close(source, whole([16.0] * 64).eyes, atol=0.05, rtol=0)


def test_a_phone_evens_out_areas_and_keeps_details() -> None:
    flash = sample(torch.full((2,), 0.6), torch.Generator().manual_seed(1), Mix(identity=0.0))
    flash = replace(flash, compression=torch.tensor([0.0, 0.5]).view(2, 1, 1, 1))
    exposed = torch.full((2, 3, 64, 64), 0.4)
    exposed[..., 32:] = 0.05
    fine = 1 + 0.1 * (torch.arange(64) % 2)
    same, evened = compress(exposed * fine, flash)
    assert torch.equal(same, (exposed * fine)[0])
    assert float(evened[0, 0, 8] / evened[0, 0, 56]) == pytest.approx(8**0.5, rel=0.05)
    assert float(evened[0, 0, 9] / evened[0, 0, 8]) == pytest.approx(1.1, rel=0.01)


def test_the_portraits_own_light_is_found_and_taken_off() -> None:
    planes = made.round_person((150, 110, 90))
    normal = planes[..., PLANES["normal"]] / np.float32(127.5) - 1
    skin = planes[..., PLANES["skin"]][..., 0] / np.float32(255)
    light = (1 + 0.35 * normal[..., :1] - 0.25 * normal[..., 1:2]).clip(0.3)
    flat = decode_srgb(planes[..., PLANES["studio"]].astype(np.float32) / 255)
    lit = (encode_srgb(flat * light).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    own = albedo.own_light(lit, normal, skin, skin)
    sure = skin > 0.99
    before = decode_srgb(lit.astype(np.float32) / 255)[..., 0]
    left = before / own.light
    assert own.residual < albedo.WELL
    assert np.log(left[sure]).std() < 0.35 * np.log(before[sure]).std()
    assert left[sure].mean() == pytest.approx(before[sure].mean(), rel=0.1), "not lighter or darker"
    assert own.light[0, 0] == 1, "nothing is known off the skin"


def test_one_key_light_comes_from_above_and_is_the_same_on_both_sides() -> None:
    planes = made.round_person((150, 110, 90))
    normal = planes[..., PLANES["normal"]] / np.float32(127.5) - 1
    skin = planes[..., PLANES["skin"]][..., 0] / np.float32(255)
    key = albedo.key_light(normal, skin, skin)
    assert key[140, 256] > 1.1 * key[400, 256]
    np.testing.assert_allclose(key[260, 160:250], key[260, 352:262:-1], atol=0.02)
    assert key[skin > 0.8].mean() == pytest.approx(1, abs=0.02)


def test_the_target_keeps_the_photographs_complexion_unless_it_is_a_leds() -> None:
    size = 24
    flash = sample(torch.full((2,), 0.6), torch.Generator().manual_seed(0), named("real"))
    flash = replace(flash, led=torch.tensor([0.0, 1.0]).view(2, 1, 1, 1))
    x = torch.tensor([0.62, 0.50, 0.36]).view(1, 3, 1, 1).expand(2, 3, size, size)
    o = torch.tensor([0.55, 0.42, 0.38]).view(1, 3, 1, 1).expand(2, 3, size, size)
    bare = torch.ones(2, 1, size, size, dtype=torch.bool)
    mix = replace(named("real"), exposure_tie=1.0, hue_tie=1.0, led_hue_tie=0.0, lift=0.0)
    kept, led = encode_srgb(decode_srgb(o) * pairs.complexion(x, o, bare, flash, mix))
    torch.testing.assert_close(kept, x[0], atol=0.01, rtol=0)
    assert float((led - x[1]).abs().max()) > 0.04, "its cast is not kept"
    lifted = encode_srgb(decode_srgb(o) * pairs.complexion(x, o, bare, flash, replace(mix, lift=3.0)))[0]
    before, after = (
        cv2.cvtColor(each[:, :1, :1].permute(1, 2, 0).contiguous().numpy(), cv2.COLOR_RGB2Lab)[0, 0]
        for each in (x[0], lifted)
    )
    np.testing.assert_allclose(after - before, [3, 0, 0], atol=0.3)
    burnt = pairs.complexion(torch.ones_like(x), o, bare, flash, mix)
    torch.testing.assert_close(burnt, torch.ones_like(burnt)), "burnt out skin tells nothing"


def test_a_mix_is_checked() -> None:
    assert named("hard") == Mix(identity=0.0, lambert=(0.75, 1.6), compressed=0.0, darker=0.28, tone=0.0)
    wrong: list[tuple[dict[str, object], str]] = [
        ({"lambart": 1}, "no lambart"),
        ({"lambert": 1}, "highest"),
        ({"lambert": [2, 1]}, "lowest comes first"),
        ({"led": [0, 1]}, "a number"),
        ({"led": True}, "a number"),
    ]
    for table, told in wrong:
        with pytest.raises(ValueError, match=told):
            Mix.of(table)
    with pytest.raises(ValueError, match="first, hard, real"):
        named("soft")
    assert named("still") == replace(named("real"), identity=1.0)


def test_the_judged_flashes_are_the_hard_ones() -> None:
    flash = sample(torch.full((500,), 0.6), torch.Generator().manual_seed(1), JUDGED)
    assert not flash.identity.any() and not flash.compression.any()
    assert float(flash.lambert.min()) >= 0.75 and float(flash.lambert.max()) <= 1.6
