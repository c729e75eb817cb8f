"""Preparing real pairs: the alignment on a known map, the whole tool on real files, and bad input."""

import os
import shutil
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from benchmarks.alignment import case, errors
from benchmarks.photo import shrunk
from model.data.prepare import pairs
from model.data.prepare.align import align
from model.data.prepare.augment import WHOLE, views
from model.data.prepare.command import main
from model.data.prepare.crop import sample, square_matrix
from model.data.prepare.pairing import Unusable, folders
from model.data.prepare.photograph import read, taken
from model.data.prepare.score import BLOCK, LIMIT, misalignment
from model.data.synthesize.portraits import Unfit, cut, find_landmarks
from model.paper.framing import Square, face_square
from tests.sample import SELFIE


@pytest.fixture(scope="module")
def selfie() -> np.ndarray:
    return shrunk(read(SELFIE), 640)


@pytest.fixture(scope="module")
def landmarks(selfie: np.ndarray) -> np.ndarray:
    return find_landmarks(selfie)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1])


# alignment and its score


@pytest.mark.parametrize("seed", range(3))
def test_a_known_map_is_found_in_another_light(selfie: np.ndarray, landmarks: np.ndarray, seed: int) -> None:
    true, studio = case(selfie, np.random.default_rng(seed))
    found = align(selfie, studio, face_square(landmarks))
    assert errors(found, true, landmarks).max() < 640 / 1024


def test_misalignment_is_told_in_pixels(selfie: np.ndarray, landmarks: np.ndarray) -> None:
    square = face_square(landmarks)
    x = sample(selfie, square_matrix(square))
    _, studio = case(selfie, np.random.default_rng(1))
    lit = sample(studio, square_matrix(square))
    assert misalignment(x, x) < 0.1
    shifted = np.roll(x, 5, axis=1)
    assert misalignment(x, shifted) == pytest.approx(5, abs=0.5)
    assert misalignment(x, lit) > LIMIT  # not aligned yet
    assert misalignment(x, np.zeros_like(x)) == BLOCK / 2


# crops and augmentation


def test_the_crop_is_the_one_of_training_and_serving(selfie: np.ndarray) -> None:
    square = Square(300.0, 330.0, 512.0)
    assert np.array_equal(sample(selfie, square_matrix(square)), cut(selfie, square))
    half = Square(256.0, 300.0, 1024.0)
    small = np.asarray(sample(selfie, square_matrix(half)), int)
    assert np.abs(small - cut(selfie, half)).max() <= 1


def test_twenty_views_turn_and_mirror_a_picture_about_the_face() -> None:
    dot = np.zeros((512, 512, 3), np.float32)
    centre = views_centre()
    cv2.circle(dot, (round(centre[0]) + 100, round(centre[1])), 6, (1.0, 1.0, 1.0), -1)
    found = {}
    for name, matrix in views(WHOLE):
        x = sample(dot, matrix)
        weight = x[..., 0] / max(x[..., 0].sum(), 1)
        rows, columns = np.indices(weight.shape)
        found[name] = np.array([(columns * weight).sum() - centre[0], (rows * weight).sum() - centre[1]])
    assert len(found) == 20
    assert found["r0_frame"] == pytest.approx([100, 0], abs=0.6)
    turned = 100 * np.array([np.cos(np.radians(20)), -np.sin(np.radians(20))])  # up: counter-clockwise
    assert found["r20_frame"] == pytest.approx(turned, abs=0.6)
    assert found["r20_frame_flip"] == pytest.approx(turned * [-1, 1], abs=0.6)


def views_centre() -> np.ndarray:
    """Where every rotation leaves a crop's pixels alone."""
    maps = dict(views(WHOLE))
    a, b = maps["r-20_frame"], maps["r20_frame"]
    return np.linalg.solve(a[:, :2] - b[:, :2], b[:, 2] - a[:, 2])


# pairing


def test_names_pair_first_then_times_and_the_rest_is_told(tmp_path: Path) -> None:
    picture = np.full((8, 8, 3), 90, np.uint8)
    for name, at in {"ann/1.png": 0, "ann/7.png": 100, "ann/8.png": 500, "bob/1.png": 0}.items():
        save(tmp_path / "f" / name, picture)
        os.utime(tmp_path / "f" / name, (at, at))
    for name, at in {"ann/1.png": 999, "ann/x.png": 101, "ann/y.png": 505, "bob/2.png": 90}.items():
        save(tmp_path / "s" / name, picture)
        os.utime(tmp_path / "s" / name, (at, at))
    found, missing = folders(tmp_path / "f", tmp_path / "s")
    assert [(one.person, one.flash.name, one.studio.name) for one in found] == [
        ("ann", "1.png", "1.png"),
        ("ann", "7.png", "x.png"),
    ]
    assert len(missing) == 4 and all("no partner" in line for line in missing)
    assert len(folders(tmp_path / "f", tmp_path / "s", window=6)[0]) == 3


def test_the_camera_s_own_time_comes_before_the_file_s(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05", 0x9291: "25"})
    picture = Image.new("RGB", (8, 8))
    picture.save(tmp_path / "a.jpg", exif=exif)
    picture.save(tmp_path / "b.jpg")
    assert taken(tmp_path / "a.jpg")[1] and taken(tmp_path / "a.jpg")[0] % 60 == 5.25
    assert taken(tmp_path / "b.jpg") == ((tmp_path / "b.jpg").stat().st_mtime, False)


def test_photographs_come_upright_in_srgb_and_whole_or_not_at_all(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright
    picture = Image.new("RGB", (60, 40), (30, 200, 30))
    picture.paste((0, 0, 0), (0, 0, 30, 40))
    picture.save(tmp_path / "p.png", exif=exif, icc_profile=imagecodecs.cms_profile("adobergb"))
    upright = read(tmp_path / "p.png")
    assert upright.shape == (60, 40, 3) and upright[:30].max() <= 1
    red, green, blue = (int(value) for value in upright[-1, -1])
    assert red == 0 and green >= 200 and blue < 40  # Adobe's green lies beyond that of sRGB
    picture.resize((600, 400)).save(tmp_path / "whole.jpg")
    cut_off = (tmp_path / "whole.jpg").read_bytes()[:-900]
    (tmp_path / "part.jpg").write_bytes(cut_off)
    with pytest.raises(Unfit, match="part.jpg"):
        read(tmp_path / "part.jpg")


def test_people_come_from_a_pattern(tmp_path: Path) -> None:
    for name in ("ann-1", "bob-1"):
        save(tmp_path / f"f/{name}.png", np.zeros((8, 8, 3), np.uint8))
        save(tmp_path / f"s/{name}.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(Unusable, match="--person"):
        folders(tmp_path / "f", tmp_path / "s")
    assert [one.person for one in folders(tmp_path / "f", tmp_path / "s", r"^(\w+)-")[0]] == ["ann", "bob"]


# the tool


def test_the_tool_keeps_good_pairs_drops_bad_ones_and_tells_the_rest(
    tmp_path: Path, selfie: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    _, studio = case(selfie, np.random.default_rng(0))
    save(tmp_path / "f/ann/good.png", selfie)
    save(tmp_path / "s/ann/good.png", studio)
    save(tmp_path / "f/bob/other.png", selfie)
    save(tmp_path / "s/bob/other.png", selfie[::-1])  # no affine map without a mirror
    save(tmp_path / "f/bob/empty.png", np.full((600, 600, 3), 128, np.uint8))
    save(tmp_path / "s/bob/empty.png", selfie)
    save(tmp_path / "f/bob/lonely.png", selfie)
    (tmp_path / "f/bob/broken.jpg").write_bytes(b"no picture")
    save(tmp_path / "s/bob/broken.png", selfie)
    out = tmp_path / "out"
    arguments = ["--flash", str(tmp_path / "f"), "--studio", str(tmp_path / "s"), "--out", str(out)]
    assert main([*arguments, "--window", "0"]) == 1
    told = capsys.readouterr()
    assert "1 pairs of 1 people kept" in told.out and "1 dropped, 3 left out" in told.out
    for sentence in (
        "0 faces in empty.png",
        "broken.jpg is not a whole, readable picture",
        "lonely.png has no partner",
    ):
        assert sentence in told.err
    (pair,) = pairs.read(out)
    x, o = pairs.load(pair)
    assert pair.person == "ann" and pair.score <= LIMIT
    assert misalignment(*(np.asarray(one * 255, np.uint8) for one in (x, o))) <= LIMIT
    assert (out / "kept.png").is_file() and (out / "dropped.png").is_file()
    assert main(arguments) == 2 and "already" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--flash", "f"], ["--flash", "f", "--studio", "s"], ["--faid", "f"]])
def test_unusable_arguments_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").mkdir()
    assert main([*arguments, "--out", "out"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_was_not_prepared_or_is_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="python -m model prepare"):
        pairs.read(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,source,person\na.jpg,x,y\n")
    with pytest.raises(ValueError, match="damaged"):
        pairs.read(tmp_path)
    flash, studio = tmp_path / "a.png", tmp_path / "b.png"
    one = pairs.Pair("ann", flash, studio, 0.5, (1.0, 0.0, 2.0, 0.0, 1.0, 3.0), "held_out")
    pairs.write(tmp_path, [one])
    assert pairs.read(tmp_path) == [one] and one.held_out
    save(flash, np.zeros((512, 512, 3), np.uint8))
    shutil.copy(flash, studio)
    assert pairs.load(one)[1].max() == 0
    save(studio, np.zeros((512, 511, 3), np.uint8))
    with pytest.raises(ValueError, match="511x512"):
        pairs.load(one)
    studio.unlink()
    with pytest.raises(ValueError, match="missing"):
        pairs.load(one)
