"""The networks that are shipped: the files are the right ones, and they do their job on a real selfie."""

import json

import cv2
import numpy as np
import pytest

from model.data.synthesize.portraits import frame
from model.inference import predictor
from model.paper.bilateral import filter_crop
from tests.sample import SELFIE

MAX_BYTES = {
    "deepflash": 64 * 1024 * 1024,
    "studio": 20 * 1024 * 1024,
}  # by architecture
SHIPPED = predictor.available()


@pytest.fixture(scope="module", params=SHIPPED, ids=[info.name for info in SHIPPED])
def before_and_after(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """The selfie's crop and eq. (4)'s result, (512, 512, 3) each."""
    x = np.asarray(frame(SELFIE).crop / 255, np.float32)
    return x, predictor.load(request.param.name, device="cpu").outcome(x, filter_crop(x)).picture


def face(picture: np.ndarray) -> np.ndarray:
    """Grey of the middle of the face: forehead to chin, cheek to cheek."""
    return picture[190:390, 180:332].mean(axis=-1)


def test_files_belong_together() -> None:
    assert [info.default for info in SHIPPED].count(True) == 1
    assert len(list(predictor.WEIGHTS.glob("*.json"))) == len(SHIPPED)
    for info in SHIPPED:
        facts = json.loads((predictor.WEIGHTS / f"{info.name}.json").read_text())
        assert info.file.stat().st_size == facts["bytes"] <= MAX_BYTES[info.architecture]
        assert info.licence == "CC BY 4.0"


def test_result_is_the_same_person_and_no_copy(before_and_after: tuple[np.ndarray, np.ndarray]) -> None:
    x, o = before_and_after
    assert np.corrcoef(face(x).ravel(), face(o).ravel())[0, 1] > 0.9
    assert np.abs(o - x)[190:390, 180:332].mean() > 0.006  # the sample hardly shines


def test_shine_is_less_and_light_more_even(before_and_after: tuple[np.ndarray, np.ndarray]) -> None:
    x, o = before_and_after  # of a photograph that hardly shines

    def glare(picture: np.ndarray) -> float:
        skin = face(picture)
        return float(np.percentile(skin, 98) - np.median(skin))

    assert glare(o) < 0.99 * glare(x)


def test_no_noise_is_added(before_and_after: tuple[np.ndarray, np.ndarray]) -> None:
    """The correction is smooth: what a blur takes from it is a small part of it."""
    x, o = before_and_after
    correction = (o - x)[190:390, 180:332]
    rough = correction - cv2.GaussianBlur(correction, (0, 0), 1.5)
    assert np.square(rough).mean() < 0.03 * np.square(correction).mean()
