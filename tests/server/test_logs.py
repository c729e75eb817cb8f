"""The log: bounded, whole, with the job in every line about one, and without what is the user's."""

from __future__ import annotations

import logging
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link import runtime
from server.service import logs
from tests.sample import CHECKOUT

from .plain_worker import FAULTY, SLOW
from .running import PATIENCE, Client, Server, wait_for


def text_of(server: Server) -> str:
    return (server.home / "server.log").read_text(encoding="utf-8")


def test_what_a_worker_says_of_a_job_has_its_id(server: Server) -> None:
    job = secrets.token_hex(16)
    with Client(server) as client:
        client.upload(job, fault=FAULTY)
        client.refused("internal")
    wait_for(lambda: "RuntimeError: a fault of the pipeline" in text_of(server))
    about = [line for line in text_of(server).splitlines() if "pipeline" in line or "Traceback" in line]
    assert about and all(f"job {job[:8]}: " in line for line in about)


def test_every_line_about_a_job_names_it(server: Server) -> None:
    jobs = [secrets.token_hex(16) for _ in range(3)]
    with Client(server) as client:
        client.upload(jobs[0])
        assert client.receive()["cmd"] == "RESULT"
        client.upload(jobs[1], fault=SLOW)
        client.running(jobs[1])
    wait_for(lambda: f"job {jobs[1][:8]}: the client has gone" in text_of(server))
    for line in text_of(server).splitlines():
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [a-z]+: ", line), line
        if re.search(r"\b(job|picture|client has)\b", line):
            assert re.search(r": job [0-9a-f]{8}: ", line), line


def test_no_file_names_of_the_user(server: Server, tmp_path: Path) -> None:
    """A whole run of the command line leaves neither the picture's name nor its folder in the log."""
    folder = tmp_path / "Wedding of Annika"
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)
    Image.fromarray(noise).save(folder / "first-kiss.png")
    out = folder / "out" / "first-kiss-retouched.png"
    words = ["retouch", str(folder / "first-kiss.png"), "-o", str(out.parent) + os.sep]
    environment = {**os.environ, runtime.HOME_VARIABLE: str(server.home)}
    done = subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    text = text_of(server)
    assert "'width': 120" in text
    assert not re.search(r"wedding|annika|kiss|\.png", text, re.IGNORECASE)


def test_the_log_is_turned_over_and_takes_stderr_along(tmp_path: Path) -> None:
    """As for a server that GIMP started: its standard error is the log itself."""
    script = (
        "import logging, os, sys; from pathlib import Path; from server.service import logs\n"
        "logs.MAX_BYTES = 20_000\n"
        f"path = Path({str(tmp_path)!r}) / 'server.log'\n"
        "logs.set_up(path)\n"
        "for number in range(3000):\n"
        "    logging.info(f'line {number}')\n"
        "    if number % 500 == 0: os.write(2, b'raw %d\\n' % number)\n"
        "os.write(2, b'the end\\n')\n"
    )
    with (tmp_path / "server.log").open("ab") as log:
        subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, stderr=log, check=True, timeout=60)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["server.log", "server.log.1", "server.log.2"]
    assert all(path.stat().st_size < 21_000 for path in tmp_path.iterdir())
    last = (tmp_path / "server.log").read_text()
    assert "line 2999" in last and last.endswith("the end\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_costs_log_lines_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "server.log").symlink_to("/dev/full")
    with Server(home) as server, Client(server) as client:
        client.upload(secrets.token_hex(16))
        assert client.receive()["cmd"] == "RESULT"


def test_what_a_process_under_us_says_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    words = [sys.executable, "-c", "import os; os.write(2, b'x' * 1_000_000 + b'\\n\\xff\\xfe\\n')"]
    with caplog.at_level(logging.INFO), subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        logs.forward(process.stderr, "child", lambda: "job 12345678: ").join(PATIENCE)
    assert sum(len(record.message) for record in caplog.records) > 1_000_000
    assert all(len(record.message) < logs.MAX_LINE + 50 for record in caplog.records)
    assert all(record.message.startswith("job 12345678: ") for record in caplog.records)
