"""``python -m model synthesize``: sheets, sentences, complete documentation."""

import json
import re
from dataclasses import asdict, fields
from pathlib import Path

import cv2
import numpy as np
import pytest

from model.data.synthesize import cache, extras, flash
from model.data.synthesize.command import main
from model.data.synthesize.maps import COUNT, PLANES

README = Path(flash.__file__).with_name("README.md")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit status and what was written to standard error."""
    status = main([str(argument) for argument in arguments])
    return status, capsys.readouterr().err


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    """Enough of a face model to be read."""
    corners = np.eye(3, dtype=np.float32)
    path = tmp_path / "mesh.npz"
    np.savez(
        path,
        neutral=corners,
        triangles=np.array([[0, 1, 2]], np.int32),
        identity=corners[None],
        expression=corners[None],
        landmarks68=np.zeros(68, np.int32),
    )
    return path


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A cache with one flat grey person."""
    planes = np.full((512, 512, COUNT), 128, np.uint8)
    planes[..., PLANES["person"]] = planes[..., PLANES["skin"]] = planes[..., PLANES["valid"]] = 255
    folder = tmp_path / "cache"
    folder.mkdir()
    np.save(folder / "grey.npy", planes)
    entry = cache.Entry("grey", "pif", "grey", False, 16.0, 0.5)
    (folder / cache.INDEX).write_text(json.dumps([asdict(entry)]))
    return folder


def test_every_parameter_is_documented() -> None:
    named = re.findall(r"^\| `(\w+)`", README.read_text("utf-8").split("## Every ingredient")[1], re.M)
    drawn = [field.name for kind in (flash.Flash, extras.Extras) for field in fields(kind)]
    assert sorted(named) == sorted([*drawn, "highlights"])  # whose parts share a row


def test_a_sheet_shows_what_a_flash_is_made_of(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = prepared / "sheet.png"
    assert run(capsys, "preview", "--cache", prepared, "--out", out, "--count", 1) == (0, "")
    picture = cv2.imread(str(out))
    assert picture is not None and picture.shape == (22 + 22 + 256, 5 * 256, 3)
    normals = picture[100:200, 256 + 50 : 256 + 200]
    assert np.abs(normals.astype(int) - 128).max() <= 1


def test_photographs_without_a_face_are_left_out(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    cv2.imwrite(str(real / "wall.png"), np.full((300, 300, 3), 90, np.uint8))
    cv2.imwrite(str(real / "strip.png"), np.full((1, 3000, 3), 90, np.uint8))
    out = tmp_path / "beside.png"
    status, said = run(capsys, "preview", "--cache", prepared, "--beside", real, "--out", out, "--count", 2)
    assert status == 1 and out.is_file()
    assert "torn.jpg: not a picture" in said and "wall.png: 0 faces" in said
    assert "strip.png: a strip too narrow" in said


def test_bad_folders_are_told_in_a_sentence(
    prepared: Path, tmp_path: Path, mesh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, hint in (
        (("preview", "--cache", empty, "--out", out), "python -m model synthesize cache"),
        (
            ("preview", "--cache", prepared, "--out", empty / "no" / "where.png", "--count", 1),
            "cannot be written",
        ),
        (("preview", "--cache", prepared, "--out", out, "--beside", empty), "holds no photographs"),
        (
            ("cache", "--portraits", empty, "--mesh", mesh, "--cache", tmp_path / "new"),
            "manifest.csv cannot be read",
        ),
    ):
        status, said = run(capsys, *arguments)
        assert status == 2 and hint in said and said.count("\n") == 1


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array"])
def test_damaged_maps_are_told(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: bytes
) -> None:
    (tmp_path / "index.json").write_bytes((prepared / "index.json").read_bytes())
    for path in prepared.glob("*.npy"):
        (tmp_path / path.name).write_bytes(damage)
    status, said = run(capsys, "preview", "--cache", tmp_path, "--out", tmp_path / "out.png")
    assert status == 2 and "is damaged; make the cache anew" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("file,source,person\n", "names no portraits"),
        ("file,person\na.jpg,anna\n", "line 2, has no source"),
        ("file,source,person\na.jpg,x,anna\nb.jpg,x,\n", "line 3, has no person"),
        ("file,source,person\na.jpg,x,anna\na.png,x,berta\n", "2 portraits that the cache would call a"),
    ],
)
def test_a_faulty_manifest_is_told_with_its_line(
    tmp_path: Path, mesh: Path, capsys: pytest.CaptureFixture[str], text: str, hint: str
) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    status, said = run(capsys, "cache", "--portraits", tmp_path, "--mesh", mesh, "--cache", tmp_path / "new")
    assert status == 2 and hint in said


def test_a_file_that_is_no_mesh_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.csv").write_text("file,source,person\na.jpg,x,anna\n")
    arguments = ("--portraits", tmp_path, "--mesh", tmp_path / "manifest.csv", "--cache", tmp_path / "new")
    status, said = run(capsys, "cache", *arguments)
    assert status == 2 and "ict_face_model_light.npz" in said


def test_pictures_that_cannot_be_used_are_named(
    tmp_path: Path, mesh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.csv").write_text("file,source,person\nmissing.jpg,x,anna\n")
    arguments = ("--portraits", tmp_path, "--mesh", mesh, "--cache", tmp_path / "new", "--processes", 1)
    status, said = run(capsys, "cache", *arguments)
    assert status == 2 and "missing.jpg: not a picture" in said
