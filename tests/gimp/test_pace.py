"""The dialog with a picture of 13 megapixels and no server: it says what it does, and takes little memory."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import dialog
from tests.gimp.harness import Gimp

MOST_MB = 150


@pytest.fixture(scope="module")
def told(seeing: Gimp, windowed: Gimp) -> dict[str, Any]:
    return dialog.measure(windowed.root, moves=3, cold=True)


def test_first_preview_comes_with_words_for_what_is_done(told: dict[str, Any]) -> None:
    assert told["first_s"] is not None and len(told["moves_ms"]) == 3
    assert told["words"][:2] == ["Looking at the picture…", "Starting the server…"]
    assert len(told["words"]) > 3, "and then for what the server does"
    assert "Looking for faces" not in told["later"], "no face is looked for when a slider is moved"


def test_picture_is_drawn_when_something_changed_and_not_all_the_time(told: dict[str, Any]) -> None:
    """Each drawing once called for the next one, which kept a processor busy all the while."""
    assert 4 < told["draws"] < 40


def test_memory_stays_small(told: dict[str, Any]) -> None:
    """GIMP holds the picture; the plug-in sends it strip by strip, and keeps a screen's worth."""
    more = told["gimp_mb"] - told["gimp_before_mb"]
    assert 0 < told["memory_mb"] + more <= MOST_MB, told
