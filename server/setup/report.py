"""``studio-portrait doctor --report``: what a bug report needs, and nothing of whom it comes from."""

from __future__ import annotations

import json
import os
import platform
from collections import deque
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.version import PROTOCOL, VERSION
from plugin.studio_portrait.link.wire import Problem

from ..remote.keys import CLIENTS, SERVERS, KeyRing, shown
from .environment import Environment
from .redact import Redactor, of_this_machine

LOG_LINES = 200
_PACKAGES = (
    "torch",
    "openvino",
    "numpy",
    "pyzmq",
    "opencv-python-headless",
    "dlib-bin",
    "pillow",
    "tifffile",
)
_VARIABLES = ("STUDIO_PORTRAIT_", "PYTHON", "LD_", "CUDA_", "OMP_", "GIMP")


def text(findings: str) -> str:
    """Return the report. findings: what the doctor says anyway."""
    folder = runtime.state_folder()
    parts = (
        ("system", "\n".join(_system())),
        ("doctor", findings),
        ("status", _status()),
        (f"log, the last {LOG_LINES} lines", _log(folder)),
    )
    whole = "\n".join(f"== {title}\n{part}\n" for title, part in parts)
    return _redactor(folder)(whole)


def _system() -> Iterator[str]:
    yield f"Studio Portrait {VERSION}, protocol {PROTOCOL}"
    yield f"{platform.platform()}, {platform.machine()}"
    yield f"Python {platform.python_version()}"
    yield f"{os.cpu_count()} processors, {psutil.virtual_memory().total >> 20} MB"
    for name in _PACKAGES:
        try:
            yield f"{name}=={metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield f"{name} is not installed"
    yield "set: " + (
        " ".join(sorted(name for name in os.environ if name.startswith(_VARIABLES))) or "nothing"
    )


def _status() -> str:
    try:
        with Session.open(start=False) as session:
            return json.dumps(_short(session.status()), indent=1)
    except Problem as problem:
        return f"{problem.code}: {problem}"


def _short(value: Any) -> Any:
    """Checksums cut to what tells them apart: whole ones look like secrets."""
    if isinstance(value, dict):
        return {
            name: inner[:12] if name in ("weights", "sha256") and isinstance(inner, str) else _short(inner)
            for name, inner in value.items()
        }
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def _log(folder: Path) -> str:
    try:
        with runtime.log_path(folder).open(encoding="utf-8", errors="replace") as lines:
            return "".join(deque(lines, LOG_LINES)).rstrip()
    except OSError as error:
        return f"none ({error.strerror})"


def _redactor(folder: Path) -> Redactor:
    found = runtime.Runtime.read(folder)
    ring = KeyRing(folder)
    known = {**ring.known(CLIENTS), **ring.known(SERVERS)}
    secrets = [found.token if found else "", *(form for key in known.values() for form in _forms(key))]
    try:
        pair = ring.own()
        secrets += [*_forms(pair.public), *_forms(pair.secret)]
    except Problem:
        pass
    folders = {"<state>": folder, "<checkout>": Environment().checkout}
    return of_this_machine(secrets, folders, known)


def _forms(key: bytes) -> tuple[str, str]:
    return key.decode(), shown(key)
