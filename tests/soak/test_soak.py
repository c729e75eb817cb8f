"""The soak in short, and whether it would notice."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.server.noise import Noise
from tests.server.running import COMMAND
from tests.soak import campaign as soak
from tests.soak.pictures import Picture, in_format

SHORT = soak.Schedule(
    jobs=120,
    clients=4,
    seed=7,
    calm=12,
    rest=4.0,
    pause=0.8,
    serve=(*COMMAND, "serve", "--limit", "silent-seconds=3", "--limit", "resume-seconds=3"),
    painter="tests.server.noise:Noise",
    faults=(*soak.FAULTS, "kill relay"),
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PORTRAIT_HOME", "")  # put back afterwards


@pytest.mark.slow
def test_every_job_under_faults_ends_right_or_with_a_clear_error() -> None:
    report = soak.run(SHORT)
    assert report["jobs"] == SHORT.jobs
    assert (report["lost"], report["swapped"], report["wrong"], report["leaked"]) == (0, 0, 0, []), report
    ended = report["right"] + report["clear_errors"] + report["killed_with_their_client"]
    assert ended == SHORT.jobs and report["right"] >= SHORT.jobs / 3, report
    assert sum(report["faults"].values()) >= 3, report
    assert report["errors"]["ENOSPC"] >= 1


class OffByOne(Noise):
    """Expects what no server gives."""

    def __call__(self, number: int) -> Picture:
        picture = super().__call__(number)
        expected = picture.expected()
        expected.reshape(-1)[0] += 1
        return dataclasses.replace(picture, expected=lambda: expected)


def test_wrong_pixels_are_noticed() -> None:
    quiet = dataclasses.replace(SHORT, jobs=6, calm=6, painter="tests.soak.test_soak:OffByOne")
    report = soak.run(quiet)
    assert (report["right"], report["wrong"], report["swapped"]) == (0, 6, 0)


def test_swapped_and_lost_jobs_are_noticed() -> None:
    tally = soak.Tally({1, 2, 3, 4}, {1: "a", 2: "b", 3: "c", 4: "d"})
    tally.ended = {1: {"outcome": "wrong", "result": "b"}, 2: {"outcome": "unclear", "code": "internal"}}
    tally.killed = {4}
    assert (tally.swapped(), tally.lost()) == (1, [2, 3])


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_formats(sample: str, channels: int) -> None:
    rgb = np.full((3, 5, 3), 255, np.uint8)
    pixels: Any = in_format(rgb, sample, channels)
    top = {"u8": 255, "u16": 65535, "f32": 1.0}[sample]
    assert pixels.shape == (3, 5, channels) and pixels.flags.c_contiguous and (pixels == top).all()
