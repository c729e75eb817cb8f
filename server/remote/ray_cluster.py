"""Ray, on a cluster or started here: what batch and service have in common of it (docs/cluster.md)."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from plugin.studio_portrait.link.wire import Problem
from server import CHECKOUT

from .. import machine

OBJECT_STORE = 100 << 20  # bytes: only names and faces' crops lie in it
FOLDER = "portrait-ray-"  # the beginning of its name, before the number of its process
LOCAL_STARTS = 3  # tries: Ray gives its own processes 30 seconds, which a busy machine may exceed

# Before Ray is imported: it asks the environment only then.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # or it talks into the terminal
}


def connect(address: str, installed: bool = False) -> Any:
    """Connect with the cluster at `address` (``local``: one that ends with us); return the module `ray`.

    installed: the other machines have this program already; else it is sent to them with its packages.
    Raises `Problem` ``set-up`` without Ray, ``no-server`` when the cluster cannot be used.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()})
    if address == "local":
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = (
            "0"  # else it listens on every interface, on Linux too
        )
    try:
        import ray
    except ImportError:
        sentence = "Working on Ray needs ray, which is not installed."
        raise Problem("set-up", sentence, "Run install.py --with ray.") from None
    _connect(ray, address, installed)
    return ray


def _connect(ray: Any, address: str, installed: bool) -> None:
    attempts = LOCAL_STARTS if address == "local" else 1
    for attempt in range(attempts):
        try:
            _start(ray, address, installed)
            break
        except Exception as error:  # connection, authentication, versions: Ray has an exception for each
            ray.shutdown()
            if attempt < attempts - 1:
                continue
            reason = str(error).strip().splitlines()
            sentence = f"Ray at {address} cannot be used: {reason[0] if reason else type(error).__name__}"
            raise Problem("no-server", sentence, "See docs/cluster.md.") from error
    # The version is pinned.
    warnings.filterwarnings("ignore", category=ray.util.annotations.RayDeprecationWarning)


def _start(ray: Any, address: str, installed: bool) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    here = {"env_vars": {"PYTHONPATH": str(CHECKOUT), **machine.KEEP_MEMORY}}
    if address != "local":
        ray.init(address=address, runtime_env=here if installed else _everything(), **quiet)
        return
    # A token of its own: the one that Ray would make lies where everybody may read it.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    ray.init(
        address="local",  # else it would look for one that runs already
        _temp_dir=_private_folder(ray.shutdown),  # else everybody may write where its programs lie
        num_cpus=machine.cores(),
        object_store_memory=OBJECT_STORE,
        include_dashboard=False,
        runtime_env=here,
        **quiet,
    )


def _private_folder(shutdown: Callable[[], object]) -> str:
    """Make a folder for Ray that is removed when this process ends, or with the next one's if it was killed.

    Its name is short, for sockets lie deep in it; Ray opens its own folder to all, hence one inside of ours.
    shutdown: ends what uses it.
    """
    place = "/tmp" if os.name == "posix" else tempfile.gettempdir()
    folder = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=place)
    for left in Path(place).glob(f"{FOLDER}*"):
        pid = left.name.removeprefix(FOLDER).partition("-")[0]
        ours = left.lstat().st_uid == os.stat(folder).st_uid
        if ours and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(shutdown)  # the last that was registered is the first that is called
    return os.path.join(folder, "r")


def _everything() -> dict[str, Any]:
    """Return this program and its packages as pinned, so that another machine needs Python and Ray only."""
    return {
        "py_modules": [str(CHECKOUT / name) for name in ("server", "model", "plugin")],
        "env_vars": machine.KEEP_MEMORY,
        "uv": {"packages": packages(), "uv_pip_install_options": ["--no-deps"]},
    }


def packages() -> list[str]:
    """List all pinned packages that a worker needs: OpenVINO in place of PyTorch where no GPU is here."""
    folder = CHECKOUT / "requirements"
    files = [folder / name for name in ("base.txt", "torch.txt" if machine.gpus() else "openvino.txt")]
    if all(file.exists() for file in files):
        found = [line for file in files for line in file.read_text("utf-8").splitlines()]
    else:
        found = metadata.requires("studio-portrait") or []
        found = [line for line in found if "extra ==" not in line or 'extra == "openvino"' in line]
    return [line.partition(";")[0].strip() for line in found if line.strip() and not line.startswith("#")]
