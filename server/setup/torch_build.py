"""Which build of PyTorch this machine gets, and how to come by it.

On Linux a plain ``torch`` brings about 3 GB of CUDA along, which is wasted on a machine
without an NVIDIA GPU. The small CPU build has the same version with ``+cpu`` behind it and
is not on the ordinary registry: pip finds it where it has been told of a folder that holds
it, uv knows PyTorch's own index by itself.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from plugin.studio_portrait.link.wire import Problem

CPU, CUDA = "cpu", "cuda"


@dataclass(frozen=True)
class Attempt:
    """One way to install it: with ``pip`` or ``uv``, which arguments, and what is said if another is next.

    hashed: as the files whose hashes are locked, with all that it needs; PyTorch's own index has other files.
    """

    installer: str
    arguments: tuple[str, ...]
    next_place: str = ""
    hashed: bool = False


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver with a GPU is there; no program is run."""
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll").exists()
    return any(Path("/dev").glob("nvidia[0-9]*")) or shutil.which("nvidia-smi") is not None


def choose(asked: str | None, before: str | None) -> str:
    """``cpu`` or ``cuda``: what is asked for now, else what is here already, else what fits the machine.

    Raises `Problem` ``set-up`` for a build that does not exist.
    """
    if sys.platform == "darwin":
        if asked == CUDA:
            hint = "Leave --device out: PyTorch for macOS uses Apple's GPU by itself."
            raise Problem("set-up", "There is no PyTorch for CUDA on macOS.", hint)
        return CPU
    return asked or before or (CUDA if has_nvidia_gpu() else CPU)


def fits(installed: str | None, device: str) -> bool:
    """Whether an installed version (as in ``2.13.0+cpu``) is a build for `device`."""
    if installed is None:
        return False
    local = installed.partition("+")[2]
    if sys.platform == "linux":
        return (local == "cpu") == (device == CPU)
    return local.startswith("cu") == (device == CUDA)


def size(device: str) -> tuple[str, float]:
    """Return what the whole environment downloads and takes on the disk, in words and in GB."""
    if device == CUDA:
        return "PyTorch for CUDA: about 3 GB to download, 7 GB on the disk", 8.0
    return "PyTorch for the CPU: about 0.4 GB to download with everything else, 1.1 GB on the disk", 1.5


def attempts(version: str, device: str) -> list[Attempt]:
    """Ways to install this version for `device`, the best first."""
    if sys.platform == "linux" and device == CPU:
        return [
            Attempt(
                "pip",
                ("--no-deps", f"torch=={version}+cpu"),
                "PyTorch's CPU build comes from PyTorch's own index, which uv knows",
            ),
            Attempt("uv", ("--no-deps", "--torch-backend", "cpu", f"torch=={version}")),
        ]
    if sys.platform == "win32" and device == CUDA:
        return [Attempt("uv", ("--torch-backend", "auto", f"torch=={version}"))]
    # Its own further packages (CUDA's libraries) are pinned exactly by torch itself.
    return [Attempt("pip", (f"torch=={version}",), hashed=True)]
