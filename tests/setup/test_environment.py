"""Which PyTorch is asked for, and that a long installation shows that it goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.studio_portrait.link.wire import Problem
from server.setup import console, torch_build
from server.setup.environment import Environment

from .conftest import CHECKOUT, Copy

SLOW = "import time; print('Downloading torch', flush=True); time.sleep(1.5)"


def test_cuda_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told, instead of installed again at each run; what was remembered by mistake is forgotten."""
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(Problem, match="no PyTorch for CUDA on macOS") as caught:
        torch_build.choose(torch_build.CUDA, None)
    assert "--device" in caught.value.hint
    assert torch_build.choose(None, torch_build.CUDA) == torch_build.CPU
    assert torch_build.choose(torch_build.CPU, None) == torch_build.CPU


def test_build_that_is_not_the_one_asked_for(installed: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    """As on Windows without a GPU: said once, and not asked for again."""
    environment = Environment(installed.folder)
    environment.remember(device=torch_build.CUDA)
    environment.settle_device(torch_build.CUDA, [])
    assert environment.notes()["device"] == torch_build.CPU
    assert "for the CPU now" in capsys.readouterr().out
    environment.settle_device(torch_build.CPU, [])
    assert environment.notes()["device"] == torch_build.CPU and capsys.readouterr().out == ""


def test_pytorch_from_its_own_index(
    installed: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That pip has no folder with the CPU build is no error yet; off line, it becomes one at the end."""
    for link in installed.packages.glob("*torch*"):
        link.unlink()
    for name in ("PIP_NO_INDEX", "UV_OFFLINE", "UV_NO_CACHE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(Problem) as caught:
        Environment(installed.folder).ensure(torch_build.CPU)
    told = capsys.readouterr().out
    assert "comes from PyTorch's own index" in told
    assert "not found" not in told and "ERROR" not in told
    assert "on line" in caught.value.hint and "--device cuda" in caught.value.hint


def test_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_SIGN_OF_LIFE", 1.0)
    console.run_logged([sys.executable, "-c", SLOW], tmp_path / "log", "It failed.")
    told = capsys.readouterr().out
    assert "Downloading torch" in told and "still at it after 1 s" in told


def test_signs_of_life_on_a_terminal(tmp_path: Path) -> None:
    """The seconds run beside the last news, on one line that is gone at the end."""
    code = (
        "import sys; from pathlib import Path; from server.setup.console import run_logged;"
        f" run_logged([sys.executable, '-c', {SLOW!r}], Path({str(tmp_path / 'log')!r}), '')"
    )
    inner, outer = os.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=outer, cwd=CHECKOUT, check=True)
    os.close(outer)
    shown = ""
    with contextlib.suppress(OSError):  # Linux' word for the end; what was written comes in pieces
        while piece := os.read(inner, 1 << 16):
            shown += piece.decode()
    os.close(inner)
    assert "0 s  Downloading torch" in shown and "1 s  Downloading torch" in shown
    assert shown.endswith("\r\x1b[K") and "\n" not in shown
