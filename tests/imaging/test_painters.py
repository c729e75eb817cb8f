"""Painters in the pipeline: every full-size pixel is theirs, in any sample type, encoding and orientation."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from model.errors import BadSetting
from model.inference import predictor
from model.inference.rendering import Place
from plugin.studio_portrait.link.wire import Settings
from server.imaging import retouch
from tests.imaging.conftest import components_of
from tests.imaging.test_colour import linear_rgb
from tests.imaging.test_faces import turned
from tests.imaging.test_retouch import as_sample, face_of, with_alpha
from tests.model import made

WHOLE = Settings(shine=1, light=1)  # a painter's own answer


class Gamma:
    """Paints x^2, darker to the left of the face: known at every pixel, and not alike when turned."""

    batch = 1

    def __init__(self, rendering=None):
        self.rendering = rendering or Squared()

    def components(self, crops):
        assert crops.min() >= 0 and crops.max() <= 1
        answers = []
        for crop in crops:
            y = (crop - self.rendering.rows(crop, Place(0, 0, 512)) + 1) / 2
            answers.append(replace(components_of(crop, y), rendering=self.rendering))
        return answers


class Squared:
    def __init__(self, turns=0):
        self.turns = turns

    def turned(self, turns):
        return Squared(self.turns + turns)

    def rows(self, x, place):
        down, across = place.down(len(x))[:, None], place.across(x.shape[1])[None]
        to_the_right = (across, 1 - down, 1 - across, down)[self.turns % 4]
        return x * x * (0.5 + 0.5 * to_the_right)[..., None]


class Forehead:
    """Makes the forehead of an upright square dark."""

    def turned(self, turns):
        assert turns == 0
        return self

    def rows(self, x, place):
        down, across = place.down(len(x))[:, None, None], place.across(x.shape[1])[None, :, None]
        return np.where((np.abs(down - 0.36) < 0.07) & (np.abs(across - 0.5) < 0.15), x * np.float32(0.5), x)


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("alpha", [False, True])
def test_pixels_are_the_painters_own(selfie, sample, alpha):
    before = with_alpha(as_sample(selfie, sample)) if alpha else as_sample(selfie, sample)
    after = before.copy()
    x, y = (round(v) for v in face_of(retouch(after, WHOLE, Gamma())))
    white = {"u8": 255, "u16": 65535, "f32": 1}[sample]
    inside = np.s_[y - 21 : y + 21, x - 2 : x + 2]
    shown = before[inside][..., :3] / white
    share = 1 - after[inside][..., :3] / white / (shown * shown).clip(1e-3)
    seen = (shown > 0.2).all(-1)
    if alpha:
        seen &= before[inside][..., 3] > 0
        assert np.array_equal(before[..., 3], after[..., 3])
        assert np.array_equal(before[::7], after[::7])
    assert np.median(share[seen]) == pytest.approx(0.25, abs=0.03), "half-way across the square: 0.75 x^2"
    assert share[seen].std() < 0.05, "texture follows the curve exactly"


@pytest.fixture(scope="module")
def upright(selfie):
    """The selfie, painted."""
    painted = selfie.copy()
    retouch(painted, WHOLE, Gamma())
    return painted


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_gives_the_turned_result(selfie, upright, turns):
    picture = np.ascontiguousarray(np.rot90(selfie, -turns))
    result = retouch(picture, WHOLE, Gamma())
    assert result.faces[0]["angle"] == 90 * turns
    back = np.rot90(picture, turns).astype(int)
    assert np.abs(back - upright).mean() < 0.5 < np.abs(back - selfie).mean()


def test_a_rolled_face_is_painted_where_it_lies(selfie):
    """By no quarter turn, which is the only turn that a painter of full-size rows knows."""
    half = cv2.resize(selfie, (576, 768), interpolation=cv2.INTER_AREA)
    picture, turn = turned(half, 60)
    straight, rolled = half.copy(), picture.copy()
    retouch(straight, WHOLE, Gamma(Forehead()))
    assert retouch(rolled, WHOLE, Gamma(Forehead())).faces[0]["angle"] == pytest.approx(60, abs=8)
    darker = np.abs(straight.astype(np.float32) - half).mean(-1)
    wanted = cv2.warpAffine(darker, turn, picture.shape[1::-1]) > 15
    painted = np.abs(rolled.astype(int) - picture).mean(-1) > 15
    assert wanted.sum() > 2000 and (wanted & painted).sum() > 0.6 * (wanted | painted).sum()


def test_linear_light_and_grey_mean_the_same_change(selfie, upright):
    linear = selfie.astype(np.float32) / 255
    low = linear <= 0.04045
    linear = np.where(low, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4).astype(np.float32)
    retouch(linear, WHOLE, Gamma(), icc=linear_rgb())
    shown = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear.clip(1e-6) ** (1 / 2.4) - 0.055)
    assert np.abs(shown * 255 - upright).max() < 2.5
    grey = selfie.mean(-1, keepdims=True).astype(np.uint8)
    after = grey.copy()
    x, y = (round(v) for v in face_of(retouch(after, WHOLE, Gamma())))
    assert after[y, x, 0] == pytest.approx(0.75 * float(grey[y, x, 0]) ** 2 / 255, abs=4)


def test_strength_and_mask_are_the_pipelines(selfie, upright):
    half, masked = selfie.copy(), selfie.copy()
    x, y = (round(v) for v in face_of(retouch(half, replace(WHOLE, strength=0.5), Gamma())))
    whole = int(selfie[y, x, 0]) - int(upright[y, x, 0])
    assert int(selfie[y, x, 0]) - int(half[y, x, 0]) == pytest.approx(whole / 2, abs=1)
    result = retouch(masked, replace(WHOLE, mask=True), Gamma())
    box = result.box
    within = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
    share = result.mask[..., None] / 255
    composed = selfie[within] + share * (masked[within].astype(float) - selfie[within])
    assert np.abs(composed - upright[within]).max() <= 1.5


def test_hdrnet_as_shipped_files_serve_it(selfie, tmp_path):
    made.exported(tmp_path, architecture="hdrnet")
    loaded = predictor.load(device="cpu", folder=tmp_path)
    assert isinstance(loaded, predictor.Painter) and loaded.engine == "pytorch"
    after = selfie.copy()
    retouch(after, WHOLE, loaded)
    assert np.abs(after.astype(int) - selfie).mean() > 0.5
    with pytest.raises(BadSetting, match="does not run on OpenVINO"):
        predictor.load(engine="openvino", folder=tmp_path)


def test_headshot_matches_a_reference_at_full_size(selfie):
    """Towards its colour, by what a neck can bear: a factor of .6 as a whole would be a mask."""
    loaded = predictor.match([(selfie * np.array([1.0, 0.8, 0.6])).astype(np.uint8)])
    after = selfie.copy()
    x, y = (round(v) for v in face_of(retouch(after, WHOLE, loaded)))
    face = np.s_[y - 40 : y + 40, x - 40 : x + 40]
    blue = after[face][..., 2].mean() / after[face][..., 0].mean()
    assert 0.7 < blue * selfie[face][..., 0].mean() / selfie[face][..., 2].mean() < 0.95
