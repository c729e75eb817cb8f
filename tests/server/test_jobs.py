"""Jobs and their memory, without any socket."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem
from server import buffers
from server.buffers import Buffer, Layout, attach
from server.jobs import Job, Jobs, State

SAMPLES = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}


def submitted(jobs: Jobs, number: int = 0, width: int = 4, height: int = 4, **more: Any) -> Job:
    image = {"width": width, "height": height, "channels": 1, "sample": "u8"}
    header = {"job": f"{number:032x}", "image": image, "settings": {}, "selection": None, **more}
    return jobs.submit(b"peer", header, None, 0.0)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[np.ndarray, Box, str]:
    """A picture, a box inside it and its kind of samples."""
    sample = draw(st.sampled_from(sorted(SAMPLES)))
    height, width, channels = (draw(st.integers(1, most)) for most in (40, 40, 4))
    pixels = np.random.default_rng(0).integers(0, 250, (height, width, channels)).astype(SAMPLES[sample])
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    box = Box(x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))
    return pixels, box, sample


@settings(max_examples=60, deadline=None)
@given(pictures(), st.data())
def test_rows_go_in_and_come_out_as_they_are(
    picture: tuple[np.ndarray, Box, str], data: st.DataObject
) -> None:
    pixels, box, sample = picture
    height, width, channels = pixels.shape
    image = {"width": width, "height": height, "channels": channels, "sample": sample}
    with tempfile.TemporaryDirectory() as folder:
        jobs = Jobs(Path(folder))
        job = submitted(jobs, image=image, selection=vars(box), settings={"mask": True})
        for plane, rows in (("pixels", pixels), ("selection", np.ones((box.height, box.width), np.uint8))):
            row = 0
            while row < len(rows):
                count = data.draw(st.integers(1, len(rows) - row))
                assert job.state is State.UPLOADING
                job.take(plane, row, count, memoryview(rows[row : row + count].tobytes()))
                row += count
        assert job.state is State.QUEUED
        job.state, job.result = State.DONE, {"box": vars(box)}
        row = data.draw(st.integers(0, box.height - 1))
        count = data.draw(st.integers(1, box.height - row))
        inside = pixels[box.y + row : box.y + row + count, box.x : box.x + box.width]
        assert bytes(job.give("pixels", row, count)) == inside.tobytes()
        assert len(job.give("mask", row, count)) == count * box.width
        jobs.forget(job)


def test_planes_lie_one_after_the_other() -> None:
    layout = Layout.of(ImageSpec(10, 5, 3, "u16"), Box(0, 0, 4, 3), mask=True, icc=7)
    assert [layout.offset(plane) for plane in ("pixels", "selection", "mask", "icc")] == [0, 300, 312, 362]
    assert layout.total == 369


def test_a_reference_portrait_comes_last_and_only_with_its_network(tmp_path: Path) -> None:
    jobs, portrait = Jobs(tmp_path), {"width": 5, "height": 3, "channels": 3, "sample": "u8"}
    image, settings = {"width": 2, "height": 2, "channels": 1, "sample": "u8"}, {"network": "headshot"}
    header = {"job": "a" * 32, "image": image, "settings": settings, "reference": portrait}
    job = jobs.submit(b"", header, None, 0.0)
    job.take("pixels", 0, 2, memoryview(b"pppp"))
    with pytest.raises(Problem):
        job.take("selection", 0, 1, memoryview(b"s"))
    assert job.state is State.UPLOADING
    job.take("reference", 0, 1, memoryview(b"r" * 15))
    job.take("reference", 1, 2, memoryview(b"r" * 30))
    assert job.state is State.QUEUED
    start = job.layout.offset("reference")
    assert bytes(job.buffer.view[start : start + job.layout.reference]) == b"r" * 45
    jobs.forget(job)
    for change, code in (
        ({"reference": None}, "bad-setting"),
        ({"settings": {}}, "bad-setting"),
        ({"reference": {**portrait, "channels": 4}}, "bad-request"),
        ({"reference": {**portrait, "width": 2081}}, "bad-request"),
        ({"reference": "/etc/passwd"}, "bad-request"),
    ):
        with pytest.raises(Problem) as caught:
            jobs.submit(b"", {**header, **change}, None, 0.0)
        assert caught.value.code == code


def test_one_job_is_always_let_in_the_next_only_when_there_is_room(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, memory_cap=20)
    first = submitted(jobs, 1, 10, 10)
    with pytest.raises(Problem) as caught:
        submitted(jobs, 2)
    assert caught.value.code == "busy"
    jobs.forget(first)
    second = submitted(jobs, 2)
    third = submitted(jobs, 3, 2, 2)
    assert jobs.bytes_held == 20
    for job in (second, third):
        jobs.forget(job)
    assert jobs.bytes_held == 0


def test_more_memory_than_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem) as caught:
        Buffer(psutil.virtual_memory().total * 2, tmp_path)
    assert caught.value.code == "out-of-memory"
    monkeypatch.setattr(buffers, "_reserve", lambda handle, size, on_disk: os.truncate(handle, 0))
    with pytest.raises(Problem) as caught:  # what a full disk or an exhausted quota looks like
        Buffer(1000, tmp_path)
    assert caught.value.code == "out-of-memory"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_memory_is_shared_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    handles = psutil.Process().num_fds()
    buffer = Buffer(100_000, tmp_path)
    other = attach(buffer.path, 1000)
    other[10:13] = b"abc"
    assert bytes(buffer.view[10:13]) == b"abc"
    assert bool(list(tmp_path.iterdir())) == (platform != "linux")
    rows = buffer.rows(0, 100, 100, 10)
    buffer.release()
    buffer.release()
    assert bytes(rows[10:13]) == b"abc"  # a frame on its way keeps what it needs
    assert not list(tmp_path.iterdir())
    del rows, other
    assert psutil.Process().num_fds() == handles


def test_files_of_a_killed_server_are_swept(tmp_path: Path) -> None:
    for name in ("pixels-abc", "pixels-def", "server.log"):
        (tmp_path / name).write_text("")
    buffers.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]


def test_memory_serves_again_only_after_a_job_that_its_client_finished(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    first = submitted(jobs, 1, 10, 10)
    path = first.buffer.path
    jobs.finish(first)
    second = submitted(jobs, 2, 9, 9)
    assert second.buffer.path == path
    with pytest.raises(Problem):
        second.take("pixels", 0, 10, memoryview(bytes(100)))
    jobs.finish(second)
    small = submitted(jobs, 3, 2, 2)
    assert small.buffer.size == 4
    jobs.forget(small)
    jobs.trim()


def test_the_queue_keeps_its_order(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    held = [submitted(jobs, number) for number in range(3)]
    for job in held:
        job.take("pixels", 0, 4, memoryview(bytes(16)))
        jobs.enqueue(job)
    assert [jobs.position(job) for job in held] == [1, 2, 3]
    jobs.forget(held[1])
    assert [jobs.position(held[0]), jobs.position(held[2]), jobs.waiting] == [1, 2, 2]
    assert jobs.next() is held[0] and jobs.next() is held[2] and jobs.next() is None
    for job in (held[0], held[2]):
        jobs.forget(job)
