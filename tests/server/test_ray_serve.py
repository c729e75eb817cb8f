"""A server whose network runs on Ray Serve, started on this machine: nobody who sends it pictures notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from plugin.studio_portrait.link import runtime
from server.remote import ray_cluster
from tests.sample import CHECKOUT, SELFIE

from .running import started, wait_for

pytest.importorskip("ray", reason="RAY IS NOT INSTALLED: Ray Serve was not tried")

LATE = "timed out during startup"


def command(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    whole = [sys.executable, "-m", "server", *(str(word) for word in words)]
    return subprocess.run(whole, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


def heard_from(server: psutil.Process) -> set[str]:
    """The addresses on which a server and all that it has started can be reached over the network."""
    tree = [server, *server.children(recursive=True)]
    all_of_it = [found for process in tree for found in process.net_connections("tcp")]
    return {found.laddr.ip.removeprefix("::ffff:") for found in all_of_it if found.status == "LISTEN"}


@pytest.mark.slow
def test_same_pixels_as_without_ray(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    picture = tmp_path / "a.png"
    Image.open(SELFIE).reduce(4).save(picture)
    serve = [sys.executable, "-m", "server", "serve", "--ray", "local", "--limit", "load-seconds=600"]
    environment = {**os.environ, runtime.HOME_VARIABLE: str(there)}
    with started(serve, 60.0, cwd=CHECKOUT, env=environment, stderr=subprocess.DEVNULL) as server:
        wait_for(lambda: server.poll() is not None or runtime.Runtime.read(there), 60)
        assert server.poll() is None

        log = there / "server.log"

        def known() -> bool:
            return server.poll() is not None or any(
                words in log.read_text("utf-8") for words in ("worker ready", "worker cannot", LATE)
            )

        wait_for(known, 400)
        if LATE in log.read_text("utf-8"):
            pytest.skip("RAY DID NOT START HERE WITHIN ITS OWN 30 SECONDS: Ray Serve was not tried")
        assert heard_from(psutil.Process(server.pid)) == {"127.0.0.1"}, "strangers could ask Ray"
        [worker] = psutil.Process(server.pid).children()
        [folder] = Path("/tmp").glob(f"{ray_cluster.FOLDER}{worker.pid}-*")
        assert folder.stat().st_mode & 0o777 == 0o700, "Ray lets everybody write into its own"
        told = command(there, "retouch", picture, "-o", tmp_path / "ray.png", "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(command(there, "status", "--json").stdout)["engine"] == "ray"
    assert command(here, "retouch", picture, "-o", tmp_path / "plain.png").returncode == 0
    command(here, "stop")
    before, ray, plain = (
        np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int)
        for name in ("a.png", "ray.png", "plain.png")
    )
    assert np.abs(ray - before).max() > 20
    assert np.abs(ray - plain).max() <= 1
