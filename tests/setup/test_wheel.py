"""A wheel built from the tree holds all that a user needs: installed alone, it retouches the sample."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.sample import CHECKOUT

HIDDEN = {".git", ".venv", "__pycache__", "build", "out", "tests", "docs"}


def run(*words: object, cwd: Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
    told = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy, since building leaves folders behind."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(CHECKOUT, folder / "tree", ignore=lambda _, names: HIDDEN & set(names))
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *options, folder / "tree", cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


def test_every_file_that_is_needed_lies_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "model", "server", "plugin"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert tracked and not set(tracked) - held


def test_alone_in_an_empty_environment_it_retouches_the_sample(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty", cwd=tmp_path)
    programs = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin")
    python = programs / Path(sys.executable).name
    options = ("--no-deps", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=tmp_path)
    # What it depends on is taken from the tests' own environment, behind the wheel's own packages.
    (packages,) = {
        Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path).strip())
    }
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    found = run(python, "-c", "import server, model, plugin; print(server.__file__)", cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(tmp_path)
    sample = packages / "server" / "setup" / "sample" / "selfie.jpg"
    result = tmp_path / "portrait.png"
    home = {"STUDIO_PORTRAIT_HOME": str(tmp_path / "home")}
    command = programs / "studio-portrait"
    try:
        told = json.loads(run(command, "retouch", sample, "-o", result, "--json", cwd=tmp_path, **home))
    finally:
        run(command, "stop", cwd=tmp_path, **home)
    assert "error" not in told
    with Image.open(sample) as before, Image.open(result) as after:
        assert after.size == before.size and after.tobytes() != before.convert(after.mode).tobytes()
