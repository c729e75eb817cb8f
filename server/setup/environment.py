"""The private Python environment, ``.venv`` in the checkout: made, verified, repaired.

Nothing is trusted because it was done before: each run asks the environment's own Python
what it really holds (see `pins`) and installs only what is missing, of another version or
damaged. That makes the second run quick and the run after a broken one a repair.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem
from server import CHECKOUT

from . import pins, torch_build
from .console import detail, last_line, quiet, run_logged
from .pins import Locked

IMPORTS = "torch, cv2, face_recognition, zmq, imagecodecs, tifffile, PIL, safetensors, rich, psutil"
OLDEST, NEWEST = (3, 11), (3, 14)
_ASK_SECONDS = 60.0
_SOURCE_ONLY = "face_recognition_models"  # a source archive, but of data: nothing is compiled


@dataclass(frozen=True)
class State:
    """What the environment's own Python says about itself."""

    faults: dict[str, str]
    versions: dict[str, str]


class Environment:
    """Paths and actions of one checkout's environment."""

    def __init__(self, checkout: Path = CHECKOUT):
        self.checkout = checkout
        self.folder = checkout / ".venv"
        programs = self.folder / ("Scripts" if os.name == "nt" else "bin")
        suffix = ".exe" if os.name == "nt" else ""
        self.python = programs / f"python{suffix}"
        self.command = programs / f"studio-portrait{suffix}"
        self.log = self.folder / "install.log"
        self.notes_file = self.folder / "studio-portrait.json"

    def is_ours(self) -> bool:
        """Whether the folder is an environment, or holds nothing but what was remembered."""
        noted = self.notes_file.exists() and not self._holds_other_things()
        return noted or (self.folder / "pyvenv.cfg").exists()

    # What is remembered between runs: the device, the optional groups, the last good import check, where the
    # plug-in and the loader of old scripts were put.

    def notes(self) -> dict[str, Any]:
        """Return what was remembered; nothing when it cannot be read."""
        try:
            notes = json.loads(self.notes_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def remember(self, **facts: Any) -> None:
        """Keep facts about this environment beside it."""
        notes = self.notes()
        if all(notes.get(key) == value for key, value in facts.items()):
            return
        self.folder.mkdir(exist_ok=True)
        beside = self.notes_file.with_suffix(".new")
        beside.write_text(json.dumps({**notes, **facts}, indent=1) + "\n", "utf-8")
        beside.replace(self.notes_file)

    # Looking

    def python_version(self) -> tuple[int, int] | None:
        """major, minor of the environment's Python; None if it does not run."""
        code = "import sys; print(*sys.version_info[:2]); assert sys.prefix != sys.base_prefix"
        answer = quiet([self.python, "-I", "-c", code], seconds=_ASK_SECONDS)
        if answer.returncode:
            return None
        major, minor = answer.stdout.split()
        return int(major), int(minor)

    def pins(self, groups: Sequence[str]) -> dict[str, str]:
        """Return name -> version of what these groups and the base need."""
        return pins.read(
            self.checkout / "requirements" / f"{group}.txt" for group in ("torch", "base", "faces", *groups)
        )

    def examine(self, groups: Sequence[str]) -> State | None:
        """Return what differs from the pins, or None if the environment's Python does not run."""
        question = json.dumps({"pins": self.pins(groups), "names": ["torch", "studio-portrait"]})
        command: list[str | Path] = [self.python, "-I", self.checkout / "server" / "setup" / "pins.py"]
        answer = quiet(command, question, seconds=_ASK_SECONDS)
        if answer.returncode:
            return None
        found = json.loads(answer.stdout)
        return State(found["faults"], found["versions"])

    def own_package_is_right(self, state: State) -> bool:
        """Whether the console script is there and leads to this checkout, in its present place."""
        if state.versions.get("studio-portrait") != VERSION or not self.command.exists():
            return False
        record = self._packages() / f"studio_portrait-{VERSION}.dist-info" / "direct_url.json"
        try:
            place = json.loads(record.read_text("utf-8"))["url"]
        except (OSError, ValueError, KeyError):
            return False
        return bool(place == self.checkout.as_uri()) and self._script_leads_here()

    def _packages(self) -> Path:
        """Return the folder of the installed packages (Windows has no version in it)."""
        found = [*self.folder.glob("lib/python3*/site-packages"), *self.folder.glob("Lib/site-packages")]
        return found[0] if found else self.folder

    def _script_leads_here(self) -> bool:
        if os.name == "nt":
            return True
        return str(self.python).encode() in self.command.read_bytes()[:1024]

    # Doing

    def ensure(self, asked: str | None = None, extra: Sequence[str] = ()) -> bool:
        """Brings the environment to what the requirements say; True if anything had to be done.

        `asked`: ``cpu``, ``cuda`` or None to decide. `extra`: requirement files beside
        ``base`` and ``torch``; once installed, a group stays. Raises `Problem` ``set-up``.
        """
        device = torch_build.choose(asked, self.notes().get("device"))
        made = self._ensure_python()
        groups = sorted({*extra, *self.notes().get("groups", [])})
        self.remember(device=device, groups=groups)
        state = self._examined(groups)
        torch_wrong = "torch" in state.faults or not torch_build.fits(state.versions.get("torch"), device)
        others = {name: fault for name, fault in state.faults.items() if name != "torch"}
        own_wrong = not self.own_package_is_right(state)
        if torch_wrong or others:
            self._announce(state.faults, torch_wrong, device, made)
        if torch_wrong or others or own_wrong:
            self._ensure_pip()
            self._repair(state, others, device if torch_wrong else None, groups, own_wrong)
        changed = made or torch_wrong or bool(others) or own_wrong
        self._check_imports(groups, changed)
        return changed

    def _repair(
        self, state: State, faults: dict[str, str], device: str | None, groups: Sequence[str], own: bool
    ) -> None:
        """Install packages, PyTorch for `device` if that is named, and our own command."""
        if faults:
            self._install_packages(faults)
        if device:
            self._install_torch(device, state)
            self.settle_device(device, groups)
        if own:
            detail("the studio-portrait command")
            self._install_own()

    def settle_device(self, device: str, groups: Sequence[str]) -> None:
        """Remembers the build that really came, so that the next run does not ask for another one again."""
        if not torch_build.fits(self._examined(groups).versions.get("torch"), device):
            detail("no build of PyTorch for CUDA is meant for this machine; it has the one for the CPU now")
            self.remember(device=torch_build.CPU)

    def _ensure_python(self) -> bool:
        version = self.python_version()
        if version is not None and OLDEST <= version <= NEWEST:
            return False
        again = self.folder.exists()
        if again and not (self.folder / "pyvenv.cfg").exists() and self._holds_other_things():
            sentence = f"{self.folder} is in the way: it is not a Python environment."
            raise Problem("set-up", sentence, "Move it away or delete it, then run install.py again.")
        detail(f"{'making it anew, its Python does not run' if again else 'new'}: {self.folder}")
        notes = self.notes()
        self._make_venv()
        kept = ("device", "groups", "plugins", "loaders")
        self.remember(**{key: notes[key] for key in kept if key in notes})
        return True

    def _holds_other_things(self) -> bool:
        """Whether there is more in the folder than making an environment begins with."""
        begun = {"bin", "lib", "lib64", "include", "scripts", self.notes_file.name}
        return any(entry.name.lower() not in begun for entry in self.folder.iterdir())

    def _make_venv(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        result = quiet([sys.executable, "-I", "-m", "venv", self.folder])
        if result.returncode == 0:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        if (uv := shutil.which("uv")) is not None:
            result = quiet([uv, "venv", "--seed", "--python", sys.executable, self.folder])
            if result.returncode == 0:
                return
        hint = f"On Debian and Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv."
        words = result.stdout + result.stderr
        reason = "its module ensurepip is missing" if "ensurepip" in words else last_line(words)
        raise Problem("set-up", f"Python could not make an environment: {reason}.", hint)

    def _examined(self, groups: Sequence[str]) -> State:
        state = self.examine(groups)
        if state is None:
            sentence = f"The environment's Python does not run: {self.python}"
            raise Problem("set-up", sentence, "Delete .venv, then run install.py.")
        return state

    def _announce(self, faults: dict[str, str], torch_wrong: bool, device: str, made: bool) -> None:
        if torch_wrong:
            words, gigabytes = torch_build.size(device)
            detail(words)
            free = shutil.disk_usage(self.folder).free / 1e9
            if free < gigabytes:
                sentence = f"Only {free:.1f} GB are free on the disk."
                raise Problem("set-up", sentence, f"Make room for {gigabytes:.0f} GB.")
        if not made:
            for name, fault in sorted(faults.items())[:8]:
                detail(f"{name} {fault}")

    def _ensure_pip(self) -> None:
        if quiet([self.python, "-I", "-m", "pip", "--version"]).returncode == 0:
            return
        detail("pip")
        failure = "pip could not be put into the environment."
        run_logged([self.python, "-I", "-m", "ensurepip", "--upgrade"], self.log, failure)

    def _install_packages(self, faults: dict[str, str]) -> None:
        self._forget_damaged(faults)
        options = ["--no-deps", "--no-build-isolation", "--only-binary", ":all:", "--no-binary", _SOURCE_ONLY]
        setuptools = {"setuptools"} & faults.keys()
        for names in (setuptools, faults.keys() - setuptools):  # first: the one source archive needs it
            if names:
                with self._with_hashes(names) as wanted:
                    self._install([*options, *wanted], "The packages could not be installed.")

    def locked(self) -> dict[str, Locked]:
        """Every pinned package with the hashes of its files, by its normal name."""
        return pins.locked((self.checkout / "requirements" / "hashes.txt").read_text("utf-8"))

    @contextmanager
    def _with_hashes(self, names: Iterable[str]) -> Iterator[list[str]]:
        """Arguments that let an installer take these packages only, and only the files that were locked."""
        locked = self.locked()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "requirements.txt")
            file.write_text("".join(locked[pins.normal(name)].text() for name in sorted(names)), "utf-8")
            yield ["--require-hashes", "--requirement", str(file)]

    def _install(self, arguments: Sequence[str], failure: str) -> None:
        """With uv if it is on the path, with pip if not or if uv fails."""
        if uv := shutil.which("uv"):
            try:
                return self._run_uv(uv, arguments, failure)
            except Problem:
                detail("uv could not do it, trying pip")
        return self._run_pip(arguments, failure)

    def _run_pip(self, arguments: Sequence[str], failure: str) -> None:
        options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--use-pep517"]
        options += ["--no-compile"]  # all of it takes half of the time, and Python compiles what is used
        run_logged([self.python, "-I", "-m", "pip", "install", *options, *arguments], self.log, failure)

    def _run_uv(self, uv: str | Path, arguments: Sequence[str], failure: str) -> None:
        run_logged([uv, "pip", "install", "--python", self.python, *arguments], self.log, failure)

    def _forget_damaged(self, faults: dict[str, str]) -> None:
        """Remove the records of half-installed packages, which no installer can uninstall."""
        damaged = {pins.normal(name) for name, fault in faults.items() if "damaged" in fault}
        for record in self._packages().glob("*.dist-info"):
            if pins.normal(record.name.partition("-")[0]) in damaged:
                shutil.rmtree(record)

    def _install_torch(self, device: str, state: State) -> None:
        self._forget_damaged({"torch": state.faults.get("torch", "")})
        for attempt in torch_build.attempts(self.pins(())["torch"], device):
            try:
                return self._attempt(attempt)
            except Problem as problem:
                last = problem
                if attempt.next_place:
                    detail(attempt.next_place)
        hint = f"Is the machine on line? The log: {self.log}"
        if device == torch_build.CPU and sys.platform == "linux":
            hint += "\nThe larger CUDA build runs on a CPU too: python3 install.py --device cuda"
        raise Problem("set-up", last.message, hint)

    def _attempt(self, attempt: torch_build.Attempt) -> None:
        """Try one way to install PyTorch."""
        failure, binary = "PyTorch could not be installed.", ["--only-binary", ":all:"]
        base = self.checkout / "requirements" / "base.txt"
        arguments = ["--constraint", str(base), *binary, *attempt.arguments]
        if attempt.hashed:  # with the packages that only PyTorch needs
            ours = self.pins(pins.groups(self.checkout / "requirements"))
            others = self.locked().keys() - {pins.normal(name) for name in ours}
            with self._with_hashes({"torch", *others, *self.pins(())}) as wanted:
                self._run_pip([*binary, *wanted], failure)
        elif attempt.installer == "uv":
            self._run_uv(self._uv(), arguments, failure)
        else:
            self._run_pip(arguments, failure)

    def _uv(self) -> Path | str:
        if found := shutil.which("uv"):
            return found
        inside = self.python.with_name("uv.exe" if os.name == "nt" else "uv")
        if not inside.exists():
            failure = "uv, which finds PyTorch's CPU build, could not be installed."
            with self._with_hashes({"uv"}) as wanted:
                self._run_pip(["--no-deps", "--only-binary", ":all:", *wanted], failure)
        return inside

    def _install_own(self) -> None:
        alone = ["--no-deps", "--no-build-isolation", "--force-reinstall"]
        failure = "The studio-portrait command could not be installed."
        self._run_pip([*alone, "--editable", str(self.checkout)], failure)

    def _check_imports(self, groups: Sequence[str], changed: bool) -> None:
        """Import everything once after a change; the result is remembered with the versions."""
        checked = {"pins": self.pins(groups), "imports": IMPORTS}
        if not changed and self.notes().get("checked") == checked:
            return
        detail("trying it out")
        result = quiet([self.python, "-c", f"import {IMPORTS}"])
        if result.returncode:
            raise Problem("set-up", f"The environment does not work: {last_line(result.stderr)}")
        self.remember(checked=checked)
