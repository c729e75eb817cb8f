"""The doctor's checks of the server's side: environment, weights, GPU, running server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from plugin.studio_portrait.link import hints, runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem

from ..files import sandbox
from . import torch_build, weights
from .environment import Environment
from .finding import Finding, bad, good, note

_AGAIN = "Run install.py again: it repairs what is missing or broken."


def check_environment(environment: Environment) -> Finding:
    """Tell whether the private environment is whole."""
    if not environment.folder.exists():
        return bad(
            "environment", f"There is no Python environment in {environment.folder}.", "Run install.py."
        )
    state = environment.examine(environment.notes().get("groups", []))
    if state is None:
        return bad("environment", f"The environment's Python does not run: {environment.python}", _AGAIN)
    if state.faults:
        name, fault = sorted(state.faults.items())[0]
        more = f", and {len(state.faults) - 1} more" if len(state.faults) > 1 else ""
        return bad("environment", f"The Python environment is broken: {name} {fault}{more}.", _AGAIN)
    if not environment.own_package_is_right(state):
        return bad("environment", "The studio-portrait command is missing or leads to another place.", _AGAIN)
    return good("environment", f"The Python environment is complete: {environment.folder}")


def check_weights(checkout: Path) -> Iterator[Finding]:
    """Tell of each network, and of the one that finds the person, whether its weights are whole."""
    found = weights.networks(checkout)
    if not found:
        yield bad("weights", "There is no network in model/weights.", weights.HINT)
        return
    for network in (*found, weights.person_finder(checkout)):
        if network.fault:
            yield bad(
                "weights", f"The network {network.name}: {network.fault} ({network.file}).", weights.HINT
            )
        else:
            yield good("weights", f"The network {network.name}: its checksum is right.")


def check_gpu(environment: Environment) -> Finding:
    """Tell whether the GPU that is there is used."""
    if sys.platform == "darwin":  # the only build of PyTorch there brings it along
        return good("gpu", "Apple's GPU is used when PyTorch sees one.")
    device = environment.notes().get("device")
    if not torch_build.has_nvidia_gpu():
        return good("gpu", "No NVIDIA GPU; the CPU is used.")
    if device == torch_build.CPU:
        hint = "To use it: install.py --device cuda (about 3 GB to download)."
        return bad("gpu-unused", "There is an NVIDIA GPU, but the CPU build of PyTorch is installed.", hint)
    return good("gpu", "The GPU is used." if device == torch_build.CUDA else "There is an NVIDIA GPU.")


def check_decoder() -> Finding:
    """Return what locks the process away that decodes picture files."""
    landlock, seccomp = sandbox.locks()
    if landlock and seccomp:
        return good("decoder", f"Picture files are decoded behind locks: Landlock {landlock} and seccomp.")
    have = "Landlock only" if landlock else "seccomp only" if seccomp else "limits of memory and time only"
    hint = "This system offers no more; retouch files of strangers on Linux 5.13 or later if that matters."
    return note("decoder", f"Picture files are decoded in a process of their own, with {have}.", hint)


def check_server(environment: Environment) -> Iterator[Finding]:
    """Yield the running server, or what a dead one left behind."""
    try:
        folder = runtime.state_folder()
        lives = runtime.server_lives(folder)
    except Problem as problem:
        yield bad("state-folder", problem.message, problem.hint)
        return
    if not os.access(folder, os.W_OK):
        hint = f"Make it writable, or set {runtime.HOME_VARIABLE} to a folder of yours."
        yield bad("state-folder", f"The folder {folder} cannot be written.", hint)
    elif lives:
        yield from _running(folder, environment)
    else:
        yield _left_behind(folder)


def _running(folder: Path, environment: Environment) -> Iterator[Finding]:
    try:
        with Session.open(start=False) as session:
            yield good("server", f"The server answers (version {session.server}).")
            if session.device == "cpu" and environment.notes().get("device") == torch_build.CUDA:
                sentence = "The server runs on the CPU although PyTorch for CUDA is installed."
                hint = f"See {runtime.log_path(folder)}; then run {hints.typed('stop')} and try again."
                yield bad("gpu-unused", sentence, hint)
    except Problem as problem:
        if problem.code == "bad-version":
            yield bad("server-version", f"The server does not answer: {problem.message}", problem.hint)
            return
        said = "" if problem.code == "lost-server" else "The server does not answer: "
        yield bad("server-unreachable", f"{said}{problem.message}", _unreachable_hint(folder))


def _unreachable_hint(folder: Path) -> str:
    pid = runtime.server_pid(folder)
    process = f"end the process {pid}" if pid else "end its process"
    return f"Run {hints.typed('stop')}; if that does not help, {process}. The log: {runtime.log_path(folder)}"


def _left_behind(folder: Path) -> Finding:
    left = [path for name in ("server.json", "server.sock") if (path := folder / name).exists()]
    if not left:
        return good("server", "No server is running; it starts by itself when it is needed.")
    names = " and ".join(str(path) for path in left)
    hint = "Nothing needs to be done: the next server replaces it. You can also delete it."
    return note("server-stale", f"A server that is gone left {names} behind.", hint)
