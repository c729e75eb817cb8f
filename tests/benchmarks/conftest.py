from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.sample import SELFIE


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A photograph that costs little: the selfie at half its size."""
    with Image.open(SELFIE) as selfie:
        selfie.reduce(2).save(tmp_path / "small.png")
    return tmp_path / "small.png"
