"""Real GIMP 3 for the tests: on this machine, or in a root made by ``provision.sh``.

Scripts run head-less in GIMP's own Python and leave JSON and raw samples in a folder that
both sides see; the tests judge them out here. In a root nothing of this machine is visible
but that folder; the server runs outside and is reached over 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from tests.sample import CHECKOUT

ROOT_VARIABLE = "STUDIO_PORTRAIT_GIMP_ROOT"
ABSENT = "NO GIMP 3"  # begins every skip reason, so that the end of the run can count them
# After a plain su, root's PATH has no folder that it lies in.
CHROOT = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "chroot"
INSIDE = [Path(__file__).parent / "inside", Path(__file__).parents[1] / "gimpfu" / "inside"]
QUIET = (
    '(config-version "{version}")',
    "(show-welcome-dialog no)",
    "(check-updates no)",
    "(color-profile-policy keep)",
    "(use-opencl no)",
    "(save-session-info no)",
)


class GimpFailed(AssertionError):
    """The batch script raised, or GIMP ended otherwise."""


@dataclass
class Gimp:
    """A GIMP with a profile of its own. root: None for the machine's own GIMP.

    work: the folder that both sides see; profile: GIMP's profile folder in it. mounts:
    folders of this machine that a root shall show at the same paths, while a command runs.
    """

    root: Path | None
    work: Path
    environment: dict[str, str] = field(default_factory=dict)
    mounts: tuple[Path, ...] = ()

    @property
    def profile(self) -> Path:
        return self.work / "profile"

    def inside(self, path: Path) -> str:
        """`path` as GIMP sees it."""
        return str(path) if self.root is None else "/" + str(path.relative_to(self.root))

    def command(self, program: str, *arguments: str, **variables: str) -> list[str]:
        """A command line that runs `program` where GIMP is, with a clean environment."""
        settings = {
            "HOME": self.inside(self.work),
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "GIMP3_DIRECTORY": self.inside(self.profile),
            **self.environment,
            **variables,
        }
        return [*self._enter(), "env", "-i", *(f"{k}={v}" for k, v in settings.items()), program, *arguments]

    def _enter(self) -> list[str]:
        """In a mount namespace of its own, so that no mount can outlive the processes in it."""
        if self.root is None:
            return []
        if not self.mounts:
            return [CHROOT, str(self.root)]
        steps = [f"mount --rbind {quote(str(m))} {quote(f'{self.root}{m}')}" for m in self.mounts]
        script = " && ".join([*steps, f'exec {CHROOT} "$0" "$@"'])
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(self.root)]

    def with_checkout(self) -> Gimp:
        """This GIMP, seeing this checkout and its Python where they are. Raises `GimpFailed`."""
        if self.root is None:
            return self
        folders = {CHECKOUT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
        # A prefix that the root has itself (/usr) cannot be covered: GIMP lives there.
        if any((self.root / str(folder)[1:] / "bin/gimp-console").exists() for folder in folders):
            raise GimpFailed("the tests' Python lies where GIMP's root has its own")
        outer = sorted(f for f in folders if not any(f != o and f.is_relative_to(o) for o in folders))
        mounts = (*outer, Path("/proc"), Path("/dev"), Path("/sys"))
        for folder in mounts:
            (self.root / str(folder)[1:]).mkdir(parents=True, exist_ok=True)
        shown = Gimp(self.root, self.work, dict(self.environment), mounts)
        tried = subprocess.run(shown.command("true"), capture_output=True, text=True, check=False)
        if tried.returncode:
            raise GimpFailed(f"nothing can be mounted here: {tried.stderr.strip()}")
        return shown

    def batch(self, script: str) -> list[str]:
        """GIMP's options that run ``inside/<script>.py`` and end GIMP after it."""
        for helper in (path for folder in INSIDE for path in folder.glob("*.py")):
            shutil.copy(helper, self.work)
        work = self.inside(self.work)
        code = f"import sys; sys.path.insert(0, {work!r}); exec(open({f'{work}/{script}.py'!r}).read())"
        return ["--batch-interpreter=python-fu-eval", "-b", code, "--quit"]

    def job(self, result: Path, **arguments: Any) -> dict[str, str]:
        """The variables that tell a script what to do and where to leave its answer."""
        told = {"work": self.inside(self.work), "result": self.inside(result), **arguments}
        return {"GIMP_TEST_JOB": json.dumps(told)}

    def run(
        self, script: str, timeout: float = 300, variables: dict[str, str] | None = None, **arguments: Any
    ) -> Any:
        """Runs a script head-less; what it passed to ``tell``. Raises `GimpFailed`."""
        result_file = self.work / f"told-{time.monotonic_ns()}.json"
        settings = self.job(result_file, **arguments) | (variables or {})
        command = self.command("gimp-console", "--no-interface", *self.batch(script), **settings)
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode or not result_file.exists():
            raise GimpFailed(f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        told = json.loads(result_file.read_text())
        told["stderr"] = done.stderr
        return told

    def version(self) -> str:
        """As in ``3.0.4``. Raises `GimpFailed`."""
        done = subprocess.run(
            self.command("gimp-console", "--version"), capture_output=True, text=True, timeout=60, check=False
        )
        words = done.stdout.split()
        if done.returncode or not words:
            raise GimpFailed(done.stderr)
        return words[-1]

    def quiet(self) -> None:
        """Settings with which the GUI comes up without dialogs of its own."""
        version = self.version()
        self.profile.mkdir(parents=True, exist_ok=True)
        text = "\n".join(line.format(version=version) for line in QUIET)
        (self.profile / "gimprc").write_text(text + "\n")


def find() -> tuple[Path | None, str]:
    """(root or None for the machine's own GIMP, ""), or (None, why there is none)."""
    named = os.environ.get(ROOT_VARIABLE)
    if named:
        root = Path(named).resolve()
        if not (root / "usr/bin/gimp-console").exists():
            return None, f"{ROOT_VARIABLE} names {root}, which holds no GIMP: run tests/gimp/provision.sh"
        if os.geteuid() != 0:
            return None, f"only root can enter {root}"
        return root, ""
    program = shutil.which("gimp-console")
    if (
        program
        and "version 3." in subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    ):
        return None, ""
    return None, f"none is installed, and {ROOT_VARIABLE} names no root: run tests/gimp/provision.sh"


def start(root: Path | None) -> Gimp:
    """A GIMP in a new folder, whose profile holds no more than what GIMP knows of its own plug-ins."""
    gimp = _empty(root)
    if root is not None:
        for file in _learnt(root).iterdir():
            shutil.copy2(file, gimp.profile)
    return gimp


def _empty(root: Path | None) -> Gimp:
    base = None if root is None else root / "tmp"
    work = Path(tempfile.mkdtemp(prefix="gimp-test-", dir=base))
    work.chmod(0o755)
    gimp = Gimp(root, work)
    (gimp.profile / "plug-ins").mkdir(parents=True)
    return gimp


def _learnt(root: Path) -> Path:
    """What a root's GIMP writes at its first start, kept in the root: to ask all its plug-ins takes it long.

    It asks those anew that have changed since, and all of them after an upgrade.
    """
    folder = root / "tmp" / "studio-portrait-first-start"
    if not folder.exists():
        first = _empty(root)
        subprocess.run(
            first.command("gimp-console", "--no-interface", "--quit"), capture_output=True, check=True
        )
        made = first.work / "learnt"
        made.mkdir()
        for name in ("gimprc", "pluginrc"):
            shutil.copy2(first.profile / name, made)
        with contextlib.suppress(OSError):  # another process was quicker
            made.rename(folder)
        end(first)
    return folder


def end(gimp: Gimp) -> None:
    if os.path.ismount(gimp.work):
        sys.exit(f"{gimp.work} is a mount point")
    shutil.rmtree(gimp.work, ignore_errors=True)
