"""The real worker: its process alone, then behind a real server with the shipped network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from model.inference.predictor import available, load, match
from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import ImageSpec, Problem, Settings
from server import imaging as pipeline
from server.remote import sending
from server.service import fallback
from server.service.buffers import Buffer, Layout
from server.service.worker_tools import LoadedNetworks, real_tools
from tests.model import made
from tests.sample import CHECKOUT, SELFIE

from .plain_worker import DEAF, HEAVY, SLOW, let_go
from .running import PATIENCE, gone, wait_for


class Worker:
    """A worker process whose pipes the test holds."""

    def __init__(self, *words: str):
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def give(self, buffer: Buffer, spec: ImageSpec, name: str = "a", **settings: Any) -> None:
        self.tell(
            cmd="job",
            task={"kind": "retouch", "fields": {}},
            job=name,
            path=buffer.path,
            inode=buffer.inode,
            layout=vars(Layout.of(spec, None, False, 0)),
            image=vars(spec),
            settings=settings,
            selection=None,
            reference=None,
        )

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.process.stdout.close()


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    worker = Worker("-m", "tests.server.plain_worker")
    assert worker.hear()["event"] == "ready"
    yield worker
    worker.close()


def test_one_job(plain: Worker, tmp_path: Path) -> None:
    spec = ImageSpec(8, 8, 1, "u8")
    buffer = Buffer(128, tmp_path)
    plain.give(buffer, spec)
    assert plain.hear() == {"event": "progress", "job": "a", "stage": "predict", "fraction": 0.5}
    result = plain.hear()
    assert result["event"] == "result" and result["box"] == {"x": 2, "y": 2, "width": 4, "height": 4}
    assert bytes(buffer.view[:64]).count(255) == 16 and bytes(buffer.view[64:]) == bytes(64)
    buffer.release()


def test_a_cancel_comes_through_in_the_middle(plain: Worker, tmp_path: Path) -> None:
    buffer = Buffer(128, tmp_path)
    plain.give(buffer, ImageSpec(8, 8, 1, "u8"), network=SLOW)
    assert plain.hear()["event"] == "progress"
    plain.tell(cmd="cancel", job="a")
    assert plain.hear()["code"] == "cancelled"
    buffer.release()


def test_a_cancel_comes_through_while_a_network_is_loaded(plain: Worker, tmp_path: Path) -> None:
    buffer = Buffer(128, tmp_path)
    plain.give(buffer, ImageSpec(8, 8, 1, "u8"), network=HEAVY)
    time.sleep(0.2)
    plain.tell(cmd="cancel", job="a")
    assert plain.hear()["code"] == "cancelled"
    let_go(tmp_path)
    plain.give(buffer, ImageSpec(8, 8, 1, "u8"), name="b")
    assert [plain.hear()["event"] for _ in range(2)] == ["progress", "result"]
    buffer.release()


def test_pixels_that_have_gone_are_an_error_not_the_end(plain: Worker, tmp_path: Path) -> None:
    buffer = Buffer(128, tmp_path)
    buffer.release()
    plain.give(buffer, ImageSpec(8, 8, 1, "u8"))
    assert plain.hear()["code"] == "cancelled"
    buffer = Buffer(128, tmp_path)
    plain.give(buffer, ImageSpec(8, 8, 1, "u8"))
    assert [plain.hear()["event"] for _ in range(2)] == ["progress", "result"]
    buffer.release()


def test_it_ends_with_the_front_even_during_work(plain: Worker, tmp_path: Path) -> None:
    buffer = Buffer(128, tmp_path)
    plain.give(buffer, ImageSpec(8, 8, 1, "u8"), network=DEAF)
    assert plain.hear()["event"] == "progress"
    plain.close()
    buffer.release()


NOISY = """
import multiprocessing, os, subprocess, sys
from server.service.worker import start
from server.service.worker_tools import Tools
from tests.server import plain_worker

def predictor(name):
    print("a library's chatter")
    subprocess.run(["echo", "a program's"])
    child = multiprocessing.get_context("fork").Process(target=print, args=("a child's",))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    return plain_worker.tools("auto").predictor(name)

start(lambda args: Tools(plain_worker.retouch, lambda box, mask: None, predictor))
"""

WITHOUT_WEIGHTS = """
from pathlib import Path
from model.inference import predictor
from server.service.worker import start
from server.service.worker_tools import real_tools

predictor.load.__defaults__ = (*predictor.load.__defaults__[:-1], Path("/nowhere"))
start(lambda args: real_tools("cpu", "auto"))
"""


def test_what_libraries_print_does_not_disturb_the_channel() -> None:
    worker = Worker("-c", NOISY)
    assert worker.hear()["event"] == "ready"
    worker.close()


def test_loading_the_network_talks_to_nobody() -> None:
    script = (
        "import sys; events = []\n"
        "watched = ('os.fork', 'os.posix_spawn', 'subprocess.Popen', 'socket.connect')\n"
        "sys.addaudithook(lambda event, args: events.append(event) if event in watched else None)\n"
        "from server.service.worker_tools import real_tools\n"
        "real_tools('cpu', 'auto').predictor('')\n"
        "print(events)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert told.stdout == "[]\n", told.stdout + told.stderr


def test_weights_that_are_not_there_are_told_with_each_job(tmp_path: Path) -> None:
    worker = Worker("-c", WITHOUT_WEIGHTS)
    buffer = Buffer(128, tmp_path)
    assert [worker.hear()[name] for name in ("event",)] == ["failed"]
    for _ in range(2):
        worker.give(buffer, ImageSpec(8, 8, 1, "u8"))
        told = worker.hear()
        assert (told["event"], told["code"]) == ("error", "weights")
    buffer.release()
    worker.close()


@pytest.mark.skipif(sys.platform == "darwin", reason="there it is there")
def test_a_device_that_is_not_there_ends_the_real_server(tmp_path: Path) -> None:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(tmp_path)}
    words = [sys.executable, "-m", "server", "serve", "--device", "mps"]
    told = subprocess.run(words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 2, told.stderr
    assert told.stderr.splitlines()[-1] == "studio-portrait: The device 'mps' is not there. Use auto or cpu."


@pytest.fixture(scope="module")
def real_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a real server with the shipped network, on the processor."""
    home = tmp_path_factory.mktemp("real")
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    words = [sys.executable, "-m", "server", "serve", "--device", "cpu"]
    process = subprocess.Popen(words, cwd=CHECKOUT, env=environment)
    wait_for(lambda: runtime.Runtime.read(home))
    with wait_for(lambda: Session.connect(home)) as early:
        assert early.status()["worker"]["state"] == "loading"  # reachable long before the network is loaded
    yield home
    process.terminate()
    assert process.wait(PATIENCE) == 0


@pytest.fixture
def real(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(real_home))
    with Session.open(start=False) as session:
        yield session


def through_the_server(
    session: Session, pixels: np.ndarray, portrait: np.ndarray | None = None, **settings: Any
) -> tuple[np.ndarray, dict[str, Any]]:
    out = pixels.copy()
    return out, sending.retouch(session, out, Settings(**settings), reference=portrait)


def test_the_server_gives_the_pipelines_own_pixels(real: Session) -> None:
    with Image.open(SELFIE) as image:
        pixels = np.asarray(image.convert("RGB"))
    out, result = through_the_server(real, pixels)
    direct = pixels.copy()
    predictor = load("", device="cpu")
    expected = pipeline.retouch(direct, Settings(), predictor)
    assert expected.box is not None and result["box"] == vars(expected.box)
    assert np.array_equal(out, direct) and not np.array_equal(out, pixels)
    assert result["faces"] == list(expected.faces) and result["faces"][0]["used"]
    assert (result["network"], result["weights"]) == (predictor.name, predictor.weights_sha256)
    assert {"faces", "filter", "predict", "reconstruct", "total"} <= set(result["ms"])
    status = real.status()
    assert (status["worker"]["state"], status["engine"]) == ("ready", predictor.engine)


def test_no_face_changes_nothing(real: Session) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    out, result = through_the_server(real, pixels)
    assert result["box"] is None and result["notes"] == ["No face was found."]
    assert np.array_equal(out, pixels)


def test_every_network_can_be_asked_for(real: Session) -> None:
    with Image.open(SELFIE) as image:
        pixels = np.asarray(image.convert("RGB").reduce(2))
    for info in available():
        out, result = through_the_server(real, pixels, network=info.name)
        assert (result["network"], result["weights"]) == (info.name, info.sha256)
        assert not np.array_equal(out, pixels)


def test_a_reference_portrait_is_matched(real: Session) -> None:
    with Image.open(SELFIE) as image:
        pixels = np.asarray(image.convert("RGB").reduce(2))
    portrait = (pixels * np.array([1.0, 0.8, 0.6])).astype(np.uint8)
    out, result = through_the_server(real, pixels, portrait, network="headshot")
    assert (result["network"], result["engine"]) == ("headshot", "opencv") and len(result["weights"]) == 64
    direct = pixels.copy()
    pipeline.retouch(direct, Settings(), match([portrait]))
    assert np.array_equal(out, direct) and not np.array_equal(out, pixels)
    with pytest.raises(Problem, match="No face was found in the reference portrait"):
        through_the_server(real, pixels, np.zeros_like(pixels), network="headshot")
    with pytest.raises(Problem, match="needs a reference portrait"):
        through_the_server(real, pixels, network="headshot")


def test_a_network_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(["first", "second"]):
        made.exported(tmp_path, name, seed=seed)
    monkeypatch.setattr(load, "__defaults__", (*load.__defaults__[:-1], tmp_path))
    predictor = real_tools("cpu", "auto").predictor
    assert predictor("") is predictor("first") and predictor("first").name == "first"
    assert predictor("second") is predictor("second")
    crop = np.full((1, 512, 512, 3), 0.4, np.float32)
    assert not np.array_equal(predictor("second")(crop), predictor("first")(crop))


def test_an_unknown_network(real: Session) -> None:
    with pytest.raises(Problem) as caught:
        through_the_server(real, np.zeros((8, 8, 3), np.uint8), network="unheard-of")
    assert caught.value.code == "unknown-network"


def test_a_real_job_is_cancelled_in_its_middle(real: Session) -> None:
    with Image.open(SELFIE) as image:  # large enough that there is a middle
        pixels = np.asarray(image.convert("RGB").resize((3 * image.width, 3 * image.height)))
    spec = ImageSpec(pixels.shape[1], pixels.shape[0], 3, "u8")
    stages: set[str] = set()
    sent = 0.0

    def cancelled() -> bool:
        """True once the worker is at work: stages are told ten times a second at most, one may be missed."""
        return bool(sent) and (stages > {"upload", "queue"} or time.monotonic() - sent > 0.15)

    def progress(stage: str, fraction: float) -> None:
        nonlocal sent
        stages.add(stage)
        if (stage, fraction) == ("upload", 1.0):
            sent = time.monotonic()

    read = sending.reader(pixels)
    worker = psutil.Process(real.status()["worker"]["pid"])
    idle = sum(worker.cpu_times()[:2])
    real.retouch(spec, read, lambda *rows: None)
    done = sum(worker.cpu_times()[:2])
    with pytest.raises(Problem) as caught:
        real.retouch(spec, read, lambda *rows: None, progress=progress, cancelled=cancelled)
    assert caught.value.code == "cancelled"
    assert real.status()["memory"]["pictures"] == 0
    wait_for(lambda: not real.status()["running"])
    assert sum(worker.cpu_times()[:2]) - done < done - idle, "it stops in the middle"


def test_nothing_is_left_when_the_client_ends(real_home: Path) -> None:
    found = runtime.Runtime.read(real_home)
    assert found is not None and not gone(found.pid)
    assert {path.name for path in real_home.iterdir()} == {
        "server.json",
        "server.lock",
        "server.log",
        "server.sock",
    }


@pytest.fixture
def faulty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Session]:
    """A session with a real server in whose worker a fault is injected into the prediction."""
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    words = [sys.executable, "tests/server/faulty_server.py", request.param, "serve", "--device", "cpu"]
    process = subprocess.Popen(words, cwd=CHECKOUT)
    wait_for(lambda: runtime.Runtime.read(tmp_path))
    with Session.open(start=False) as session:
        yield session
    process.terminate()
    assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("faulty", ["memory"], indirect=True)
def test_a_device_without_memory_leaves_the_work_to_the_processor(faulty: Session) -> None:
    with Image.open(SELFIE) as image:
        pixels = np.asarray(image.convert("RGB"))
    out, result = through_the_server(faulty, pixels)
    assert result["notes"] == [fallback.SMALLER, fallback.PROCESSOR] and result["device"] == "cpu"
    direct = pixels.copy()
    pipeline.retouch(direct, Settings(), load("", device="cpu"))
    assert np.array_equal(out, direct) and not np.array_equal(out, pixels)


@pytest.mark.parametrize("faulty", ["device"], indirect=True)
def test_a_broken_device_ends_the_worker_and_not_the_server(faulty: Session) -> None:
    with Image.open(SELFIE) as image:
        pixels = np.asarray(image.convert("RGB"))
    with pytest.raises(Problem) as caught:
        through_the_server(faulty, pixels)
    assert caught.value.code == "rejected" and "status 70" in caught.value.message
    out, result = through_the_server(faulty, np.zeros((300, 400, 3), np.uint8))
    assert result["box"] is None and not out.any()


def test_a_network_whose_file_changes_is_loaded_anew(tmp_path: Path) -> None:
    """And refused when it is not what belongs to this version; one that is put back works again."""
    weights, loads = tmp_path / "one.npz", 0
    weights.write_bytes(b"right")

    def load_it(name: str) -> SimpleNamespace:
        nonlocal loads
        loads += 1
        if weights.read_bytes() != b"right":
            raise Problem("weights", "The weights are not those that belong to this version.")
        return SimpleNamespace(name="one")

    networks = LoadedNetworks(load_it, lambda name: [weights])
    assert networks("") is networks("one") and loads == 1
    weights.write_bytes(b"wrong")
    for _ in range(2):
        with pytest.raises(Problem):
            networks("one")
    weights.write_bytes(b"right")
    os.utime(weights, ns=(1, 1))
    assert networks("").name == "one" and networks("one") is networks("") and loads == 4
