"""``install.py`` on copies of this checkout: repair, idempotence, list and uninstall, for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.setup import pins

from .conftest import CHECKOUT, Copy, copy_checkout, own, with_environment


def snapshot(copy: Copy) -> dict[str, tuple[int, int]]:
    """Every file of copy and home that is not a cache, with size and time of its last change."""
    found = {}
    for folder in (copy.folder, copy.home):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A clone with everything; who breaks it here has it put right, since the next test takes the same."""
    copy = with_environment(copy_checkout(tmp_path_factory.mktemp("installed")))
    done = copy.install("--test", "--", "--version")
    assert done.returncode == 0, done.stdout + done.stderr
    return copy


def test_repairs_missing_damaged_and_wrong(installed: Copy) -> None:
    """A package that is gone, one with a file cut off, one of another version, no console script."""
    (installed.packages / "mdurl").unlink()
    next(installed.packages.glob("mdurl-*.dist-info")).unlink()
    own(installed.packages / "markupsafe")
    own(next(installed.packages.glob("[Mm]arkup[Ss]afe-*.dist-info")))
    (installed.packages / "markupsafe" / "__init__.py").write_text("")
    record = own(next(installed.packages.glob("filelock-*.dist-info")))
    own(installed.packages / "filelock")
    (record / "METADATA").write_text((record / "METADATA").read_text().replace("Version: ", "Version: 0."))
    done = installed.install("--test", "--", "--version")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("mdurl is missing", "MarkupSafe is damaged: markupsafe/__init__.py", "filelock is 0."):
        assert words in done.stdout
    again = installed.install("--test", "--", "--version")
    assert "is complete" in again.stdout and again.returncode == 0
    assert (installed.folder / ".venv" / "bin" / "studio-portrait").exists()
    assert (installed.packages / "markupsafe" / "__init__.py").stat().st_size > 0


def test_moved_checkout_is_put_right(installed: Copy) -> None:
    """The console script of a checkout that was moved still leads to the old place."""
    installed.folder = installed.folder.rename(installed.folder.with_name("moved"))
    assert "leads to another place" in installed.install("--doctor").stdout
    assert installed.install("--test", "--", "--version").returncode == 0
    script = (installed.folder / ".venv" / "bin" / "studio-portrait").read_text()
    assert str(installed.folder) in script.splitlines()[0]


def spent() -> float:
    """Seconds of the processor that the programs which this one has started took until they ended."""
    used = os.times()
    return used.children_user + used.children_system


def test_whole_way(bare: Copy) -> None:
    """A fresh clone with a broken environment, killed in the middle, run again, a third time, uninstalled."""
    bare.profile.mkdir(parents=True)
    programs = bare.folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (bare.folder / ".venv" / "pyvenv.cfg").write_text("home = /nowhere\n")
    (programs / "python").symlink_to("/nowhere/python3")
    first = subprocess.Popen(
        [sys.executable, str(bare.folder / "install.py")],
        env=bare.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(bare.folder.glob(".venv/lib/python3*/site-packages/numpy")):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    assert "does not run" in first.communicate()[0]

    start = spent()
    second = bare.install()
    long = spent() - start
    assert second.returncode == 0, second.stdout + second.stderr
    picture = bare.folder / "out" / "first-portrait.png"
    assert str(picture) in second.stdout and picture.stat().st_size > 100_000
    plugin = bare.profile / "plug-ins" / "studio_portrait"
    assert json.loads((plugin / "installed.json").read_text())["command"] == [
        str(programs / "studio-portrait")
    ]

    before = snapshot(bare)
    start = spent()
    third = bare.install()
    assert spent() - start < long / 4 and third.returncode == 0
    assert snapshot(bare) == before

    (plugin / "mine.txt").write_text("a user's own file")
    (bare.state / "server.crt").write_text("a user's own file")
    listed = bare.install("--list").stdout
    assert all(str(path) in listed for path in (plugin, bare.folder / ".venv", bare.state, picture))
    assert bare.install("--uninstall").returncode == 1  # nobody was asked, nothing is gone
    assert (bare.folder / ".venv").exists() and picture.exists()
    gone = bare.install("--uninstall", "--yes")
    assert gone.returncode == 0 and "mine.txt" in gone.stdout
    assert [path.name for path in plugin.iterdir()] == ["mine.txt"]
    assert [path.name for path in bare.state.iterdir()] == ["server.crt"]
    for path in (bare.folder / ".venv", picture):
        assert not path.exists()
    assert (bare.folder / "install.py").exists()
    assert "Nothing is installed" in bare.install("--list").stdout


def test_foreign_folder_is_not_deleted(bare: Copy) -> None:
    (bare.folder / ".venv").mkdir()
    (bare.folder / ".venv" / "diary.txt").write_text("mine")
    done = bare.install()
    assert done.returncode == 1
    assert "is in the way" in done.stderr and "Traceback" not in done.stderr
    assert (bare.folder / ".venv" / "diary.txt").read_text() == "mine"


def test_what_the_system_refuses_is_a_sentence(bare: Copy) -> None:
    """Here a file where the environment's folder belongs."""
    (bare.folder / ".venv").write_text("mine")
    done = bare.install()
    assert done.returncode == 1
    assert "The system refused something" in done.stderr and "Traceback" not in done.stderr
    assert (bare.folder / ".venv").read_text() == "mine"


def test_gimp_dir_with_a_typo(bare: Copy) -> None:
    done = bare.install("--gimp-dir", str(bare.home / "3.O"))
    assert done.returncode == 1 and "There is no folder" in done.stderr and "Start GIMP once" in done.stderr
    assert not (bare.home / "3.O").exists() and not (bare.folder / ".venv").exists()


def test_wrong_weights_are_told(installed: Copy) -> None:
    weights = next((installed.folder / "model" / "weights").glob("*.safetensors"))
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    done = installed.install()
    weights.write_bytes(data)
    assert done.returncode == 1
    assert "checksum is wrong" in done.stderr and "git checkout" in done.stderr


def test_python_too_old_or_new(tmp_path: Path) -> None:
    """The sentence comes before anything that another Python could stumble over."""
    text = (CHECKOUT / "install.py").read_text()
    for version in ("(3, 10)", "(3, 15)", "(2, 7)"):
        script = tmp_path / "install.py"
        script.write_text(f"import sys\nsys.version_info = {version} + (0,)\n{text}")
        result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "needs Python 3.11" in result.stderr and "Traceback" not in result.stderr


def test_every_version_is_pinned() -> None:
    """What is installed for the tests is exactly what is written down: nothing more, nothing else."""
    files = [
        CHECKOUT / "requirements" / f"{group}.txt" for group in ("torch", "base", "test", "train", "openvino")
    ]
    assert pins.examine(pins.read(files)) == {}
    for file in (CHECKOUT / "requirements").glob("*.txt"):
        assert "/" not in file.read_text(), file  # an address


@pytest.mark.parametrize(
    "options",
    [
        *(["--device", "tpu"], ["--list", "--test"], ["--nonsense"], ["--", "tests"], ["--json"]),
        *(
            ["--doctor", "--gimp-dir", "."],
            ["--uninstall", "--yes", "--", "-q"],
            ["--gimpfu-only", "--train"],
        ),
    ],
)
def test_options_that_make_no_sense(bare: Copy, options: list[str]) -> None:
    done = bare.install(*options)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert not (bare.folder / ".venv").exists()
