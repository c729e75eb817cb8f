"""The whole pipeline on real photographs, with predictors whose answer is known."""

from dataclasses import replace

import cv2
import imagecodecs
import numpy as np
import pytest

from model.paper.colour import decode_srgb
from plugin.studio_portrait.link.sliders import SLIDERS
from plugin.studio_portrait.link.wire import REACHES, Box, Settings
from server.imaging import ImagingError, Selection, analyse, render, retouch
from server.imaging.crop import frame_grid, inside
from tests.imaging.conftest import Answering, Constant, Darken, Lit
from tests.imaging.test_colour import linear_rgb


def fully(**change) -> Settings:
    """Settings that keep back nothing of a predictor's answer, unlike the default ones."""
    return Settings(**{"shine": 1.0, "light": 1.0, **change})


def face_of(result):
    assert len(result.faces) == 1
    box = result.faces[0]["box"]
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def as_sample(selfie, sample):
    if sample == "u8":
        return selfie.copy()
    if sample == "u16":
        return selfie.astype(np.uint16) * 257
    return selfie.astype(np.float32) / 255


def with_alpha(pixels):
    white = {"u": 255, "f": 1}[pixels.dtype.kind] if pixels.dtype != np.uint16 else 65535
    alpha = np.full(pixels.shape[:2] + (1,), white, pixels.dtype)
    alpha[::7] = 0
    return np.concatenate([pixels, alpha], -1)


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_face_is_corrected_and_nothing_outside_the_box(selfie, sample, alpha):
    before = as_sample(selfie, sample)
    if alpha:
        before = with_alpha(before)
    after = before.copy()
    result = retouch(after, fully(), Constant(0.1))
    x, y = (round(v) for v in face_of(result))
    step = {"u8": 255, "u16": 65535, "f32": 1}[sample] * 0.1
    change = (
        before[y - 20 : y + 20, x - 20 : x + 20, :3].astype(float)
        - after[y - 20 : y + 20, x - 20 : x + 20, :3]
    )
    assert np.median(change) == pytest.approx(step, rel=0.05)
    box = result.box
    untouched = np.ones(before.shape[:2], bool)
    untouched[box.y : box.y + box.height, box.x : box.x + box.width] = False
    assert untouched.any() and np.array_equal(before[untouched], after[untouched])
    if alpha:
        assert np.array_equal(before[..., 3], after[..., 3])


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("icc", [None, linear_rgb()])
def test_a_prediction_of_no_difference_changes_no_sample(selfie, sample, icc):
    before = as_sample(selfie, sample)
    after = before.copy()
    for reach in REACHES:
        retouch(after, fully(reach=reach), Constant(0.0), icc=icc)
    assert np.array_equal(before, after)


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("icc", [None, linear_rgb()], ids=["srgb", "linear"])
@pytest.mark.parametrize("reach", REACHES)
def test_zero_of_everything_is_the_original_bit_for_bit(selfie, sample, alpha, icc, reach):
    """Strength 0 whatever else is set, and every other slider 0; also beyond black and white."""
    before = with_alpha(as_sample(selfie, sample)) if alpha else as_sample(selfie, sample)
    if sample == "f32":
        before[100:110, 100:110, :3] = [-0.25, 1.75, 1e-8]
    nothing = {name: 0.0 for name in SLIDERS if name != "strength"}
    analysis = analyse(before.copy(), Lit(0.3), icc=icc)
    for settings in (Settings(strength=0, warmth=1, reach=reach), Settings(**nothing, reach=reach)):
        after = before.copy()
        result = render(after, analysis, settings)
        assert after.tobytes() == before.tobytes() and result.faces


def test_grey_stays_grey_and_follows(selfie):
    before = selfie.mean(-1, keepdims=True).astype(np.uint8)
    after = before.copy()
    result = retouch(after, fully(), Constant(0.1))
    x, y = (round(v) for v in face_of(result))
    assert after.shape == before.shape
    assert int(before[y, x, 0]) - int(after[y, x, 0]) in (25, 26)


class Warm(Answering):
    """Makes everything redder and less blue, as no black-and-white photograph may become."""

    batch = 1

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        return np.full(crops.shape, 0.5, np.float32) + np.float32([-0.05, 0.02, 0.05])


@pytest.mark.parametrize("reach", ["person", "frame"])
def test_a_black_and_white_photograph_of_three_channels_stays_one(selfie, reach):
    before = np.repeat(selfie.mean(-1, keepdims=True).astype(np.uint8), 3, axis=2)
    after, warmer = before.copy(), before.copy()
    retouch(after, fully(reach=reach), Warm())
    assert np.ptp(after, axis=2).max() == 0 and (after != before).any()
    retouch(warmer, fully(reach=reach, warmth=0.5), Warm())
    assert np.ptp(warmer, axis=2).max() > 5, "unless its colour was asked for"


def test_strength_scales_the_correction(selfie):
    whole, half = selfie.copy(), selfie.copy()
    x, y = (round(v) for v in face_of(retouch(whole, fully(), Constant(0.1))))
    retouch(half, fully(strength=0.5), Constant(0.1))
    assert (int(selfie[y, x, 1]) - int(half[y, x, 1])) in (12, 13)
    untouched = selfie.copy()
    result = retouch(untouched, fully(strength=0), Constant(0.1))
    assert result.box is None and len(result.faces) == 1 and np.array_equal(untouched, selfie)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_gives_the_turned_result(selfie, turns):
    upright = selfie.copy()
    straight = retouch(upright, fully(), Darken())
    turned = np.ascontiguousarray(np.rot90(selfie, -turns))
    result = retouch(turned, fully(), Darken())
    assert result.faces[0]["angle"] == 90 * turns and straight.faces[0]["angle"] == 0
    back = np.rot90(turned, turns).astype(int)
    assert np.abs(back - upright).mean() < 0.2 < np.abs(back - selfie).mean()


def test_no_seam_at_the_crops_edge(selfie):
    """A constant correction is the worst case for a seam: neighbours may differ by a level or two."""
    after = selfie.copy()
    retouch(after, fully(), Constant(0.15))
    clipped = selfie < 45
    change = np.where(clipped, 0, selfie.astype(int) - after)
    assert change.max() in (38, 39)
    steps = np.abs(np.diff(change, axis=0))[~(clipped[1:] | clipped[:-1])]
    assert steps.max() <= 2
    steps = np.abs(np.diff(change, axis=1))[~(clipped[:, 1:] | clipped[:, :-1])]
    assert steps.max() <= 2


def test_two_people_are_batched_and_overlap_without_a_jump(selfie):
    pair = np.ascontiguousarray(np.concatenate([selfie[:, 150:1000], selfie[:, 150:1000]], 1))
    after = pair.copy()
    predictor = Constant(0.1)
    result = retouch(after, fully(), predictor)
    assert len(result.faces) == 2 and predictor.calls == [2]
    change = np.where(pair < 30, 26, pair.astype(int) - after)
    assert change.max() <= 27, "overlapping crops must not add up"
    one = pair.copy()
    assert sum(face["used"] for face in retouch(one, fully(faces="largest"), Constant(0.1)).faces) == 1


def test_selection_limits_the_effect_and_chooses_faces(selfie):
    result = retouch(selfie.copy(), fully(), Constant(0.1))
    x, y = (round(v) for v in face_of(result))
    mask = np.zeros((400, 300), np.uint8)
    mask[:, :150] = 255
    mask[:, 150:200] = 128
    selection = Selection(Box(x - 100, y - 200, 300, 400), mask)
    after = selfie.copy()
    result = retouch(after, fully(faces="selection"), Constant(0.1), selection=selection)
    change = selfie.astype(int) - after
    assert result.faces[0]["used"] and result.box.width <= 300
    full = np.zeros(selfie.shape[:2])
    full[y - 200 : y + 200, x - 100 : x + 200] = mask
    assert not change[full == 0].any()
    assert np.median(change[full == 255]) == pytest.approx(26, abs=1)
    assert np.median(change[full == 128]) == pytest.approx(13, abs=1)
    beside = Selection(Box(0, 0, 50, 50), np.full((50, 50), 255, np.uint8))
    after = selfie.copy()
    result = retouch(after, fully(faces="selection"), Constant(0.1), selection=beside)
    assert not result.faces[0]["used"] and result.box is None and np.array_equal(after, selfie)


@pytest.mark.parametrize("sample", ["u8", "f32"])
@pytest.mark.parametrize("how", ["plain", "strong", "frame", "selection"])
def test_mask_and_pixels_compose_to_the_plain_result(selfie, how, sample):
    """Within one level also where so much is added on the person's edge that the layer would clip."""
    before = as_sample(selfie, sample)
    plain, layer, level = before.copy(), before.copy(), 1 if sample == "u8" else 1 / 255
    more = {"warmth": 0.4, "brightness": 1.0} if how == "strong" else {"brightness": 0.2}
    settings = fully(reach="frame" if how == "frame" else "person", **more)
    shown = np.random.default_rng(1).integers(0, 256, (900, 700)).astype(np.uint8)
    selection = Selection(Box(200, 200, 700, 900), shown) if how == "selection" else None
    retouch(plain, settings, Darken(), selection=selection)
    result = retouch(layer, replace(settings, mask=True), Darken(), selection=selection)
    box = result.box
    weight = np.zeros(selfie.shape[:2] + (1,))
    weight[box.y : box.y + box.height, box.x : box.x + box.width, 0] = result.mask / 255
    composed = before * (1 - weight) + layer * weight
    assert np.abs((np.rint(composed) if sample == "u8" else composed) - plain).max() <= (
        1 if sample == "u8" else 0.13 * level
    )
    assert np.abs(plain.astype(float) - before).max() > 20 * level
    if how == "strong":
        assert (plain >= 255 * level)[..., 0].mean() > 0.005
    assert result.mask.max() == 255
    assert (result.mask.min() == 255) == (how == "frame")


def test_reach_frame_gives_the_whole_picture_what_was_decided_for_the_person(selfie):
    """A person who is made brighter does not stand before a background that is left behind."""
    whole, person = selfie.copy(), selfie.copy()
    retouch(whole, fully(reach="frame"), Lit(0.4))
    result = retouch(person, fully(), Lit(0.4))
    x, y = (round(v) for v in face_of(result))
    face = np.s_[y - 20 : y + 20, x - 20 : x + 20]
    assert np.abs(whole[face].astype(int) - person[face]).mean() < 1
    linear = [decode_srgb(picture[:, :40].astype(np.float32) / 255) for picture in (selfie, whole)]
    dark = linear[0] < 0.3
    assert np.median(linear[1][dark] / linear[0][dark].clip(1e-3)) == pytest.approx(np.exp(0.4), rel=0.1)
    assert np.array_equal(person[:, :40], selfie[:, :40])


@pytest.mark.parametrize(
    "size", [(4163, 3001), (1030, 4030), (3, 5000), (2049, 2049), (1, 1), (1, 300), (5, 7)]
)
def test_reach_frame_reaches_the_last_row_and_column_without_a_face(size):
    height, width = size
    grid = frame_grid(width, height)
    assert inside(grid, width, height) == (0, 0, width, height)
    before = np.full(size + (3,), 128, np.uint8)
    brighter, untouched = before.copy(), before.copy()
    result = retouch(brighter, fully(reach="frame", brightness=0.5), Constant(0.1))
    assert result.box == Box(0, 0, width, height) and result.faces == ()
    assert brighter.min() == brighter.max() > 140
    assert retouch(untouched, fully(reach="frame"), Constant(0.1)).box is None
    assert np.array_equal(before, untouched)


@pytest.mark.parametrize("profile", ["adobergb", "linear"])
def test_another_colour_space_gives_the_same_light(selfie, profile):
    """The same photograph in another encoding, retouched and converted back, is the same picture."""
    icc = linear_rgb() if profile == "linear" else imagecodecs.cms_profile(profile)
    srgb = imagecodecs.cms_profile("srgb")
    names = {"colorspace": "rgb", "outcolorspace": "rgb", "outdtype": "f4"}
    pixels = selfie.astype(np.float32) / 255
    other = np.array(imagecodecs.cms_transform(pixels, srgb, icc, **names))
    retouch(pixels, fully(), Darken())
    retouch(other, fully(), Darken(), icc=icc)
    back = imagecodecs.cms_transform(other, icc, srgb, **names)
    difference = np.abs(back - pixels)
    assert np.median(difference) < 0.5 / 255 and np.percentile(difference, 99) < 3 / 255


@pytest.mark.parametrize("icc", [None, linear_rgb(), imagecodecs.cms_profile("adobergb")])
def test_values_beyond_black_and_white_survive(selfie, icc):
    pixels = selfie.astype(np.float32) / 255 * 3 - 0.2
    before = pixels.copy()
    retouch(pixels, fully(), Constant(-0.1), icc=icc)
    bright = before > 1
    # Not clipped to white: at most what the pixels beside, which can be brightened, lend them.
    assert np.abs(pixels[bright] - before[bright]).max() < (1e-5 if icc is None else 0.12)
    assert pixels.max() > 2
    after = before.copy()
    retouch(after, fully(), Constant(0.1), icc=icc)
    assert np.abs(after - before)[before < 0].max() < (1e-6 if icc is None else 0.01)
    assert after.min() < -0.15


def test_what_is_hidden_by_transparency_counts_for_nothing(selfie):
    """A cut-out gives the same face whatever colours lie under its transparent part."""
    cut_out = np.concatenate([selfie, np.full(selfie.shape[:2] + (1,), 255, np.uint8)], -1)
    cut_out[:, :300, 3] = 0
    black, white = cut_out.copy(), cut_out.copy()
    black[:, :300, :3], white[:, :300, :3] = 0, 255
    for pixels in (black, white):
        before = pixels.copy()
        result = retouch(pixels, fully(), Darken())
        assert len(result.faces) == 1
        assert np.array_equal(pixels[:, :300], before[:, :300])
    assert np.abs(black[:, 300:].astype(int) - white[:, 300:]).max() <= 1


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_face_that_shines_through_is_corrected_like_a_solid_one(selfie, share):
    alpha = np.full(selfie.shape[:2] + (1,), 255, np.uint8)
    solid, thin = (np.concatenate([selfie, part], -1) for part in (alpha, (alpha * share).astype(np.uint8)))
    for pixels in (solid, thin):
        assert len(retouch(pixels, fully(), Darken()).faces) == 1
    assert np.abs(solid[..., :3].astype(int) - selfie).max() > 5
    assert np.abs(solid[..., :3].astype(int) - thin[..., :3]).max() <= 1


def test_a_small_face_in_a_small_picture_is_found(selfie):
    small = cv2.resize(selfie, (165, 220), interpolation=cv2.INTER_AREA)
    picture = np.full((420, 600, 3), 90, np.uint8)
    picture[100:320, 200:365] = small
    for turns in (0, 1):
        turned = np.ascontiguousarray(np.rot90(picture, -turns))
        faces = retouch(turned, fully(), Constant(0.1)).faces
        assert [face["angle"] for face in faces] == [90 * turns]


def test_faces_in_the_selection_need_a_selection(selfie):
    with pytest.raises(ImagingError) as problem:
        retouch(selfie.copy(), fully(faces="selection"), Constant(0.1))
    assert problem.value.code == "bad-setting"


def test_no_face_is_a_clear_result():
    wall = np.random.default_rng(1).integers(90, 110, (700, 900, 3), np.uint8)
    before = wall.copy()
    result = retouch(wall, fully(), Constant(0.1))
    assert result.box is None and result.faces == () and result.notes == ("No face was found.",)
    assert np.array_equal(wall, before)


def test_a_sample_that_is_no_number_is_named(selfie):
    pixels = as_sample(selfie, "f32")
    pixels[700, 12, 1] = np.nan
    with pytest.raises(ImagingError, match=r"x 12, y 700") as problem:
        retouch(pixels, fully(), Constant(0.1))
    assert problem.value.code == "bad-image"


def test_cancel_is_seen_between_all_stages(selfie):
    reached: list[str] = []
    retouch(selfie.copy(), fully(), Darken(), progress=lambda stage, share: reached.append(stage))
    stages = list(dict.fromkeys(reached))
    assert stages == ["faces", "filter", "predict", "reconstruct"]
    for stage in stages:
        seen: list[str] = []
        with pytest.raises(ImagingError) as problem:
            retouch(
                selfie.copy(),
                fully(),
                Darken(),
                progress=lambda name, share, seen=seen: seen.append(name),
                cancelled=lambda stage=stage, seen=seen: stage in seen,
            )
        assert problem.value.code == "cancelled" and seen[-1] == stage
