"""Calibration and real photographs: known faces have their known statistics, bad files are told of."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from model.data.synthesize import spots
from model.data.synthesize.flash import Mix, named
from model.data.synthesize.portraits import Unfit
from model.evaluation import calibrate, photographs
from model.evaluation import face_statistics as faces
from model.paper.colour import encode_srgb
from model.paper.framing import Square
from tests.sample import SELFIE


def grey(levels: dict[str, float], points: np.ndarray) -> faces.Face:
    """A face of one grey with spots of other linear levels."""
    picture = np.full((512, 512), 0.2, np.float32)
    for name, centres in spots.places(points).items():
        for x, y in centres:
            cv2.circle(picture, (round(x), round(y)), 14, levels.get(name, 0.2), -1)
    crop = encode_srgb(np.repeat(picture[..., None], 3, -1)).astype(np.float32)
    return faces.Face(crop, points, np.ones((512, 512), bool), faces.Square(256, 256, 512))


@pytest.fixture(scope="module")
def selfie() -> faces.Face:
    return faces.read(SELFIE)


def test_spots_measure_what_lies_there(selfie: faces.Face) -> None:
    found = faces.measure(grey({"jaw": 0.1, "nose": 0.4, "neck": 0.05}, selfie.points))
    assert found["jaw/cheek"] == pytest.approx(0.5, abs=0.03)
    assert found["nose/cheek"] == pytest.approx(2, abs=0.1)
    assert found["neck/cheek"] == pytest.approx(0.25, abs=0.03)
    assert found["forehead/cheek"] == pytest.approx(1, abs=0.03)
    assert abs(found["a*"]) < 0.5 and found["clipped, %"] == 0


def test_a_spot_outside_the_photograph_is_no_measurement(selfie: faces.Face) -> None:
    face = grey({}, selfie.points)
    valid = face.valid.copy()
    valid[int(spots.places(face.points)["neck"][0, 1]) - 20 :] = False
    cut = faces.Face(face.crop, face.points, valid, face.square)
    assert np.isnan(faces.measure(cut)["neck/cheek"]) and np.isnan(faces.neck_step(cut))


def test_a_face_counts_alike_at_any_size(tmp_path: Path, selfie: faces.Face) -> None:
    picture = cv2.imread(str(SELFIE))
    assert picture is not None
    half = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "half.png"), half)
    one, other = faces.measure(selfie), faces.measure(faces.read(tmp_path / "half.png"))
    assert other["L*"] == pytest.approx(one["L*"], abs=1)
    assert other["jaw/cheek"] == pytest.approx(one["jaw/cheek"], rel=0.15)


def test_the_rule_of_passing() -> None:
    real = [{"L*": float(value), "neck/cheek": float(value)} for value in range(100)]
    same = calibrate.compare(real, real)
    mix = named("real")
    assert not calibrate.failures(same, {}, mix) and same["L*"]["ks"] == 0
    off = calibrate.compare(real, [{name: value + 40 for name, value in row.items()} for row in real])
    told = calibrate.failures(off, {}, mix)
    assert [sentence.split(":")[0] for sentence in told] == ["L*", "L*"], "the neck does not decide"
    colour = calibrate.by_bin([("tan", 2.0, 0.0)] * 8 + [("dark", 9.0, 9.0)] * 2)
    assert [sentence.split(":")[0] for sentence in calibrate.failures(same, colour, mix)] == ["tan"]
    assert "LED" in calibrate.failures(same, {}, Mix())[0]


def test_what_can_be_measured_nowhere_is_told() -> None:
    with pytest.raises(ValueError, match="neck/cheek can be measured on no photograph"):
        calibrate.compare([{"neck/cheek": float("nan")}], [{"neck/cheek": 1.0}])


def test_the_command_tells_of_bad_files_and_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A round person has no face that could be found again: photographs are measured, flashes are not.
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "strip.png"), np.zeros((1, 3000, 3), np.uint8))
    (tmp_path / "face.jpg").write_bytes(SELFIE.read_bytes())
    words = ["--real", str(tmp_path), "--portraits", str(folder), "--cache", str(folder), "--flashes", "2"]
    assert calibrate.main(words) == 2
    told = capsys.readouterr().err
    assert "strip.png: a strip too narrow" in told
    assert "broken.jpg: not a picture" in told and "no face was found again" in told
    assert calibrate.main(["--real", str(tmp_path / "none"), *words[2:]]) == 2
    assert "not a folder" in capsys.readouterr().err
    assert calibrate.main([*words, "--mix", "soft"]) == 2
    assert "no mix" in capsys.readouterr().err


def test_what_results_do_to_photographs(tmp_path: Path, selfie: faces.Face) -> None:
    real, results = tmp_path / "real", tmp_path / "results"
    for folder in (real, results):
        folder.mkdir()
    picture = cv2.imread(str(SELFIE))
    assert picture is not None
    for name in ("same", "light", "small", "alone"):
        cv2.imwrite(str(real / f"{name}.png"), picture)
    (real / "manifest.csv").write_text("file,skin\nsame.png,light\nlight.png,dark\n")
    cv2.imwrite(str(results / "same.png"), picture)
    cv2.imwrite(str(results / "light.png"), np.clip(picture * 1.2, 0, 255).astype(np.uint8))
    cv2.imwrite(str(results / "small.png"), picture[::2, ::2])
    found, left_out = photographs.measure(real, {}, results)
    assert len(left_out) == 1 and "small.png" in left_out[0]
    groups = found["systems"]["results"]
    assert found["n"] == 2 and set(groups) == {"all", "light", "dark"}
    assert groups["light"]["L*"][2] == 0 and groups["light"]["shine"][2] == 1
    assert groups["dark"]["L*"][2] > 3 and groups["light"]["neck step"][2] == 0
    assert "dark" in photographs.text(found) and json.dumps(found)


def test_other_faces_are_found_and_their_people_are_no_background(tmp_path: Path, selfie: faces.Face) -> None:
    picture = cv2.imread(str(SELFIE))
    assert picture is not None and len(list(faces.everybody(SELFIE))) == 1
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = cv2.copyMakeBorder(picture, 0, 0, small.shape[1], 0, borderType=cv2.BORDER_REPLICATE)
    both[-len(small) :, : small.shape[1]] = small
    cv2.imwrite(str(tmp_path / "both.png"), both)
    _, other = faces.everybody(tmp_path / "both.png")
    assert other.square.side == pytest.approx(0.5 * selfie.square.side, rel=0.05)

    at = selfie.square  # of half the size at the crop's upper left corner, where the wall is
    there = Square(at.x0 + at.side / 4, at.y0 + at.side / 4, at.side / 2)
    alone = photographs.background(selfie)
    away = photographs.background(selfie, [replace(other, square=there)])
    assert np.array_equal(away[256:], alone[256:]) and np.array_equal(away[:, 256:], alone[:, 256:])
    face = other.points[27:36].mean(axis=0) / 2
    assert not away[int(face[1]), int(face[0])] and alone[:256, :256].sum() > away[:256, :256].sum() + 5000
    away = photographs.background(selfie, [replace(other, square=Square(-9999, 0, 100))])
    assert np.array_equal(away, alone)


def test_no_picture_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no pictures"):
        photographs.measure(tmp_path, {})
    (tmp_path / "x.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="no face was found"):
        photographs.measure(tmp_path, {})
    with pytest.raises(Unfit):
        faces.read(tmp_path / "x.jpg")
