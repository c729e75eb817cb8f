"""Turned heads, reflections on glasses, and the hand that moves between two photographs."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from model.data.synthesize import cache, extras
from model.data.synthesize.maps import COUNT, DEPTH_MIN, DEPTH_STEP, PLANES

SIZE = 128
SCALE = 4.0  # pixels per cm


def flat(depth: float, mark: int) -> torch.Tensor:
    """Maps of a board that faces the camera, `depth` cm before the eyes, with a vertical line on it."""
    maps = torch.zeros(1, COUNT, SIZE, SIZE)
    maps[:, PLANES["depth"]] = (depth - DEPTH_MIN) / DEPTH_STEP
    maps[:, PLANES["normal"]] = torch.tensor([127.5, 127.5, 255.0]).view(3, 1, 1)
    maps[:, PLANES["valid"]] = 255
    maps[:, PLANES["studio"], :, mark] = 255
    return maps


def turned(depth: float, mark: int, yaw: float) -> torch.Tensor:
    return extras.turn_heads(flat(depth, mark), torch.tensor([SCALE]), torch.tensor([yaw]))


def test_what_lies_nearer_moves_further_when_a_head_turns() -> None:
    yaw = torch.tensor(0.25)
    for ahead in (-6.0, 0.0, 6.0):
        seen = turned(extras.PIVOT + ahead, 72, 0.25)[0, 0, 64]
        at = float((seen * torch.arange(SIZE)).sum() / seen.sum()) + 0.5
        expected = 64 + 8.5 * yaw.cos() + ahead * SCALE * yaw.sin()
        assert at == pytest.approx(float(expected), abs=0.3)


def test_normals_and_depth_turn_with_the_head() -> None:
    maps = turned(extras.PIVOT, 64, 0.25)
    normal = maps[0, PLANES["normal"], 64, 80] / 127.5 - 1
    torch.testing.assert_close(
        normal,
        torch.tensor([0.25]).sin() * torch.tensor([1.0, 0, 0]) + torch.tensor([0, 0, 0.9689]),
        atol=0.01,
        rtol=0,
    )
    depth = maps[0, PLANES["depth"]][0, 64] * DEPTH_STEP + DEPTH_MIN
    assert float(depth[100] - depth[28]) == pytest.approx(
        -72 / SCALE * 0.2553, abs=0.3
    )  # tan: seen from the side


def test_heads_that_are_not_turned_stay_as_they_are() -> None:
    maps = torch.cat([flat(0.0, 60), flat(0.0, 60)])
    done = extras.turn_heads(maps, torch.tensor([SCALE, SCALE]), torch.tensor([0.0, 0.2]))
    assert torch.equal(done[0], maps[0]) and not torch.equal(done[1], maps[1])


def test_the_moved_picture_moves_by_no_more_than_asked() -> None:
    at = torch.arange(SIZE).float()
    ramps = torch.stack(torch.meshgrid(at, at, indexing="xy"))[None].repeat(40, 1, 1, 1)
    most = torch.linspace(0, 3, 40)
    moved = (extras.shake(ramps, most, torch.Generator().manual_seed(1)) - ramps)[..., 4:-4, 4:-4]
    far = moved.norm(dim=1).amax((1, 2))
    assert (far <= most + 0.01).all()
    assert (far > 0.5 * most)[1:].all()
    assert torch.equal(moved[0], torch.zeros_like(moved[0]))


def test_glasses_reflect_the_flash_within_their_lenses() -> None:
    drawn = extras.sample(torch.tensor([True, False] * 40), torch.Generator().manual_seed(2))
    assert not drawn.glare[1::2].any() and not drawn.veil[1::2].any()
    assert 0.4 < float((drawn.glare[::2] > 0).float().mean()) < 0.8
    eyes, turn = torch.full((80, 2), 64.0), torch.eye(2).expand(80, 2, 2)
    light = extras.glare(drawn.still(), eyes, turn, torch.full((80, 1, 1, 1), SCALE * 2), SIZE)
    assert not light[1::2].any()
    lit = light.amax((0, 1)) > 0
    rows, columns = lit.nonzero().T
    assert int(rows.min()) >= 64 + 8 * (-0.3 - 1.6) and int(rows.max()) <= 64 + 8 * (-0.3 + 1.6)
    assert (
        not lit[:, 62:66].any() and int(columns.min()) >= 64 - 8 * 5.7 and int(columns.max()) <= 64 + 8 * 5.7
    )
    assert (light[drawn.glare[:, 0, 0, 0] > 0].amax((1, 2, 3)) > 1).float().mean() > 0.6


def test_judging_sees_no_turned_heads_and_no_moved_pairs() -> None:
    drawn = extras.sample(torch.zeros(200, dtype=torch.bool), torch.Generator().manual_seed(3))
    assert 0.15 < float((drawn.yaw != 0).float().mean()) < 0.35
    assert 0.07 < float((drawn.jitter != 0).float().mean()) < 0.25
    still = drawn.still()
    assert not still.yaw.any() and not still.jitter.any()


def test_an_index_from_before_glasses_were_noted_can_be_read(tmp_path: Path) -> None:
    entry = cache.Entry("a", "pif", "a", False, 16.0, 0.5)
    old = {name: value for name, value in asdict(entry).items() if name != "glasses"}
    (tmp_path / cache.INDEX).write_text(json.dumps([old, asdict(replace(entry, glasses=True))]))
    assert [known.glasses for known in cache.entries(tmp_path)] == [False, True]
