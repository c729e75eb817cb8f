"""Headshot style transfer: its stacks, its gain, its correspondence, full-size rows, and bad references."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from model.errors import BadReference
from model.inference.rendering import Place
from model.networks import (
    headshot,
)
from model.networks import (
    headshot_correspondence as correspondence,
)
from model.networks import (
    headshot_example as example,
)
from model.networks.headshot_example import Face
from tests.sample import SELFIE


@pytest.fixture(scope="module")
def face() -> Face:
    """A real face in its 512-pixel square."""
    return example.load(SELFIE)


def noise(seed: int, strength: float = 0.05) -> np.ndarray:
    """(512, 512, 3) about mid grey, with energy at every scale."""
    rng = np.random.default_rng(seed)
    total = np.zeros((512, 512, 3))
    for side in (512, 128, 32, 8):
        part = rng.standard_normal((side, side, 3))
        total += cv2.resize(part, (512, 512), interpolation=cv2.INTER_CUBIC)
    return (0.5 + strength * total).astype(np.float32)


def whole() -> np.ndarray:
    return np.ones((512, 512), np.float32)


@pytest.mark.parametrize("sigma", [2.0, 8.0, 64.0])
def test_a_blur_on_a_shrunken_copy_is_the_blur(sigma: float) -> None:
    image = noise(1)
    error = np.abs(headshot.blur(image, sigma) - cv2.GaussianBlur(image, (0, 0), sigma))
    inner = error[64:-64, 64:-64]
    assert inner.max() < 0.05 * image.std()


def test_a_stack_adds_up_to_its_picture_and_stays_within_its_mask() -> None:
    image, mask = noise(2), whole()
    mask[:, 256:] = 0
    levels, residual = headshot.stack(image, mask)
    assert len(levels) == 6
    np.testing.assert_allclose(np.sum(levels, axis=0) + residual, image, atol=1e-5)
    other = image.copy()
    other[:, 256:] = 1  # what lies outside the mask does not leak in
    assert np.abs(headshot.stack(other, mask)[1] - residual)[:, :200].max() < 0.02


def test_the_gain_gives_a_level_the_examples_energy_within_its_limits() -> None:
    level = headshot.stack(noise(3, 0.3), whole())[0][2]
    mask, own = whole(), headshot.energy([level], whole())[0]
    for contrast, expected in ((1.0, 1.0), (2.0, 2.0), (5.0, 2.8), (0.3, 0.9)):
        theirs = headshot.energy([contrast * level], mask)[0]
        found = headshot.gain(theirs, own, mask, 2)[100:-100, 100:-100]
        assert np.median(found) == pytest.approx(expected, rel=0.02)
        assert found.min() >= 0.9 - 1e-4 and found.max() <= 2.8 + 1e-4


def test_a_portrait_matched_to_itself_stays_itself(face: Face) -> None:
    x = np.float32(face.crop / 255)
    found = headshot.Headshot([face])(x).rows(x, Place(0, 0, 512))
    assert np.abs(found - x).mean() < 0.01
    assert found.shape == x.shape and found.min() >= 0 and found.max() <= 1


def test_a_darker_photograph_gets_the_examples_light(face: Face) -> None:
    x = np.float32(face.crop / 255)
    dark = (x * np.float32([0.45, 0.5, 0.6])).astype(np.float32)
    inside = correspondence.head(face.crop, face.landmarks) > 0.95
    found = headshot.Headshot([face], as_published=True)(dark).rows(dark, Place(0, 0, 512))
    assert np.abs(found - x)[inside].mean() < 0.3 * np.abs(dark - x)[inside].mean()
    assert np.array_equal(found[:40, :40], dark[:40, :40]), "outside of the head nothing changes"


def test_a_face_never_sits_on_its_neck_like_a_mask(face: Face) -> None:
    """Examples darker, redder or bluer: as published the face becomes theirs, it leans there for users."""
    x = np.float32(face.crop / 255)
    inside = correspondence.head(face.crop, face.landmarks) > 0.95

    def moved(look: list[float], as_published: bool) -> np.ndarray:
        other = example.Face((face.crop * np.float32(look)).astype(np.uint8), face.shape)
        found = headshot.Headshot([other], as_published)(x).rows(x, Place(0, 0, 512))
        before, after = (headshot.to_lab(picture) * headshot.LAB for picture in (x, found))
        return np.asarray((after - before)[inside].mean(0))

    for look in ([0.35, 0.3, 0.3], [1.0, 0.6, 0.55], [0.5, 0.6, 1.0]):
        published, ours = moved(look, True), moved(look, False)
        assert np.abs(published).max() > 15
        assert (np.abs(ours) < np.array(headshot.FURTHEST) + 1).all()
        assert published @ ours > 0 and np.abs(ours).max() > 3, "and still leans towards the example"


def test_correspondence_meets_landmarks_and_is_affine_at_the_frame(face: Face) -> None:
    points = face.landmarks
    turn = np.array([[0.96, 0.1], [-0.1, 0.94]])
    moved = (points - 256) @ turn + 240
    where = correspondence.correspondence(points, moved)
    centres = np.stack(np.meshgrid(*[np.arange(512) + 0.5] * 2), -1)
    np.testing.assert_allclose(where + 0.5, (centres - 256) @ turn + 240, atol=0.1)
    bent = points.copy()
    bent[48:] += (0, 9)  # another mouth
    where = correspondence.correspondence(points, bent)
    found = cv2.remap(where, *np.float32(points.T - 0.5)[..., None], cv2.INTER_LINEAR)[:, 0] + 0.5
    assert np.linalg.norm(found - bent, axis=1).max() < 2.5
    assert np.abs(where[0] - where[1] + (0, 1)).max() < 0.2, "nothing bends at the frame"


def test_full_size_rows_keep_texture_and_turn_with_the_picture(face: Face) -> None:
    x = np.float32(face.crop / 255)
    matched = headshot.Headshot([face])(x)
    large = cv2.resize(x, (1500, 1500), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    pores = large + np.float32(0.02) * np.random.default_rng(4).standard_normal(large.shape)
    fine = pores.astype(np.float32).clip(0, 1)
    at = [matched.rows(fine[top : top + 300], Place(top, 0, 1500)) for top in range(0, 1500, 300)]
    upright = np.vstack(at)
    inside = np.s_[700:900, 650:850]
    texture = [part[inside] - cv2.GaussianBlur(part, (0, 0), 3)[inside] for part in (fine, upright)]
    assert np.corrcoef(texture[0].ravel(), texture[1].ravel())[0, 1] > 0.97
    turned = matched.turned(1).rows(np.ascontiguousarray(np.rot90(fine)), Place(0, 0, 1500))
    np.testing.assert_allclose(turned, np.rot90(upright), atol=1e-3)


def test_the_most_similar_face_is_chosen(face: Face) -> None:
    narrow = cv2.resize(face.crop, (380, 512), interpolation=cv2.INTER_AREA)
    changed = cv2.copyMakeBorder(narrow, 0, 0, 66, 66, cv2.BORDER_REPLICATE)
    other, dark = example.find(changed, "other"), Face((face.crop * 0.8).astype(np.uint8), face.shape)
    assert example.nearest(face, [other, dark]) is dark
    assert example.nearest(face, [other]) is other


@pytest.mark.parametrize("aspect", [0.6, 3.0])
def test_a_reference_of_another_aspect_serves(face: Face, tmp_path: Path, aspect: float) -> None:
    wide = cv2.copyMakeBorder(face.crop, 0, 0, 512, 512, cv2.BORDER_REFLECT)
    crop = wide if aspect > 1 else face.crop[:, 102:410]
    cv2.imwrite(str(tmp_path / "portrait.png"), crop[..., ::-1])
    found = example.load(tmp_path / "portrait.png")
    assert np.abs(found.landmarks - face.landmarks).max() < 25
    assert len(example.load_all(tmp_path)) == 1


def test_bad_references_are_told_in_a_sentence(face: Face, tmp_path: Path) -> None:
    grey, tiny, text = (tmp_path / name for name in ("grey.png", "tiny.png", "text.jpg"))
    cv2.imwrite(str(grey), np.full((600, 600, 3), 128, np.uint8))
    cv2.imwrite(str(tiny), cv2.resize(face.crop, (150, 150), interpolation=cv2.INTER_AREA)[..., ::-1])
    text.write_text("no picture")
    told = {grey: "No face was found", tiny: "too small", text: "not a whole", tmp_path / "x": "not there"}
    for path, words in told.items():
        with pytest.raises(BadReference, match=words) as problem:
            example.load(path)
        assert problem.value.code == "bad-setting" and problem.value.hint
    with pytest.raises(BadReference, match="no portrait in"):
        example.load_all(tmp_path)
