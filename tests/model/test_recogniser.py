"""The face recogniser in torch: dlib's numbers on a real photograph, and a loss that keeps the face."""

from dataclasses import replace
from pathlib import Path

import cv2
import dlib
import face_recognition
import numpy as np
import pytest
import torch
from torch import Tensor

from model import face_models
from model.data.synthesize.pairs import Pairs
from model.data.synthesize.portraits import cut, find_landmarks
from model.paper import equations
from model.paper.framing import face_square
from model.training import losses, recogniser
from model.training.config import Config
from model.training.recogniser import Recogniser
from tests.sample import CHECKOUT, SELFIE

CONFIG = CHECKOUT / "model" / "training" / "recipes" / "studio.toml"
WHOLE = torch.eye(2, 3)[None]


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """(512, 512, 3) uint8 sRGB: the selfie's face as the network sees it."""
    bgr = cv2.imread(str(SELFIE))
    assert bgr is not None
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    return cut(rgb, face_square(find_landmarks(rgb)))


@pytest.fixture(scope="module")
def network() -> Recogniser:
    return Recogniser.load()


def tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None] / 255


def numbers(network: Recogniser, picture: Tensor, theta: Tensor = WHOLE) -> Tensor:
    return network(recogniser.chips(picture, theta))[0]


def test_the_numbers_are_dlibs(crop: np.ndarray, network: Recogniser) -> None:
    chip = (recogniser.chips(tensor(crop), WHOLE) * 255).round()
    pixels = np.ascontiguousarray(chip[0].permute(1, 2, 0).numpy().astype(np.uint8))
    theirs = dlib.face_recognition_model_v1(
        str(face_models.path(face_models.RECOGNISER))
    ).compute_face_descriptor(pixels)
    np.testing.assert_allclose(network(chip / 255)[0].numpy(), np.array(theirs), atol=1e-4)


def test_the_face_lies_where_dlib_would_look_for_it(crop: np.ndarray, network: Recogniser) -> None:
    mine = numbers(network, tensor(crop)).numpy()
    box = face_recognition.face_locations(crop, number_of_times_to_upsample=0)
    assert np.linalg.norm(mine - face_recognition.face_encodings(crop, box)[0]) < 0.3, "0.6: another person"


def test_a_turned_and_mirrored_crop_shows_the_same_face(crop: np.ndarray, network: Recogniser) -> None:
    theta = torch.tensor([[[-0.95, 0.2, 0.05], [0.2, 0.95, 0.0]]])
    grid = torch.nn.functional.affine_grid(theta, [1, 3, 256, 256], align_corners=False)
    turned = torch.nn.functional.grid_sample(tensor(crop), grid, align_corners=False)
    same = numbers(network, tensor(crop))
    assert float((numbers(network, turned, theta) - same).norm()) < 0.1
    assert float((numbers(network, turned) - same).norm()) > 0.2


def pairs(crop: np.ndarray) -> Pairs:
    """x: the selfie with a shine on its nose; o: as it is."""
    o = tensor(crop)
    across = torch.linspace(-1, 1, 512)
    x = (o + 0.3 * torch.exp(-12 * (across**2 + (across[:, None] - 0.1) ** 2))).clip(0, 1)
    one = torch.ones(1, 1, 512, 512)
    return Pairs(x, o, x, o, one, one, 0 * one, 0 * one, WHOLE, one, one[..., :1, :1])


def test_the_loss_is_what_dlib_would_measure(crop: np.ndarray, network: Recogniser) -> None:
    given = pairs(crop)
    nothing = torch.full_like(given.x, 0.5)
    truth = equations.target(given.bl_x, given.bl_o)
    distance = (numbers(network, given.x) - numbers(network, given.o)).norm()
    assert float(losses.identity(nothing, given, network)) == pytest.approx(float(distance), abs=1e-3)
    assert float(losses.identity(truth, given, network)) < 0.01 < float(distance)
    unknown = torch.zeros(1, 1, 1, 1)
    assert float(losses.identity(nothing, given, network, unknown)) == 0, "where real pairs have their face"


def test_its_gradient_leads_to_the_face(crop: np.ndarray, network: Recogniser) -> None:
    given = pairs(crop)
    y = torch.full_like(given.x, 0.5).requires_grad_()
    optimiser = torch.optim.Adam([y], 0.003)
    before = float(losses.identity(y, given, network).detach())
    for _ in range(8):
        optimiser.zero_grad()
        losses.identity(y, given, network).backward()
        optimiser.step()
    assert float(losses.identity(y, given, network).detach()) < 0.7 * before
    assert not any(part.requires_grad for part in network.parameters())


def test_another_file_is_refused(tmp_path: Path) -> None:
    data = face_models.path(face_models.RECOGNISER).read_bytes()
    other = tmp_path / "other.dat"
    for wrong in (
        b"",
        b"text",
        data[:1000],
        data[: len(data) // 2],
        data[:-40_000],
        data.replace(b"con_4", b"con_9"),
    ):
        other.write_bytes(wrong)
        with pytest.raises(ValueError, match="not dlib's face recogniser"):
            Recogniser.load(other)


def test_only_studio_is_trained_with_it() -> None:
    config = Config.read(CONFIG)
    with pytest.raises(ValueError, match="identity is 0 or more"):
        replace(config, identity=-1.0)
    with pytest.raises(ValueError, match="identity is for the network studio"):
        replace(config, architecture="deepflash", identity=0.2)
