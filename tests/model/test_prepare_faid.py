"""FAID's layout: linear 16-bit camera colours, light of the flash alone, a matrix in the PNG's text."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from model.data.prepare import faid
from model.data.prepare.pairing import Unusable
from model.data.synthesize.portraits import Unfit
from model.paper.colour import decode_srgb

TO_CAMERA = np.array([[0.9, -0.2, -0.1], [-0.4, 1.2, 0.2], [-0.1, 0.2, 0.6]])  # from XYZ, as a phone's


def write(path: Path, srgb_linear: np.ndarray, comment: str | None = None) -> None:
    """(H, W, 3) linear sRGB as the camera of `TO_CAMERA` saw it, or as it is when there is no comment."""
    camera = srgb_linear @ (TO_CAMERA @ np.linalg.inv(faid.TO_SRGB)).T if comment else srgb_linear
    samples = np.rint(camera.clip(0, 1) * 65535).astype(np.uint16)
    done, data = cv2.imencode(".png", samples[..., ::-1])
    assert done
    raw, head = data.tobytes(), 33  # signature and IHDR
    if comment:
        body = b"tEXtComment\0" + comment.encode()
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        raw = raw[:head] + chunk + raw[head:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


@pytest.mark.parametrize("comment", [None, " ".join(map(str, TO_CAMERA.ravel()))])
def test_both_lights_add_up_and_colours_come_back(tmp_path: Path, comment: str | None) -> None:
    random = np.random.default_rng(0)
    grey = random.uniform(0.05, 0.3, (40, 40, 1))
    scene = np.repeat(grey, 3, axis=2)
    scene[:10, :10] = [0.12, 0.06, 0.04]
    write(tmp_path / "People/People_001_flash.png", scene * 0.5, comment)
    write(tmp_path / "People/People_001_ambient.png", scene * 0.25, comment)
    found, missing = faid.candidates(tmp_path)
    assert [one.person for one in found] == ["People_001"] and not missing
    x, o = found[0].read(found[0].flash, found[0].studio)
    assert x.dtype == np.uint8 and x.shape == (40, 40, 3)
    patch = decode_srgb(x[:10, :10] / 255).mean(axis=(0, 1))
    assert patch[0] / patch[1] == pytest.approx(2, rel=0.06)  # the cast of a grey scene is none
    assert np.abs(x.astype(int) - o).max() <= 2  # the same scene, each exposed by itself


def test_other_categories_are_passed_over_and_a_missing_half_is_told(tmp_path: Path) -> None:
    picture = np.full((8, 8, 3), 0.2)
    for name in ("People_001_flash", "People_002_flash", "People_002_ambient", "Rooms_003_flash"):
        write(tmp_path / f"{name}.png", picture)
    found, missing = faid.candidates(tmp_path)
    assert [one.name for one in found] == ["People_002"]
    assert len(missing) == 1 and "People_001_ambient.png is missing" in missing[0]


def test_what_is_not_faid_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="FAID"):
        faid.candidates(tmp_path)
    flash, ambient = tmp_path / "People_1_flash.png", tmp_path / "People_1_ambient.png"
    write(ambient, np.full((8, 8, 3), 0.2))
    cv2.imwrite(str(flash), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(Unfit, match="16-bit"):
        faid.photographs(flash, ambient)
    write(flash, np.full((8, 8, 3), 0.2), "1 2 three")
    with pytest.raises(Unfit, match="colour matrix"):
        faid.photographs(flash, ambient)
