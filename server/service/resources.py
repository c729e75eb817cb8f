"""What this process may use of its machine: memory within a container's limits, file descriptors."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from plugin.studio_portrait.link.wire import Problem

_CGROUPS, _OWN_CGROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_HANDLES = Path("/proc/self/fd")
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of glibc's mallopt
KEPT_BYTES, _LARGEST_PIECE = 64 << 20, 32 << 20  # the latter is glibc's greatest
LEAST_HANDLES, _FEW_HANDLES, _MANY_HANDLES = 1024, 4096, 1 << 16  # few: connections could use them up


def memory_total() -> int:
    """Bytes that this process may use at most: the machine's, or less in a container (cgroup v1, v2)."""
    return min([_machines_memory(), *(limit for limit, _ in memory_limits())])


@functools.cache  # without a file descriptor it could not be asked for again
def _machines_memory() -> int:
    return int(psutil.virtual_memory().total)


def memory_available() -> int:
    """Bytes that this process can still have."""
    rooms = [limit - used for limit, used in memory_limits()]
    return max(0, min([int(psutil.virtual_memory().available), *rooms]))


def memory_limits(groups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> Iterator[tuple[int, int]]:
    """(limit, used) in bytes of each control group that holds this process and has a limit."""
    try:
        lines = own.read_text("ascii", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _along(groups, path, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            yield from _along(groups / "memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes")


def _along(root: Path, path: str, limit: str, used: str) -> Iterator[tuple[int, int]]:
    """From the innermost group outwards. In a container the path may name what only the host sees."""
    folder = root / path.strip("/")
    for place in (folder, *folder.parents):
        if place != root and root not in place.parents:
            return
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
            yield int((place / limit).read_text()), int((place / used).read_text()) - _file_cache(place)


def _file_cache(place: Path) -> int:
    """Return what counts as used but is given back when it is needed."""
    with contextlib.suppress(OSError, ValueError):
        found = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
        return int(found.get("total_inactive_file", found.get("inactive_file", 0)))
    return 0


def private_memory() -> int | None:
    """Bytes of this process that are nobody else's too, as jobs' pictures are; None where nobody tells."""
    try:
        about = psutil.Process().memory_info()
    except (psutil.Error, OSError):  # no file descriptor left to ask with
        return None
    if hasattr(about, "shared"):  # Linux
        return int(about.rss - about.shared)
    return int(about.private) if hasattr(about, "private") else None  # Windows


def resident_memory(pid: int | None = None) -> int:
    """Bytes of a process (else of this one), shared ones too; 0 when it is gone or nobody tells."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.Error, OSError):
        return 0


def processor_seconds(pid: int) -> float:
    """Seconds of a processor that a process and those that it started have used; 0 when it is gone.

    On Windows a virtual environment's Python only starts the one that works.
    """
    used = 0.0
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error, OSError):
                used += sum(one.cpu_times()[:2])
    return used


def keep_freed_memory() -> None:
    """Has glibc keep freed memory for what comes next: fetching it anew for each strip of rows or file costs
    more than reading that. One arena for all threads, which would each keep some; for those that are started
    later. `give_back_memory` ends that when there is nothing to do.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST_PIECE)
        libc.mallopt(_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Give what was freed back to the system (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def raise_handle_limit() -> None:
    """Allow this process as many file descriptors as it may allow itself. Raises `Problem` for too few.

    libzmq ends the process when a connection comes and none is left, so there must be many more than
    connections come between two looks at them.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MANY_HANDLES if hard == resource.RLIM_INFINITY else min(hard, _MANY_HANDLES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < LEAST_HANDLES:
        sentence = f"The server may have {soft} open files here, and needs {LEAST_HANDLES}."
        raise Problem("set-up", sentence, f"Start it with a higher limit: ulimit -n {LEAST_HANDLES}.")


def spare_handles() -> int | None:
    """File descriptors that are still free; None where there are plenty or nobody counts them."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not 0 <= soft < _FEW_HANDLES:
        return None
    try:
        return soft - len(os.listdir(_HANDLES))
    except OSError as error:
        return 0 if is_out_of_handles(error) else None


def is_out_of_handles(error: Exception) -> bool:
    """Whether this process, or the machine, has no further file descriptor."""
    return getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE)  # OSError's, or libzmq's
