"""The person in a crop: what the segmentation says, and where it is not all that counts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from model.errors import BadWeights
from model.inference import mattes, segmentation
from tests.golden.pictures import PICTURES

NOSE, WALL = np.s_[130:150, 118:138], np.s_[:60, :40]


@pytest.fixture
def exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the segmentation's file in its place."""
    copy = tmp_path / segmentation.FILE
    copy.write_bytes((mattes.WEIGHTS / segmentation.FILE).read_bytes())
    mattes._segmentation.cache_clear()
    monkeypatch.setattr(mattes, "WEIGHTS", tmp_path)
    yield copy
    mattes._segmentation.cache_clear()


def test_a_file_that_is_not_ours_is_not_run(exchanged: Path) -> None:
    data = exchanged.read_bytes()
    exchanged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BadWeights, match="segmentation are not those that belong to this version"):
        mattes.mattes(PICTURES["selfie"]())
    exchanged.unlink()
    with pytest.raises(BadWeights, match="segmentation are missing"):
        mattes.mattes(PICTURES["selfie"]())


def test_a_networks_own_matte_is_a_vote_where_most_of_the_crop_lies_beyond_the_picture() -> None:
    selfie, everywhere = PICTURES["selfie"](), np.ones((64, 64), np.float32)
    whole, _ = mattes.mattes(selfie, everywhere)
    assert whole[NOSE].min() > 0.95 and whole[WALL].max() < 0.05
    lone = np.pad(selfie[130:380, 130:380], ((130, 132), (130, 132), (0, 0)), mode="edge")
    person, _ = mattes.mattes(lone, everywhere)
    assert person.mean() > 0.9, "with the mirrored picture, which is all faces"
    person, _ = mattes.mattes(lone, 0 * everywhere)
    assert person[NOSE].min() > 0.95 and person.min() == 0


def test_left_and_right_exchanged_are_the_same_person() -> None:
    for crop in (PICTURES["selfie"](), PICTURES["selfie"]()[:, 60:400][:340]):
        person, skin = mattes.mattes(crop)
        mirrored = mattes.mattes(np.ascontiguousarray(crop[:, ::-1]))
        np.testing.assert_allclose(mirrored[0][:, ::-1], person, atol=1e-3)
        np.testing.assert_allclose(mirrored[1][:, ::-1], skin, atol=1e-2)


def test_what_the_segmentation_is_unsure_of_is_nobody_where_a_network_sees_nobody() -> None:
    selfie, everywhere = PICTURES["selfie"](), np.ones((64, 64), np.float32)
    alone, _ = mattes.mattes(selfie)
    np.testing.assert_allclose(mattes.mattes(selfie, everywhere)[0], alone, atol=1e-6)
    denied, _ = mattes.mattes(selfie, 0 * everywhere)
    unsure = (alone > 0.01) & (alone < mattes.DOUBTED)
    assert unsure.sum() > 100 and denied[unsure].max() == 0
    assert denied[NOSE].min() > 0.95, "of what it is sure of, it is right"
    here = everywhere.copy()
    here[:, :32] = 0
    person = mattes.mattes(selfie, here)[0]
    np.testing.assert_allclose(person[:, 132:], alone[:, 132:], atol=1e-6)
    np.testing.assert_allclose(person[:, : 120 - mattes.NEAR], denied[:, : 120 - mattes.NEAR], atol=1e-6)
    near = np.s_[:, 128 - mattes.NEAR // 2 : 128]
    np.testing.assert_allclose(person[near], alone[near], atol=1e-6)


def test_half_a_face_is_the_person_and_a_wall_beside_it_is_not() -> None:
    half = np.pad(PICTURES["selfie"]()[:, :250], ((0, 0), (0, 262), (0, 0)), mode="edge")
    person, _ = mattes.mattes(half, np.ones((64, 64), np.float32))  # a network that says so of everything
    assert person[130:150, 90:120].min() > 0.95 and person[WALL].max() < 0.05
    with patch.object(mattes, "_changing", wraps=mattes._changing) as asked:
        assert np.array_equal(mattes.mattes(half, np.ones((64, 64), np.float32))[0], person)
    assert asked.call_count == 1, "the picture's edges are looked for once"
    grey = np.full((512, 512, 3), 0.5, np.float32)
    assert mattes.mattes(grey, np.ones((64, 64), np.float32))[0].max() < 0.05, "nothing to mirror"


def test_a_wall_of_the_skins_colour_is_none() -> None:
    person, skin = mattes.mattes(PICTURES["selfie"](), None, np.ones((64, 64), np.float32))
    assert person[WALL].max() < 0.05 and skin[:15, :10].max() < 0.05 and skin[33:37, 30:34].min() > 0.95


def test_threads_do_not_disturb_each_other() -> None:
    crops = [PICTURES["selfie"](), np.ascontiguousarray(PICTURES["selfie"]()[:, ::-1])] * 8
    expected = [mattes.mattes(crop)[0] for crop in crops[:2]] * 8
    with ThreadPoolExecutor(4) as pool:
        for (found, _), wanted in zip(pool.map(mattes.mattes, crops), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
