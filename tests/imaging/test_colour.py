"""Colour spaces: what counts as sRGB, and that conversions undo each other."""

import imagecodecs
import numpy as np
import pytest

from model.paper.colour import decode_srgb, encode_srgb
from server.imaging.colour import ColourSpace
from server.imaging.errors import BadImage

D65 = (0.3127, 0.3290, 1.0)
REC709 = (0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0)


def linear_rgb() -> bytes:
    return imagecodecs.cms_profile("rgb", whitepoint=D65, primaries=REC709, gamma=1.0)


def test_tone_curve_is_its_own_inverse_beyond_the_range_too():
    x = np.linspace(-0.5, 4, 1001, dtype=np.float32)
    assert np.abs(decode_srgb(encode_srgb(x)) - x).max() < 1e-5
    assert encode_srgb(np.float32([0.214]))[0] == pytest.approx(0.5, abs=1e-3)


def test_srgb_is_recognised_by_what_it_does():
    space = ColourSpace(imagecodecs.cms_profile("srgb"), 3)
    assert space.is_srgb and not space.linear
    assert not ColourSpace(imagecodecs.cms_profile("adobergb"), 3).is_srgb


def test_linear_light_is_recognised():
    space = ColourSpace(linear_rgb(), 3)
    assert space.linear and not space.is_srgb
    assert not ColourSpace(imagecodecs.cms_profile("adobergb"), 3).linear
    middle = np.full((1, 1, 3), 0.5, np.float32)  # working encoding: sRGB's curve
    assert np.abs(space.to_srgb(middle) - 0.5).max() < 0.01


@pytest.mark.parametrize(
    ("profile", "channels"),
    [(imagecodecs.cms_profile("adobergb"), 3), (linear_rgb(), 3), (None, 3), (None, 1)]
    + [(imagecodecs.cms_profile("gray", gamma=2.2), 1)],
)
def test_round_trip(profile, channels):
    space = ColourSpace(profile, channels)
    x = np.random.default_rng(3).random((32, 32, channels), np.float32)
    srgb = space.to_srgb(x)
    assert srgb.shape == (32, 32, 3)
    assert np.abs(space.from_srgb(srgb) - x).max() < 1e-3


@pytest.mark.parametrize("icc", [b"no profile at all" * 20, imagecodecs.cms_profile("gray", gamma=2.2)])
def test_a_broken_or_foreign_profile_is_one_sentence(icc):
    with pytest.raises(BadImage) as problem:
        ColourSpace(icc, 3)
    assert problem.value.code == "bad-image" and "profile" in problem.value.message
