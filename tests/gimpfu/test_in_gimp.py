"""gimpfu inside real GIMP: each ``check_`` of ``inside/checks_*.py`` is a test here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.gimp.harness import Gimp

HERE = Path(__file__).parent
CHECKS = [
    node.name
    for path in sorted(HERE.glob("inside/checks_*.py"))
    for node in ast.parse(path.read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
]


@pytest.fixture(scope="module")
def told(gimp: Gimp, kinds: Path, gimp_first: Path) -> dict[str, Any]:
    """One GIMP's answers."""
    answers: dict[str, Any] = gimp.run("checks", package=gimp.inside(kinds))
    return answers


@pytest.mark.parametrize("name", CHECKS)
def test_in_gimp(told: dict[str, Any], name: str) -> None:
    assert "crash" not in told[name], told[name]["crash"]


def test_tracebacks_and_messages_reach_stderr(told: dict[str, Any]) -> None:
    assert "ZeroDivisionError: division by zero" in told["stderr"]
    assert "A message from gimpfu's checks" in told["stderr"]
