"""What locks a process away that decodes a stranger's file: Landlock and seccomp on Linux, limits on POSIX.

Afterwards the process may compute on what it holds already and read Python's own libraries; it opens no
other file, starts no program, talks to nobody and signals nobody. Both locks are the kernel's, made with
`ctypes`, hold for an unprivileged user too, and cannot be undone. Only the standard library is imported
here: `doctor` asks too.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
import signal
import struct
import sys
import sysconfig
from collections.abc import Sequence

from server import child

_NO_NEW_PRIVS, _SECCOMP, _FILTER, _DEATH_SIGNAL = 38, 22, 2, 1  # prctl
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_ALL_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # by Landlock's version
_ALL_FILES_NOW = (1 << 16) - 1  # from version 5 on
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11  # from version 4 and 6 on

_LIBRARIES = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}

# Numbers of the system calls that are refused: x86_64, aarch64. None: it does not exist there.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    **{"socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200)},
    **{"listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206)},
    **{"sendmsg": (46, 211), "sendmmsg": (307, 269), "fork": (57, None), "vfork": (58, None)},
    **{"execve": (59, 221), "execveat": (322, 281), "kill": (62, 129), "tkill": (200, 130)},
    **{"pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424)},
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271)},
    **{"io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241)},
    **{"userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218)},
    **{"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51)},
    **{"setns": (308, 268), "unshare": (272, 97), "reboot": (169, 142), "init_module": (175, 105)},
    **{"finit_module": (313, 273), "delete_module": (176, 106), "name_to_handle_at": (303, 264)},
    **{"open_by_handle_at": (304, 265), "mq_open": (240, 180), "shmget": (29, 194), "msgget": (68, 186)},
}
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # the kernel's name of it, our column
_CLONE, _CLONE3, _TGKILL = (56, 220), (435, 435), (234, 131)
_THREAD = 0x00010000  # CLONE_THREAD
_X32 = 0x40000000  # x86_64's second way to call anything

# A filter's instructions: load a word of (number, machine, ip, arguments), compare, answer.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38


def locks() -> tuple[int, bool]:
    """Tell what this kernel offers: Landlock's version (0: none), and whether seccomp can be used."""
    if sys.platform != "linux":
        return 0, False
    known = platform.machine() in _MACHINES and os.path.exists("/proc/sys/kernel/seccomp/actions_avail")
    return max(0, _call(_CREATE_RULESET, None, 0, 1)), known


def enter() -> None:
    """Lock this process, which must have one thread. Does what the kernel can do.

    Raises `OSError` when a lock that the kernel offers cannot be closed.
    """
    if sys.platform != "linux":
        return
    landlock, seccomp = locks()
    child.end_first(1000)
    _prctl(_NO_NEW_PRIVS, 1)
    if landlock:
        _restrict_files(landlock)
    if seccomp:
        _restrict_calls(platform.machine())


def end_with_parent() -> None:
    """Have the kernel end this process as soon as the thread that forked it is gone (Linux)."""
    if sys.platform == "linux":
        _prctl(_DEATH_SIGNAL, signal.SIGKILL)


def address_space() -> int:
    """Return the bytes of address space that this process has; 0 where nobody tells.

    To be asked before `enter`.
    """
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def limit(memory: int, seconds: int) -> None:
    """Limit this process (POSIX) to so many bytes of address space, and so many seconds of processor time."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if sys.platform == "linux":  # elsewhere this limit does not mean what it says
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _restrict_files(version: int) -> None:
    """Landlock: no file but Python's own libraries, no TCP, no signals and sockets of others."""
    handled = _ALL_FILES.get(version, _ALL_FILES_NOW)
    fields = [handled, _ALL_TCP, _ALL_SCOPES][: 1 if version < 4 else 2 if version < 6 else 3]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _checked(_call(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        for folder in _LIBRARIES:
            with contextlib.suppress(FileNotFoundError):
                place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
                rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, place)
                _checked(_call(_ADD_RULE, ruleset, 1, rule, 0))
                os.close(place)
        _checked(_call(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _restrict_calls(machine: str) -> None:
    """seccomp: no network, no programs, no other processes."""
    program = _program(machine, os.getpid())
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    place = ctypes.create_string_buffer(code, len(code))
    filter_ = _Filter(len(program), ctypes.addressof(place))
    _prctl(_SECCOMP, _FILTER, ctypes.addressof(filter_))


class _Filter(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def _program(machine: str, pid: int) -> Sequence[tuple[int, int, int, int]]:
    """Return the filter: (operation, steps if true, steps if false, operand) each."""
    name, column = _MACHINES[machine]
    numbers = [both[column] for both in _REFUSED.values() if both[column] is not None]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, name), (_ANSWER, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32), (_ANSWER, 0, 0, _KILL)]
    for number in numbers:
        program += [(_EQUAL, 0, 1, number or 0), (_ANSWER, 0, 0, _REFUSE | _EPERM)]
    # glibc falls back to `clone`, whose flags can be looked at: threads are the decoders' own business.
    program += [(_EQUAL, 0, 1, _CLONE3[column]), (_ANSWER, 0, 0, _REFUSE | _ENOSYS)]
    program += [(_EQUAL, 0, 4, _CLONE[column]), (_LOAD, 0, 0, 16), (_ANY_BIT, 1, 0, _THREAD)]
    program += [(_ANSWER, 0, 0, _REFUSE | _EPERM), (_ANSWER, 0, 0, _ALLOW)]
    program += [(_EQUAL, 0, 4, _TGKILL[column]), (_LOAD, 0, 0, 16), (_EQUAL, 1, 0, pid)]  # abort() calls it
    program += [(_ANSWER, 0, 0, _REFUSE | _EPERM), (_ANSWER, 0, 0, _ALLOW), (_ANSWER, 0, 0, _ALLOW)]
    return program


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int | bytes | None) -> int:
    given = (ctypes.c_long(word) if isinstance(word, int) else word for word in arguments)
    return int(_libc().syscall(ctypes.c_long(number), *given))


def _prctl(option: int, *arguments: int) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    _checked(_libc().prctl(option, *(ctypes.c_ulong(word) for word in padded)))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
