"""How much of this machine a run may use: processors and memory, containers' limits included."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
from pathlib import Path

from model.inference.threads import processors
from server import child
from server.service import resources

_CGROUP = Path("/sys/fs/cgroup")
# For the environment of a process that does one picture after another.
KEEP_MEMORY = {
    **child.KEEP_MEMORY,
    # A lane is a thread, and an arena of a thread's own gives large pieces back after each picture: one for
    # all of them keeps less, and a picture costs 60 ms less of the system's time.
    "MALLOC_ARENA_MAX": "1",
}
PER_WORKER = 750 << 20  # bytes: interpreter, network, and two 24-megapixel pictures in work
SPARE = 500 << 20  # bytes left to everybody else


def cores() -> int:
    """Processors that this process may use at once, a container's share of time counted too; at least 1."""
    usable = processors()
    return max(1, min(usable, math.ceil(_quota(_CGROUP) or usable)))


def workers(wanted: int = 0) -> int:
    """Choose how many processes: `wanted` if it is given, else as many as processors and memory allow."""
    return wanted or max(1, min(cores(), (resources.memory_available() - SPARE) // PER_WORKER))


def gpus() -> int:
    """NVIDIA GPUs of this machine, as the driver's own program counts them; 1 for an Apple chip's."""
    if platform.system() == "Darwin":
        return 1
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        told = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    there = sum(line.startswith("GPU ") for line in told.splitlines())
    return there if visible is None else min(there, len([word for word in visible.split(",") if word]))


def _quota(folder: Path) -> float | None:
    """Processors' worth of time (cgroup v2, then v1); None without a limit."""
    text = _read(folder / "cpu.max").split()
    if not text:
        text = [
            _read(folder / "cpu" / "cpu.cfs_quota_us").strip(),
            _read(folder / "cpu" / "cpu.cfs_period_us").strip(),
        ]
    try:
        quota, period = (float(number) for number in text[:2])
    except ValueError:  # "max", or no file at all
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
