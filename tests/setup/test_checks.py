"""Lint and types fail by name; a GIMP for the tests is found, made, or loudly missed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.setup import checks


@pytest.mark.parametrize(
    ("name", "text", "tool"),
    [
        ("lint", "import os\n", "ruff check"),
        ("lint", "x = {'a':1}\n", "ruff format --check"),
        ("types", "def f(x): return x\n", "mypy"),
    ],
)
def test_a_check_fails_by_its_name(tmp_path: Path, name: str, text: str, tool: str) -> None:
    (tmp_path / "module.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text('[tool.mypy]\nfiles = ["module.py"]\nstrict = true\n')
    (tmp_path / "mypy-plugin.ini").write_text("[mypy]\nfiles = module.py\n")
    sentence = checks.run(name, Path(sys.executable), tmp_path)
    assert sentence is not None and repr(name) in sentence and sentence.endswith(f"{tool}.")


def test_a_clean_file_passes(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x: int = 1\n")
    (tmp_path / "pyproject.toml").write_text('[tool.mypy]\nfiles = ["module.py"]\nstrict = true\n')
    (tmp_path / "mypy-plugin.ini").write_text("[mypy]\nfiles = module.py\n")
    assert [checks.run(name, Path(sys.executable), tmp_path) for name in ("lint", "types")] == [None, None]


def test_the_named_root_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.gimp_root(tmp_path, {checks.ROOT_VARIABLE: "/somewhere"}) == Path("/somewhere")
    assert "/somewhere" in capsys.readouterr().out


def test_what_cannot_be_made_is_said_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no gimp-console, no apt-get
    assert checks.gimp_root(tmp_path, {}) is None
    assert "WILL BE SKIPPED" in capsys.readouterr().out


def test_a_root_is_made_where_one_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs, script = tmp_path / "bin", tmp_path / "tests" / "gimp" / "provision.sh"
    for path in (programs / "apt-get", programs / "bash", script):
        path.parent.mkdir(parents=True, exist_ok=True)
    (programs / "apt-get").write_text("#!/bin/sh\n")
    (programs / "apt-get").chmod(0o755)
    (programs / "bash").symlink_to("/bin/bash")
    script.write_text('echo "$@" > "${0%/*}/asked"\n')
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    root = checks.gimp_root(tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert root == tmp_path / "cache" / "studio-portrait" / "gimp-trixie"
    assert (script.parent / "asked").read_text() == f"{root} trixie\n"
    script.write_text("exit 1\n")
    assert checks.gimp_root(tmp_path, {"XDG_CACHE_HOME": str(tmp_path)}) is None
    assert "COULD NOT BE MADE" in capsys.readouterr().out
