"""A checkout to break: a copy of this one whose environment borrows the packages of the running one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from model.inference import cache
from plugin.studio_portrait.link import runtime
from tests.sample import CHECKOUT

PARTS = ("install.py", "pyproject.toml", "LICENSE", "plugin", "server", "model", "benchmarks", "requirements")


@dataclass
class Copy:
    """A copied checkout with a home and a state folder of its own."""

    folder: Path
    home: Path

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def profile(self) -> Path:
        return self.home / ".config" / "GIMP" / "3.0"

    @property
    def packages(self) -> Path:
        return next(self.folder.glob(".venv/lib/python3*/site-packages"))

    def environment(self) -> dict[str, str]:
        foreign = ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY", "STUDIO_PORTRAIT_SERVER", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        packages = os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")
        return {
            **kept,
            "HOME": str(self.home),
            runtime.HOME_VARIABLE: str(self.state),
            cache.VARIABLE: str(self.home / "cache"),
            "PIP_CACHE_DIR": packages,
        }

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Runs its install.py from another folder, as a user would."""
        return subprocess.run(
            [sys.executable, "-E", str(self.folder / "install.py"), *options],
            cwd=self.home,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, code: str) -> str:
        """What this code prints in a Python that sees the copy and not this checkout."""
        command = [sys.executable, "-c", code]
        result = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


def copy_checkout(folder: Path) -> Copy:
    """The files that a user's clone would have, without an environment."""
    target = folder / "checkout"
    target.mkdir()
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in PARTS:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=skip)
        elif source.exists():
            shutil.copyfile(source, target / part)
    home = folder / "home"
    home.mkdir()
    return Copy(target, home)


@pytest.fixture
def bare(tmp_path: Path) -> Copy:
    """A fresh clone."""
    return copy_checkout(tmp_path)


@pytest.fixture
def installed(tmp_path: Path) -> Copy:
    """A clone with a complete environment, made in a second: its packages are links to the running one's."""
    return with_environment(copy_checkout(tmp_path))


def with_environment(copy: Copy) -> Copy:
    """The same copy, its environment's packages links to the running one's."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy.folder / ".venv"], check=True)
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "studio_portrait" not in entry.name:
            (copy.packages / entry.name).symlink_to(entry)
    for entry in (*Path(sys.prefix).iterdir(), *Path(sys.executable).parent.iterdir()):
        target = copy.folder / ".venv" / entry.relative_to(sys.prefix)
        if not target.exists() and "studio-portrait" not in entry.name and entry.name != "install.log":
            target.symlink_to(entry)
    return copy


def own(path: Path) -> Path:
    """Replaces a link by a copy of what it leads to, so that it can be broken."""
    source = path.resolve()
    path.unlink()
    if source.is_dir():
        shutil.copytree(source, path)
    else:
        shutil.copyfile(source, path)
    return path
