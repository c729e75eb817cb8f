"""The package gimpfu as users get it: its zip, its table, its types."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from server.setup import gimpfu_bundle, plugin_folder, profiles, removal
from server.setup.environment import CHECKOUT, Environment
from tests.gimpfu import procedure_table


def test_zip_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    one, two = gimpfu_bundle.bundle(tmp_path / "a.zip"), gimpfu_bundle.bundle(tmp_path / "b.zip")
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as zipped:
        names = zipped.namelist()
        entry = zipped.getinfo("plug-ins/gimpfu-scripts/gimpfu-scripts.py")
    assert (entry.external_attr >> 16) & 0o111, "GIMP starts executable files only"
    for wanted in ("gimpfu/api.py", "gimpfu/LICENSE", "gimpfu/README.md", "fissix/Grammar.txt"):
        assert f"plug-ins/gimpfu-scripts/{wanted}" in names, wanted
    assert any("fissix-" in name and "LICENSE" in name for name in names), "fissix's licence"
    assert "gimpfu-scripts/README.txt" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert one.stat().st_size < 600_000


def test_zip_translates_by_itself(tmp_path: Path) -> None:
    """With nothing but what the zip holds and a bare Python."""
    with zipfile.ZipFile(gimpfu_bundle.bundle(tmp_path / "a.zip")) as zipped:
        zipped.extractall(tmp_path / "profile")
    script = tmp_path / "old.py"
    script.write_text("print 'x'\n")
    folder = tmp_path / "profile/plug-ins/gimpfu-scripts"
    command = [sys.executable, "-S", "-m", "gimpfu.convert", str(script)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "print('x')" in done.stdout, done.stderr


def test_missing_library_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(gimpfu_bundle.bundle(tmp_path / "a.zip")) as zipped:
        zipped.extractall(tmp_path, [name for name in zipped.namelist() if "fissix" not in name])
    script = tmp_path / "old.py"
    script.write_text("print 'x'\n")
    command = [sys.executable, "-S", "-m", "gimpfu.convert", str(script)]
    folder = tmp_path / "plug-ins/gimpfu-scripts"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "The library fissix that translates Python 2 is not beside" in done.stderr


def test_install_and_uninstall_leave_scripts_alone(tmp_path: Path) -> None:
    profile = profiles.given(tmp_path)
    (tmp_path / "gimpfu-scripts").mkdir()
    script = tmp_path / "gimpfu-scripts" / "mine.py"
    script.write_text("print 'x'\n")
    assert gimpfu_bundle.install(profile) and not gimpfu_bundle.install(profile)
    found = removal.take(Environment(), [tmp_path])
    installed = [copy for copy in (*found.plugins, *found.foreign) if copy.folder.is_relative_to(tmp_path)]
    assert [copy.folder.name for copy in installed] == ["gimpfu-scripts"]
    assert plugin_folder.remove(installed[0]) == [] and not installed[0].folder.exists()
    assert script.read_text() == "print 'x'\n"


def test_fissix_is_pinned_alike_everywhere() -> None:
    pinned, digest = gimpfu_bundle._pin(CHECKOUT)
    assert f"fissix=={pinned}\n" in (CHECKOUT / "requirements/test.txt").read_text("utf-8")
    assert len(digest) == 64


def test_table_of_procedures_is_current() -> None:
    assert procedure_table.TARGET.read_text("utf-8") == procedure_table.text()


def test_types_for_users(tmp_path: Path) -> None:
    """A script that uses gimpfu passes mypy, and its mistakes are found."""
    good = tmp_path / "good.py"
    good.write_text(
        "from gimpfu import PF_INT, error, gimp, main, pdb, register\n\n\n"
        "def work(amount: int) -> None:\n    image = gimp.Image(amount, 2)\n"
        "    pdb.gimp_image_flatten(image)\n    print(gimp.version)\n\n\n"
        "register('a', 'b', 'c', 'd', 'e', 'f', 'g', '', [(PF_INT, 'x', 'X', 1)], [], work)\nmain()\n"
    )
    bad = tmp_path / "bad.py"
    bad.write_text("from gimpfu import gimp, register\n\nregister(1)\ngimp.no_such_thing()\n")
    environment = {"MYPYPATH": str(CHECKOUT / "plugin"), "PATH": "/usr/bin:/bin"}
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--ignore-missing-imports",
        "--follow-imports=silent",
    ]
    command += ["--cache-dir", str(tmp_path / "cache"), str(good), str(bad)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "good.py" not in done.stdout, done.stdout
    assert "bad.py:3" in done.stdout and "bad.py:4" in done.stdout, done.stdout + done.stderr
