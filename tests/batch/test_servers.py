"""Batch over two servers with keys, as between machines; one of them is lost in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem, Settings
from server.batch import servers
from server.batch.item import Item, Order
from server.batch.servers import Servers
from server.files import exif
from server.remote.keys import CLIENTS, SERVERS, KeyRing
from server.stopwatch import Stopwatch
from tests.sample import CHECKOUT, alike
from tests.server.running import PATIENCE, wait_for

from .test_batch import batch, lines, lines_whole, write
from .test_series import shoot as take_series

_MAKER = 271  # EXIF's tag
HOSTS = ("127.0.0.1", "localhost")  # two names of one machine: keys are known by host


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, runtime.HOME_VARIABLE: str(home)}


class Farm:
    """Two real servers, and a state folder that may use them. `where`: their addresses."""

    def __init__(self, folder: Path):
        self.here = folder / "here"
        mine = KeyRing(self.here)
        mine.new()
        self.servers: list[subprocess.Popen[bytes]] = []
        self.where: list[str] = []
        for host in HOSTS:
            home = folder / host
            ring = KeyRing(home)
            ring.new()
            ring.allow(CLIENTS, "here", mine.own().public)
            mine.allow(SERVERS, host, ring.own().public)
            words = [sys.executable, "-m", "server", "serve", "--listen", "tcp://0.0.0.0:*"]
            self.servers.append(
                subprocess.Popen(words, cwd=CHECKOUT, env=environment(home), stderr=subprocess.DEVNULL)
            )
            port = wait_for(lambda home=home: self._port(home))
            self.where.append(f"{host}:{port}")

    @staticmethod
    def _port(home: Path) -> str:
        with Session.connect(home) or contextlib.nullcontext() as session:
            status = session.status() if session else {}
        ready = status.get("worker", {}).get("state") == "ready" and status.get("remote")
        return str(status["remote"]).rpartition(":")[2] if ready else ""

    def batch(self, *words: str | Path) -> subprocess.Popen[str]:
        servers = [word for where in self.where for word in ("--server", where)]
        command = [sys.executable, "-m", "server", "batch", *map(str, words), *servers]
        return subprocess.Popen(
            command, cwd=CHECKOUT, env=environment(self.here), stderr=subprocess.PIPE, text=True
        )

    def end(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()


def test_a_jpeg_too_large_to_travel_as_a_file_is_not_read_to_its_end_for_that(tmp_path: Path) -> None:
    """What works with its pixels reads it, and counts its bytes for the manifest."""
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(servers.MOST_FILE + 1)
    engine = object.__new__(Servers)  # nobody is called
    engine._mask = False
    session: Any = None  # nobody is asked
    line: dict[str, Any] = {}
    with patch.object(servers, "fingerprint", wraps=servers.fingerprint) as read:
        assert not engine._as_file(session, Item(str(path), str(path), path.name), line, Stopwatch())
    assert not read.called and not line


@pytest.mark.parametrize("status", [{}, {"workers": 3}])
def test_a_server_whose_account_makes_no_sense_is_told_and_left(status: dict[str, Any]) -> None:
    """No server of ours says so."""
    left = []
    with contextlib.ExitStack() as session:
        session.callback(left.append, True)
        said: Any = session
        said.status = lambda: status
        with (
            patch.object(Servers, "_called", lambda engine, host: session),
            pytest.raises(Problem, match="no sense"),
        ):
            Servers(Order(Settings().as_dict()), ["far"])
        assert left


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm")
    yield farm
    farm.end()


def test_servers_match_a_series_as_this_machine_does(farm: Farm, tmp_path: Path) -> None:
    """Who measures sees no time and no exposure; one of the pictures travels as pixels."""
    take_series(tmp_path / "shoot", 5)
    picture = Image.open(tmp_path / "shoot" / "03.jpg")
    picture.save(tmp_path / "shoot" / "03.png", exif=picture.getexif())
    out, local = tmp_path / "out", tmp_path / "local"
    said = farm.batch(tmp_path / "shoot", "-o", out, "--match-series").communicate(timeout=PATIENCE)[1]
    assert "6 done" in said, said
    assert batch(tmp_path / "shoot", "-o", local, "--match-series").returncode == 0
    ours, theirs = ({line["name"]: line["colours"] for line in lines(folder)} for folder in (out, local))
    assert ours == theirs and len(ours) == 6
    for name in ours:
        there, here = (np.asarray(Image.open(folder / name)).astype(int) for folder in (out, local))
        assert alike(there, here)


def test_a_lost_servers_pictures_go_to_the_other(
    farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(farm.here))
    with pytest.raises(Problem, match="other weights"):
        Servers(Order(Settings().as_dict()), farm.where, "0" * 64)
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    for number in range(12):
        write(shoot / f"{number:02d}.jpg", number)
    Image.open(shoot / "03.jpg").save(shoot / "03.png")
    turned = Image.open(shoot / "04.jpg").rotate(90, expand=True)
    secret = turned.getexif()
    secret[exif.ORIENTATION], secret[_MAKER] = 6, "Camera"
    turned.save(shoot / "04.jpg", quality=95, exif=secret)
    (shoot / "bad.jpg").write_text("no picture")
    running = farm.batch(shoot, "-o", out)
    wait_for(lambda: (out / "studio-portrait.jsonl").exists() and len(lines_whole(out)) >= 3)
    farm.servers[1].kill()
    said = running.communicate(timeout=PATIENCE)[1]
    assert running.returncode == 1 and "13 done, 1 failed" in said, said
    head = json.loads((out / "studio-portrait.jsonl").read_text().splitlines()[0])
    assert head["servers"] == farm.where
    done = {line["name"]: line for line in lines(out)}
    assert all(done[f"{number:02d}.jpg"]["status"] == "done" for number in range(12))
    local = tmp_path / "local"
    names = ("03.jpg", "03.png", "04.jpg")  # the second travels as pixels
    assert batch(*(shoot / name for name in names), "-o", local).returncode == 0
    for name in names:
        ours, theirs = (Image.open(folder / name) for folder in (out, local))
        assert alike(np.asarray(ours).astype(int), np.asarray(theirs).astype(int))
        assert ours.getexif() == theirs.getexif()
    assert ours.getexif()[_MAKER] == "Camera"
    farm.servers[0].kill()
    said = farm.batch(shoot, "-o", out, "--resume").communicate(timeout=PATIENCE)[1]
    assert "Traceback" not in said and "server" in said
