"""What is sent with a bug report holds nothing of whom it comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.studio_portrait.link import runtime
from server.remote.keys import CLIENTS, SERVERS, KeyRing, shown
from server.setup import report
from server.setup.redact import Redactor
from tests.sample import CHECKOUT

from .running import PATIENCE

TOKEN = "1f" * 32
REDACT = Redactor(
    ["s3cret=Key"],
    {"<home>": Path("/home/annika"), "<state>": Path("/home/annika/.local/state/studio-portrait")},
    ["annika", "Annika Muster", "darkroom-7"],
)


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        ("The file /home/annika/Photos/me.tif is damaged", "The file <home>/... is damaged"),
        ("in /home/annika/My Photos/2024/x y", "in <home>/... y"),
        ("log /home/annika/.local/state/studio-portrait/server.log", "log <state>/server.log"),
        ("cannot read '/media/usb stick/Wedding/IMG 1.JPG'", "cannot read <file>"),
        ("cannot read IMG_1234.jpeg.", "cannot read <file>."),
        ("of /media/stick/Wedding: no", "of <path>: no"),
        (r"of C:\Users\annika\x.txt or D:\y", "of <path> or <path>"),
        (r"of \\nas\share\y now", "of <path> now"),
        ("File /usr/lib/python3/x.py, line 3", "File /usr/lib/python3/x.py, line 3"),
        ("token 0123456789abcdef0123456789abcdef!", "token <secret>!"),
        ("job 01234567: done", "job 01234567: done"),
        ("key s3cret=Key.", "key <secret>."),
        ("write to annika.m@example.org", "write to <mail>"),
        ("Hello ANNIKA on darkroom-7!", "Hello <name> on <name>!"),
        ("annikalike", "annikalike"),
        ("from 192.168.1.17 to 127.0.0.1:80", "from <address> to 127.0.0.1:80"),
        ("tcp://gpu.example.org:47310", "tcp://<address>:47310"),
        ("tcp://[fe80::1%eth0]:1 tcp://[::1]:2", "tcp://<address>:1 tcp://[::1]:2"),
        ("guard: the key of bertha is no longer allowed", "guard: the key of <name> is no longer allowed"),
        ("let in a client with the key of cs.lab-2", "let in a client with the key of <name>"),
        ("relay: connected with gpu.example.org:1", "relay: connected with <address>"),
        ("opencv==5.0.0.93", "opencv==5.0.0.93"),
    ],
)
def test_redacted(line: str, redacted: str) -> None:
    assert REDACT(line) == redacted


def test_the_report_of_a_machine_full_of_traces(tmp_path: Path) -> None:
    home = tmp_path / "annika"
    state = home / ".local" / "state" / "studio-portrait"
    state.mkdir(parents=True)
    ring = KeyRing(state)
    own, other = ring.new(), KeyRing(tmp_path / "elsewhere").new()
    ring.allow(CLIENTS, "darkroom-seven", other)
    ring.allow(SERVERS, "gpu.example.org", other)
    runtime.Runtime(("tcp://127.0.0.1:1",), 1, TOKEN).write(state)
    secret = ring.own().secret.decode()
    planted = [
        TOKEN,
        shown(own),
        shown(other),
        secret,
        "gpu.example.org",
        "darkroom-seven",
        "Wedding",
        "annika",
    ]
    lines = [f"2024 front: {word}" for word in planted if word != "Wedding"]
    lines.append(f"2024 front: job 89abcdef: {home}/Pictures/Wedding.jpg and {home}/Pictures/Wedding day/x")
    (state / "server.log").write_text("\n".join(lines), encoding="utf-8")
    environment = {**os.environ, "HOME": str(home), runtime.HOME_VARIABLE: str(state), "LOGNAME": "annika"}
    words = [sys.executable, "-m", "server", "doctor", "--report"]
    told = subprocess.run(
        words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert not told.stderr
    for word in [*planted, str(tmp_path), str(CHECKOUT)]:
        assert word not in told.stdout, word
    for part in ("== system", "== doctor", "== status", "== log", "job 89abcdef", "numpy=="):
        assert part in told.stdout


def test_without_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / "none"))
    told = report.text("All is well.")
    assert "none (No such file" in told and "no-server: No server is running." in told
