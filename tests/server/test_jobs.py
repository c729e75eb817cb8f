"""Jobs and their memory, without any socket."""

from __future__ import annotations

import os
import socket
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
from server.service import buffers
from server.service.buffers import Buffer, Layout, attach
from server.service.job import Job, State
from server.service.job_queue import JobQueue
from server.service.limits import Limits, OverLimit

SAMPLES = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}


def submitted(
    jobs: JobQueue, number: int = 0, width: int = 4, height: int = 4, peer: str = "peer", **more: Any
) -> Job:
    image = {"width": width, "height": height, "channels": 1, "sample": "u8"}
    header = {"job": f"{number:032x}", "image": image, "settings": {}, "selection": None, **more}
    return jobs.submit(peer, header, 0, 0.0)[0]


def take(job: Job, plane: str, row: int, rows: int, data: bytes) -> None:
    job.place(plane, row, rows, len(data))[:] = data
    job.took(len(data))


def queued(jobs: JobQueue, number: int, peer: str) -> Job:
    job = submitted(jobs, number, peer=peer)
    take(job, "pixels", 0, 4, bytes(16))
    jobs.enqueue(job)
    return job


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
        jobs = JobQueue(Path(folder), Limits())
        job = submitted(jobs, image=image, selection=vars(box), settings={"mask": True})
        for plane, rows in (("pixels", pixels), ("selection", np.ones((box.height, box.width), np.uint8))):
            row = 0
            while row < len(rows):
                count = data.draw(st.integers(1, len(rows) - row))
                assert job.state is State.UPLOADING
                take(job, plane, row, count, rows[row : row + count].tobytes())
                row += count
        assert job.state is State.QUEUED
        job.state, job.result = State.DONE, {"box": vars(box)}
        memory, layout = job.buffer.view, job.layout
        begin = layout.offset("pixels")
        assert bytes(memory[begin : begin + layout.pixels]) == pixels.tobytes()
        memory[: layout.result] = memory[begin : begin + layout.pixels]  # as a worker without any effect does
        row = data.draw(st.integers(0, box.height - 1))
        count = data.draw(st.integers(1, box.height - row))
        inside = pixels[box.y + row : box.y + row + count, box.x : box.x + box.width]
        assert b"".join(job.give("pixels", row, count)) == inside.tobytes()
        assert sum(len(part) for part in job.give("mask", row, count)) == count * box.width
        jobs.forget(job)


def test_planes_lie_one_after_the_other() -> None:
    layout = Layout.of(ImageSpec(10, 5, 3, "u16"), Box(0, 0, 4, 3), mask=True, icc=7)
    planes = ("result", "pixels", "selection", "mask", "icc")
    assert [layout.offset(plane) for plane in planes] == [0, 300, 600, 612, 662]
    assert layout.total == 669


def test_a_reference_portrait_comes_last_and_only_with_its_network(tmp_path: Path) -> None:
    jobs, portrait = JobQueue(tmp_path, Limits()), {"width": 5, "height": 3, "channels": 3, "sample": "u8"}
    image, settings = {"width": 2, "height": 2, "channels": 1, "sample": "u8"}, {"network": "headshot"}
    header = {"job": "a" * 32, "image": image, "settings": settings, "reference": portrait}
    job, _ = jobs.submit(b"", header, 0, 0.0)
    take(job, "pixels", 0, 2, b"pppp")
    with pytest.raises(Problem):
        take(job, "selection", 0, 1, b"s")
    assert job.state is State.UPLOADING
    take(job, "reference", 0, 1, b"r" * 15)
    take(job, "reference", 1, 2, b"r" * 30)
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
            jobs.submit(b"", {**header, **change, "job": "b" * 32}, 0, 0.0)
        assert caught.value.code == code


def test_a_file_comes_in_place_of_pixels_and_goes_back_as_one(tmp_path: Path) -> None:
    jobs = JobQueue(tmp_path, Limits())
    job = submitted(jobs, file=11)
    assert job.task.kind == "file"
    with pytest.raises(Problem):
        job.place("pixels", 0, 12, 12)
    take(job, "pixels", 0, 8, b"whole fi")
    take(job, "pixels", 8, 3, b"le.")
    assert job.state is State.QUEUED and bytes(job.plane("pixels")) == b"whole file."
    job.plane("result")[:6] = b"result"
    job.state, job.result = State.DONE, {"box": None, "bytes": 6}
    assert b"".join(job.give("pixels", 2, 4)) == b"sult"
    for row, rows in ((0, 7), (6, 1), (0, 0)):
        with pytest.raises(Problem):
            job.give("pixels", row, rows)
    with pytest.raises(Problem):
        job.give("mask", 0, 1)
    job.result = {"box": None, "bytes": 0}  # no face: what lies there is an earlier picture's
    with pytest.raises(Problem, match="no rows"):
        job.give("pixels", 0, 1)
    assert submitted(jobs, number=1, file=900).layout.total == job.layout.total, "so that memory serves again"
    box = {"x": 0, "y": 0, "width": 1, "height": 1}
    assert submitted(jobs, number=3, series="measure").task.fields == {"series": "measure"}
    assert submitted(jobs, number=4, file=9, series=[None, [0, -0.1, 0.5]]).task.kind == "file"
    for odd in ({"series": 3}, {"series": [[1, 2]]}, {"series": [[1, 2, "3"]]}, {"series": [[0, 0, 9e9]]}):
        with pytest.raises(Problem):
            submitted(jobs, number=2, **odd)
    short = {"width": 2, "height": 3, "channels": 3, "sample": "u16"}
    vast = int("9" * 4300)  # which cannot even be written down with a digit more
    sizes = [{"file": odd} for odd in (-1, "a.jpg", vast)]
    for odd in (*sizes, {"file": 1, "selection": box}, {"file": 3, "image": short}):
        with pytest.raises(Problem) as caught:
            submitted(jobs, number=2, **odd)
        assert caught.value.code == "bad-request"


def test_the_memory_of_all_pictures_is_bounded(tmp_path: Path) -> None:
    """A picture counts twice, for its result has a place of its own."""
    jobs = JobQueue(tmp_path, Limits(memory=40))
    with pytest.raises(OverLimit) as caught:
        submitted(jobs, 1, 10, 10)
    assert (caught.value.code, caught.value.limit) == ("too-large", {"name": "memory", "value": 40})
    second, third = submitted(jobs, 2), submitted(jobs, 3, 2, 2)
    assert jobs.bytes_held == 40
    with pytest.raises(OverLimit) as caught:
        submitted(jobs, 4, 1, 1)
    assert (caught.value.code, caught.value.limit) == ("busy", {"name": "memory", "value": 40})
    for job in (second, third):
        jobs.forget(job)
    assert jobs.bytes_held == 0


@pytest.mark.parametrize(
    ("limits", "name", "code"),
    [
        (Limits(jobs=2), "jobs", "busy"),
        (Limits(jobs_per_client=2), "jobs-per-client", "busy"),
        (Limits(pixels=15), "pixels", "too-large"),
    ],
)
def test_every_limit_says_its_name_its_value_and_what_to_do(
    tmp_path: Path, limits: Limits, name: str, code: str
) -> None:
    jobs = JobQueue(tmp_path, limits)
    with pytest.raises(OverLimit) as caught:
        for number in range(3):
            submitted(jobs, number)
    value = limits.as_dict()[name]
    assert (caught.value.code, caught.value.limit) == (code, {"name": name, "value": value})
    assert f"the limit {name} is {value:.0f}" in caught.value.message
    assert f"--limit {name}=" in caught.value.hint
    for job in jobs.all():
        jobs.forget(job)


def test_limits_are_set_by_name(tmp_path: Path) -> None:
    limits = Limits.of(["jobs-per-client=3", "memory=2G", "stall-seconds=0.5"])
    assert (limits.jobs_per_client, limits.memory_bytes, limits.stall_seconds) == (3, 2 << 30, 0.5)
    assert limits.jobs == Limits().jobs and limits.as_dict()["memory"] == 2 << 30
    for wrong in (
        "jobs",
        "jobs=",
        "jobs=0",
        "jobs=nan",
        "jobs=inf",
        "pigs=3",
        "pixels=1G",
        "header-bytes=1M",
    ):
        with pytest.raises(Problem) as caught:
            Limits.of([wrong])
        assert caught.value.code == "bad-setting" and caught.value.hint


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
    other = attach(buffer.path, 1000, buffer.inode)
    other[10:13] = b"abc"
    assert bytes(buffer.view[10:13]) == b"abc"
    assert bool(list(tmp_path.iterdir())) == (platform != "linux")
    [rows] = buffer.rows(0, 100, 100, 10)
    buffer.release()
    buffer.release()
    assert bytes(rows[10:13]) == b"abc"  # a frame on its way keeps what it needs
    assert not list(tmp_path.iterdir())
    del rows, other
    assert psutil.Process().num_fds() == handles


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a buffer's file has a name of its own")
@pytest.mark.parametrize("size", [100, 100_000])
def test_a_buffer_that_is_gone_is_not_mistaken_for_the_next_one(tmp_path: Path, size: int) -> None:
    """Its path says a handle's number, which the front may give to another job before the worker looks."""
    gone = Buffer(1000, tmp_path)
    gone.release()
    with pytest.raises(FileNotFoundError):
        attach(gone.path, 1000, gone.inode)
    other = Buffer(size, tmp_path)
    assert other.path == gone.path
    with pytest.raises(FileNotFoundError):
        attach(gone.path, 1000, gone.inode)
    other.release()
    with socket.socket() as taken:
        assert gone.path.endswith(f"/{taken.fileno()}")
        with pytest.raises(FileNotFoundError):
            attach(gone.path, 1000, gone.inode)


def test_files_of_a_killed_server_are_swept(tmp_path: Path) -> None:
    for name in ("pixels-abc", "pixels-def", "server.log"):
        (tmp_path / name).write_text("")
    buffers.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]


def test_memory_serves_again_only_after_a_job_that_its_client_finished(tmp_path: Path) -> None:
    jobs = JobQueue(tmp_path, Limits())
    first = submitted(jobs, 1, 10, 10)
    path = first.buffer.path
    jobs.finish(first)
    second = submitted(jobs, 2, 9, 9)
    assert second.buffer.path == path
    with pytest.raises(Problem):
        take(second, "pixels", 0, 10, bytes(100))
    jobs.finish(second)
    small = submitted(jobs, 3, 2, 2)
    assert small.buffer.size == 8
    jobs.forget(small)
    jobs.trim()


def test_memory_that_serves_again_counts_in_full(tmp_path: Path) -> None:
    jobs = JobQueue(tmp_path, Limits(memory=400))
    first = submitted(jobs, 1, 10, 10)
    jobs.finish(first)
    second = submitted(jobs, 2, 9, 9)
    assert jobs.bytes_held == 200 and second.buffer is first.buffer
    third = submitted(jobs, 3, 10, 10)
    jobs.finish(second)
    jobs.forget(third)
    fourth, fifth = submitted(jobs, 4, 12, 12), submitted(jobs, 5, 7, 7)
    assert jobs.bytes_held == 288 + 98
    for job in (fourth, fifth):
        jobs.forget(job)
    jobs.trim()


def test_the_queue_of_one_client_keeps_its_order(tmp_path: Path) -> None:
    jobs = JobQueue(tmp_path, Limits())
    held = [queued(jobs, number, "one") for number in range(3)]
    assert [jobs.position(job) for job in held] == [1, 2, 3]
    jobs.forget(held[1])
    assert [jobs.position(held[0]), jobs.position(held[2]), jobs.waiting] == [1, 2, 2]
    assert jobs.next() is held[0] and jobs.next() is held[2] and jobs.next() is None
    for job in (held[0], held[2]):
        jobs.forget(job)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=12), st.data())
def test_clients_take_turns_and_positions_tell_the_truth(peers: list[str], data: st.DataObject) -> None:
    """However many pictures a client sent, between two of its own every other waiting client has one."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = JobQueue(Path(folder), Limits())
        held = [queued(jobs, number, peer) for number, peer in enumerate(peers)]
        for _ in range(data.draw(st.integers(0, len(held)))):
            held.remove(jobs.next())  # type: ignore[arg-type]
        told = {job.id: jobs.position(job) for job in held}
        order = []
        while (job := jobs.next()) is not None:
            order.append(job)
        assert {job.id: number for number, job in enumerate(order, 1)} == told
        for number, job in enumerate(order):
            same = [later for later in order[number + 1 :] if later.peer == job.peer]
            between = order[number + 1 : order.index(same[0])] if same else []
            waiting = {later.peer for later in order[number + 1 :]} - {job.peer}
            assert not same or {one.peer for one in between} == waiting
        for job in jobs.all():
            jobs.forget(job)


def test_a_job_whose_worker_died_is_the_next_one(tmp_path: Path) -> None:
    jobs = JobQueue(tmp_path, Limits())
    first, second = queued(jobs, 1, "one"), queued(jobs, 2, "two")
    assert jobs.next() is first
    jobs.enqueue(first, first=True)
    assert [jobs.position(first), jobs.position(second)] == [1, 2]
    for job in (first, second):
        jobs.forget(job)


def test_a_job_goes_over_to_a_connection_that_sends_it_again(tmp_path: Path) -> None:
    jobs = JobQueue(tmp_path, Limits())
    kept, bound = submitted(jobs, 1, keep=5), submitted(jobs, 2)
    assert submitted(jobs, 1, peer="other") is kept and jobs.of("other", kept.id) is kept
    with pytest.raises(Problem, match="another connection"):
        submitted(jobs, 2, peer="other")
    with pytest.raises(Problem, match="seconds"):
        submitted(jobs, 3, keep=1000)
    for job in (kept, bound):
        jobs.forget(job)
