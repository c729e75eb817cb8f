"""The plug-in's folder has the shape that GIMP wants, and needs nothing but GIMP's own Python."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sample import CHECKOUT

FOLDER = CHECKOUT / "plugin" / "studio_portrait"
ENTRY = FOLDER / f"{FOLDER.name}.py"
PACKAGES = {"gimpfu": FOLDER.parent / "gimpfu", "link": FOLDER / "link"}
DIALOG = FOLDER / "ui"
MODULES = sorted([*FOLDER.rglob("*.py"), *PACKAGES["gimpfu"].rglob("*.py")])
OWN = {path.stem for path in FOLDER.glob("*.py")} | set(PACKAGES) | {"ui"}

VENDORED = {"fissix"}  # lies beside the loader of old scripts, which alone needs it


def imports(tree: ast.AST) -> Iterator[str]:
    """The top-level names of all absolute imports, also of those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER.parent)))
def test_python_3_10_and_nothing_to_install(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 10))
    foreign = set(imports(tree)) - set(sys.stdlib_module_names) - OWN - {"gi"}
    assert not foreign - (VENDORED if path.parent.name == "scripts" else set())


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_stand_alone(package: str) -> None:
    """Each can be copied elsewhere: no import of a sibling."""
    for path in PACKAGES[package].glob("*.py"):
        names = set(imports(ast.parse(path.read_text("utf-8"))))
        assert not names & (OWN - set(sys.stdlib_module_names)), path


def test_entry_is_executable_and_named_like_its_folder() -> None:
    assert ENTRY.read_text("utf-8").startswith("#!/usr/bin/env python3\n")
    assert os.access(ENTRY, os.X_OK)


def test_dialog_toolkit_is_imported_in_two_places_only() -> None:
    """GTK must not be touched head-less, so only the dialogs, imported when needed, do."""
    users = {path for path in MODULES if "GimpUi" in path.read_text("utf-8")}
    gimpfu = {path for path in users if path.parent == PACKAGES["gimpfu"]}
    assert {path.name for path in gimpfu} <= {"dialog.py", "gimpui.py"}  # its dialog, and GIMP 2's module
    assert {path.parent for path in users if path.is_relative_to(FOLDER)} == {DIALOG}


def test_written_against_gimpfu_only() -> None:
    """The entry script is the example of how a gimpfu script looks."""
    tree = ast.parse(ENTRY.read_text("utf-8"))
    top = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert top == ["__future__", "typing", "gimpfu", "link.sliders", "translation"]
    assert [node.names[0].name for node in tree.body if isinstance(node, ast.Import)] == ["options"]
