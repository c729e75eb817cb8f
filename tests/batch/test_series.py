"""A person's skin in one light does not jump from picture to picture; other series are left alone."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.batch.series import LEAST, MeasuredFace, colours_of, decide, people, taken
from server.files import exif
from tests.sample import SELFIE

from .test_batch import batch, lines

FACE = np.s_[175:265, 100:205]  # of the selfie at a quarter of its size: cheeks, nose, chin


def shoot(folder: Path, count: int) -> None:
    """One photograph again and again, as if the camera chose its white balance anew each time."""
    folder.mkdir()
    small = (np.asarray(Image.open(SELFIE).reduce(4)) / np.float32(255)) ** 2.2
    dice = np.random.default_rng(3)
    for number in range(count):
        gains = np.exp(dice.normal(0, 0.05, 3) * [1, 0.2, 1]).astype(np.float32)
        picture = Image.fromarray((np.clip(small * gains, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8))
        described = Image.Exif()
        described.get_ifd(34665).update(
            {36867: f"2026:05:01 10:00:{number:02d}", 33434: 0.01, 33437: 2.8, 34855: 100, 37385: 1}
        )
        picture.save(folder / f"{number:02d}.jpg", quality=95, exif=described)


def jumps(folder: Path) -> tuple[float, float]:
    """Medians of CIEDE2000, and of the distance of a and b alone, between neighbours' faces' mean colours."""
    skimage = pytest.importorskip(
        "skimage.color", reason="SKIMAGE IS NOT INSTALLED: series were not compared"
    )
    pictures = [np.asarray(Image.open(path))[FACE] / 255 for path in sorted(folder.glob("*.jpg"))]
    means = [skimage.rgb2lab(picture).mean((0, 1)) for picture in pictures]
    neighbours = list(itertools.pairwise(means))
    whole = [skimage.deltaE_ciede2000(a, b) for a, b in neighbours]
    colour = [np.hypot(*(a - b)[1:]) for a, b in neighbours]
    return float(np.median(whole)), float(np.median(colour))


def test_jumps_between_neighbours_fall(tmp_path: Path) -> None:
    """More than halved, against the photographs and against results without it; brightness stays."""
    shoot(tmp_path / "shoot", 12)
    assert batch(tmp_path / "shoot", "-o", tmp_path / "plain").returncode == 0
    result = batch(tmp_path / "shoot", "-o", tmp_path / "matched", "--match-series")
    assert result.returncode == 0 and "12 done" in result.stderr, result.stderr
    shot, plain, matched = (jumps(tmp_path / name) for name in ("shoot", "plain", "matched"))
    assert shot[0] > 2 and matched[0] < 0.5 * shot[0], (shot, matched)
    assert plain[1] > 0.6 and matched[1] < 0.5 * plain[1], (plain, matched)
    assert matched[0] < 0.5 * plain[0], (plain, matched)
    assert all(len(line["colours"]) == 1 for line in lines(tmp_path / "matched"))
    words = (tmp_path / "shoot", "-o", tmp_path / "matched", "--match-series", "--resume")
    assert "12 are done already" in batch(*words, "--dry-run").stderr
    assert "12 done before" in batch(*words).stderr


def measured_face(number: int, skin: list[float], **more: object) -> MeasuredFace:
    person = np.zeros(128, np.float32)
    person[0] = float(more.pop("who", 0))  # type: ignore[arg-type]
    facts = {"seconds": float(number), "exposure": 8.0, "flash": True} | more
    vectors = {"person": person, "own": np.zeros(3, np.float32), "skin": np.asarray(skin, np.float32)}
    return MeasuredFace(f"{number:02d}.jpg", 0, **facts, **vectors)  # type: ignore[arg-type]


def test_a_jump_is_smoothed_and_brightness_is_not() -> None:
    seen = [measured_face(number, [0.1 * (number % 2), 0, 0]) for number in range(12)]
    decisions = decide(seen)
    steps = np.stack([one.skin + decisions[one.name][0] for one in seen])
    chroma = steps - steps.mean(1, keepdims=True)
    assert np.abs(np.diff(chroma, axis=0)).max() < 0.01
    darker = [measured_face(number, [-0.7 * (number % 2)] * 3) for number in range(12)]
    assert all(np.abs(decided[0]).max() < 1e-6 for decided in decide(darker).values())


@pytest.mark.parametrize(
    "other",
    [{"who": 1}, {"flash": False}, {"exposure": 12.0}, {"seconds": 5000.0}],
    ids=lambda o: next(iter(o)),
)
def test_other_people_and_lights_are_other_series(other: dict[str, object]) -> None:
    seen = [measured_face(number, [0, 0, 0]) for number in range(6)]
    seen += [measured_face(10 + number, [0.15, 0, 0], **other) for number in range(6)]
    assert all(np.abs(decided[0]).max() < 1e-6 for decided in decide(seen).values())


def test_an_archives_people_are_not_all_compared() -> None:
    """With ten thousand people that took hours. Who comes back after a light is over begins a new series."""
    seen = [measured_face(number, [0, 0, 0], seconds=2000.0 * (number // 3)) for number in range(9)]
    assert [len(group) for group in people(seen)] == [3, 3, 3]
    crowd = [measured_face(number, [0, 0, 0], who=number % 40) for number in range(400)]
    assert [len(group) for group in people(crowd)] == [10] * 40


def test_too_few_or_too_far_is_no_series() -> None:
    assert not decide([measured_face(number, [0.1 * number, 0, 0]) for number in range(LEAST - 1)])
    seen = [measured_face(number, [0, 0, 0]) for number in range(6)] + [measured_face(6, [1.5, 0, 0])]
    assert "06.jpg" not in decide(seen)


def test_a_time_that_the_file_cannot_mean() -> None:
    """1e999 fractions of a second made the whole run's time infinite."""
    date = exif.Entry(36867, 2, 20, b"2026:05:01 10:00:00\0")
    for digits, more in ((b"25\0", 0.25), (b"1e999\0", 0.0), (b"-5\0", 0.0), (b"\0", 0.0)):
        inner = (date, exif.Entry(37521, 2, len(digits), digits))
        block = exif.Block("<", (exif.Entry(exif.EXIF, 4, 1, inner),)).coded()
        seconds = taken(block)["seconds"]
        assert seconds is not None and seconds % 1 == more


def test_a_hostile_manifest_decides_nothing(tmp_path: Path) -> None:
    """Lines that no run of ours has written, among those of a series."""
    path = tmp_path / "run.series.jsonl"

    def line(name: str, **changes: object) -> str:
        face = {"face": 0, "seconds": 1.0, "exposure": None, "flash": None}
        face |= {"person": [0.0] * 128, "own": [0.0] * 3, "skin": [0.0] * 3, **changes}
        return json.dumps({"name": name, "status": "measured", "mtime_ns": 1, "series": [face]})

    sound = [line(f"{number}.jpg", seconds=float(number), skin=[0.05 * number, 0, 0]) for number in range(5)]
    odd = [("face", 10**9), ("face", -1), ("face", "0"), ("seconds", math.inf), ("seconds", "1")]
    odd += [("seconds", 10**400), ("person", [1.0]), ("person", [math.nan] * 128), ("own", [1e300] * 3)]
    odd += [("skin", None), ("skin", {}), ("exposure", "x"), ("exposure", math.nan)]
    hostile = [line(f"odd {number}.jpg", **{name: value}) for number, (name, value) in enumerate(odd)]
    hostile += ["", "no JSON", "[" * 100_000, "7", '"name"', '{"name": 3}', '{"name": "x", "series": 7}']
    hostile += ['{"name": "y", "series": [7, null]}', '{"name": "z", "series": {"a": 1}}']
    path.write_text("\n".join([*hostile, *sound, ""]))
    assert sorted(colours_of(path)) == [f"{number}.jpg" for number in range(5)]
