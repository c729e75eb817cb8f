"""What the dialog remembers from one time to the next, whatever became of the run: choices and window."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

from choices import Choices
from link import runtime
from link.wire import Problem

FILE = "dialog.json"
MAX_BYTES = 64 * 1024


def load() -> tuple[Choices | None, dict[str, Any]]:
    """Return the last choices (None the first time, or when damaged) and the window's own notes.

    Faces that were ticked are those of the picture of then: all, of another.
    """
    try:
        with (runtime.state_folder_path() / FILE).open("rb") as file:
            data = json.loads(file.read(MAX_BYTES))
        window = data["window"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, {}
    choices = Choices.from_json(data.get("choices"))
    if choices and not isinstance(choices.settings.faces, str):
        choices = replace(choices, settings=replace(choices.settings, faces="all"))
    return choices, window if isinstance(window, dict) else {}


def save(choices: Choices, window: dict[str, Any]) -> None:
    """Remember; a folder that cannot be written is no reason to trouble the user."""
    with contextlib.suppress(OSError, Problem):
        told = {"choices": choices.as_json(), "window": window}
        runtime.write_whole(runtime.state_folder() / FILE, json.dumps(told))


def window_size(remembered: dict[str, Any], room: tuple[int, int]) -> tuple[int, int]:
    """Return the size that the window had last time, as far as the screen has room for it."""
    width, height = (remembered.get(name) for name in ("width", "height"))
    if not (isinstance(width, int) and isinstance(height, int) and width > 300 and height > 200):
        width, height = 1180, 720
    return min(width, room[0] - 20), min(height, room[1] - 60)
