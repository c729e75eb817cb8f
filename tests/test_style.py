"""The house style is part of the suite: ruff's rules, ruff's format, mypy's types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("tool", ["ruff check", "ruff format --check", "mypy"])
def test_style(tool: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *tool.split()], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
