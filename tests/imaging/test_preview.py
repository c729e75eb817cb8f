"""One analysis, many renderings: previews of any rectangle and size say what the full-size result will be."""

from __future__ import annotations

from dataclasses import replace

import cv2
import imagecodecs
import numpy as np
import pytest

from model.paper.colour import decode_srgb
from model.paper.framing import Square
from plugin.studio_portrait.link.wire import REACHES, Box, Settings
from server.imaging import Analysis, ImagingError, Selection, analyse, preview, render
from server.imaging.colour import ColourSpace
from server.imaging.faces import Face
from tests.imaging.conftest import Constant, Darken, Lit
from tests.imaging.test_colour import linear_rgb
from tests.imaging.test_retouch import as_sample

WHOLE = Box(0, 0, 1152, 1536)


class Once(Darken):
    """Counts its predictions."""

    calls = 0

    def __call__(self, crops):
        self.calls += 1
        return super().__call__(crops)


class Skin(Darken):
    """All that it changes is skin."""

    def components(self, crops):
        return [replace(found, skin=found.person) for found in super().components(crops)]


def to_srgb8(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    names = {"colorspace": "rgb", "outcolorspace": "rgb", "outdtype": "f4"}
    shown = pixels.astype(np.float32) / {"u1": 255, "u2": 65535, "f4": 1}[pixels.dtype.str[1:]]
    if icc is not None:
        shown = imagecodecs.cms_transform(shown, icc, imagecodecs.cms_profile("srgb"), **names)
    return (np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8)


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("rect", [WHOLE, Box(400, 500, 400, 300), Box(0, 700, 700, 836)])
@pytest.mark.parametrize("share", [0.31, 1.0, 2.0])
def test_a_preview_agrees_with_the_result(selfie, reach, rect, share):
    settings = Settings(reach=reach, brightness=0.2, warmth=0.4, strength=0.9, shine=1.0, light=1.0)
    analysis = analyse(selfie, Skin())
    width, height = round(rect.width * share), round(rect.height * share)
    before = selfie.copy()
    shown = preview(selfie, analysis, settings, rect, width, height)
    assert np.array_equal(before, selfie) and shown.shape == (height, width, 3)
    after = selfie.copy()
    render(after, analysis, settings)
    part = after[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
    way = cv2.INTER_AREA if share <= 1 else cv2.INTER_LINEAR
    expected = cv2.resize(part, (width, height), interpolation=way)
    assert np.abs(shown.astype(int) - expected).mean() < 0.6
    assert (
        np.abs(
            expected.astype(int) - preview(selfie, analysis, Settings(strength=0), rect, width, height)
        ).mean()
        > 1
    )


@pytest.mark.parametrize("sample", ["u16", "f32"])
@pytest.mark.parametrize("profile", ["linear", "adobergb"])
def test_previews_are_srgb_whatever_the_picture_is(selfie, sample, profile):
    icc = linear_rgb() if profile == "linear" else imagecodecs.cms_profile(profile)
    pixels = as_sample(selfie, sample)
    analysis = analyse(pixels, Constant(0.1), icc=icc)
    shown = preview(pixels, analysis, Settings(), WHOLE, 1152, 1536)
    render(pixels, analysis, Settings())
    assert np.abs(shown.astype(int) - to_srgb8(pixels, icc)).mean() < 0.7


@pytest.mark.parametrize("profile", ["linear", "adobergb", "srgb"])
def test_a_preview_in_the_pictures_own_colours_keeps_those_that_srgb_lacks(selfie, profile):
    """Its profile, with sRGB's curve for linear light, makes of it what the sRGB preview shows."""
    icc = {"linear": linear_rgb(), "adobergb": imagecodecs.cms_profile("adobergb"), "srgb": None}[profile]
    pixels = as_sample(selfie, "f32")
    pixels[:200, :200] = decode_srgb(pixels[:200, :200]) if profile == "linear" else [0.1, 0.9, 0.1]
    analysis = analyse(pixels, Constant(0.1), icc=icc)
    shown, own = (
        preview(pixels, analysis, Settings(), WHOLE, 1152, 1536, plane=plane) for plane in ("pixels", "own")
    )
    there = icc if profile == "adobergb" else None  # the linear one has sRGB's primaries
    assert np.percentile(np.abs(to_srgb8(own, there).astype(int) - shown), 99.9) <= 2
    if profile == "adobergb":
        assert shown[100, 100].tolist()[0] == 0 and own[100, 100].tolist() == [26, 230, 26]


def test_grey_previews_have_three_channels(selfie):
    grey = selfie.mean(-1, keepdims=True).astype(np.uint8)
    analysis = analyse(grey, Constant(0.1))
    shown = preview(grey, analysis, Settings(), WHOLE, 576, 768)
    assert shown.shape == (768, 576, 3) and np.array_equal(shown[..., 0], shown[..., 2])
    assert preview(grey, analysis, Settings(), WHOLE, 576, 768, plane="mask").shape == (768, 576, 1)


def test_strength_zero_is_the_original(selfie):
    analysis = analyse(selfie, Darken())
    assert np.array_equal(preview(selfie, analysis, Settings(strength=0), WHOLE, 1152, 1536), selfie)


def test_one_prediction_serves_all_renderings(selfie):
    predictor = Once()
    analysis = analyse(selfie, predictor)
    for settings in (
        Settings(),
        Settings(light=0.5),
        Settings(reach="frame", warmth=1),
        Settings(faces=(0,)),
    ):
        preview(selfie, analysis, settings, WHOLE, 300, 400)
        render(selfie.copy(), analysis, settings)
    assert predictor.calls == 1


def test_analyse_and_render_are_what_retouch_does(selfie):
    from server.imaging import retouch

    settings = Settings(strength=0.7, brightness=-0.3, mask=True)
    one, two = selfie.copy(), selfie.copy()
    first = retouch(one, settings, Darken())
    second = render(two, analyse(two, Darken()), settings)
    assert np.array_equal(one, two) and first.box == second.box and first.faces == second.faces
    assert np.array_equal(first.mask, second.mask)


def test_the_mask_is_what_the_result_has(selfie):
    """But for places where the layer would clip: there the result's mask is raised."""
    analysis, after = analyse(selfie, Darken()), selfie.copy()
    result = render(after, analysis, Settings(mask=True))
    box = result.box
    shown = preview(selfie, analysis, Settings(), box, box.width, box.height, plane="mask")
    more = result.mask - shown[..., 0].astype(int)
    layer = after[box.y : box.y + box.height, box.x : box.x + box.width]
    clips = ((layer == 0) | (layer == 255)).any(-1)
    assert np.abs(more[~clips]).max() <= 1 and more[clips].min() >= -1 and shown.max() == 255


def test_a_mask_has_no_black_specks_where_faces_of_different_sizes_overlap():
    squares = [Square(353, 972, 424), Square(1399, 1285, 1073), Square(910, 1134, 2099)]
    faces = tuple(Face((0, 0, 100, 100), square, 1.0) for square in squares)
    analysis = Analysis((2000, 3000), ColourSpace(None, 3), faces, Darken())
    grey = np.full((2000, 3000, 3), 128, np.uint8)
    shown = preview(grey, analysis, Settings(reach="frame"), Box(0, 0, 3000, 2000), 450, 300, plane="mask")
    steps = np.abs(np.diff(shown[..., 0].astype(int), axis=0))
    assert shown.max() == 255 and steps.max() < 30, "it rises and falls smoothly"


def test_the_selection_limits_previews_too(selfie):
    analysis = analyse(selfie, Constant(0.1))
    selection = Selection(Box(500, 600, 100, 100), np.full((100, 100), 255, np.uint8))
    plain = preview(selfie, analysis, Settings(strength=0), WHOLE, 576, 768)
    shown = preview(selfie, analysis, Settings(), WHOLE, 576, 768, selection=selection)
    changed = (shown != plain).any(-1)
    assert changed[301:349, 251:299].all() and changed.sum() <= 52 * 52


def test_faces_by_index_change_only_those(selfie):
    pair = np.ascontiguousarray(np.concatenate([selfie[:, 150:1000], selfie[:, 150:1000]], 1))
    analysis = analyse(pair, Constant(0.1))
    assert len(analysis.faces) == 2
    for index in (0, 1, 7):
        after = pair.copy()
        result = render(after, analysis, Settings(faces=(index,)))
        assert [face["used"] for face in result.faces] == [index == 0, index == 1]
        changed = [(after != pair).any(-1)[:, half].mean() for half in (np.s_[:850], np.s_[850:])]
        x = analysis.faces[index].centre[0] if index < 2 else 0
        own, other = changed if x < 850 else changed[::-1]
        assert (own > 0.4) == (index < 2) and other < 0.2


def test_a_frame_of_light_is_lit(selfie):
    analysis = analyse(selfie, Lit(0.4))
    whole = preview(selfie, analysis, Settings(reach="frame"), Box(0, 0, 100, 100), 50, 50)
    assert whole.mean() > preview(selfie, analysis, Settings(), Box(0, 0, 100, 100), 50, 50).mean() + 5


def test_a_cancelled_preview_ends(selfie):
    analysis = analyse(selfie, Darken(), choose=lambda faces: [])
    with pytest.raises(ImagingError) as raised:
        preview(selfie, analysis, Settings(), WHOLE, 300, 400, cancelled=lambda: True)
    assert raised.value.code == "cancelled"
