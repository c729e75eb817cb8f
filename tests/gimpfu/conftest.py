from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gimp.harness import Gimp

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "plugin" / "studio_portrait" / "gimpfu"


@pytest.fixture(scope="module")
def kinds(gimp: Gimp) -> Iterator[Path]:
    """The script ``kinds`` installed as a plug-in, with gimpfu beside it; its folder."""
    folder = gimp.profile / "plug-ins" / "kinds"
    shutil.copytree(PACKAGE, folder / "gimpfu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "inside" / "kinds.py", folder)
    (folder / "kinds.py").chmod(0o755)
    yield folder
    shutil.rmtree(folder)
