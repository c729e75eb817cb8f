"""What Windows lacks is missed where it is used, with another way or a sentence, and never at an import.

In a child that believes to be on Windows; Windows itself is not here.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.sample import CHECKOUT, SELFIE

PLACES = """
import contextlib, importlib, json, os, pkgutil, select, signal, socket, sys
from pathlib import Path
# Libraries look for their own files first.
import cv2, numpy, openvino, PIL.Image, psutil, scipy.ndimage, threadpoolctl, tifffile, torch
import concurrent.futures, logging.handlers, multiprocessing, subprocess, tempfile, torch.utils.data, zmq
found = threadpoolctl.ThreadpoolController()
threadpoolctl.ThreadpoolController = lambda: found

sys.platform = "win32"
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
GONE = {
    os: "fork forkpty getuid geteuid killpg memfd_create mkfifo pidfd_open sched_getaffinity setsid statvfs",
    select: "epoll poll",
    signal: "SIGALRM SIGCHLD SIGHUP SIGQUIT SIGSTOP SIGUSR1 SIGXCPU alarm pthread_sigmask setitimer",
    socket: "AF_UNIX recv_fds send_fds",
}
for module, names in GONE.items():
    for name in names.split():
        with contextlib.suppress(AttributeError):
            delattr(module, name)

import model, server, plugin.studio_portrait.link as link

modules = [info.name for room in (model, server, link) for info in
           pkgutil.walk_packages(room.__path__, room.__name__ + ".") if not info.name.endswith("__main__")]
faults = {}
for name in modules:
    try:
        importlib.import_module(name)
    except BaseException as fault:
        faults[name] = repr(fault)

from plugin.studio_portrait.link import zmtp
from server.machine import cores

told = {"modules": len(modules), "faults": faults, "cores": cores()}
if not faults:
    from server.files.decoder import Decoder

    with Decoder() as decoder:
        told |= {"forks": decoder.forks, "shape": decoder.read(Path(sys.argv[1])).pixels.shape}
try:
    zmtp.connect_socket("ipc:///nowhere", 1.0)
except zmtp.Unreachable as fault:
    told["sentence"] = str(fault)
print(json.dumps(told))
"""


def test_everything_imports_and_pictures_are_read() -> None:
    command = [sys.executable, "-W", "ignore", "-c", PLACES, str(SELFIE)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["faults"] == {} and told["modules"] > 150
    assert told["forks"] is False and told["shape"] == [1536, 1152, 3] and told["cores"] >= 1
    assert told["sentence"] == "ipc:///nowhere: this system cannot use such an address"
