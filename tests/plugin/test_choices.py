"""The user's choices as arguments, as JSON and back."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sample import CHECKOUT

FOLDER = CHECKOUT / "plugin" / "studio_portrait"


@pytest.fixture(scope="module")
def choices() -> Iterator[Any]:
    """The module as GIMP imports it: beside ``link`` at the top level."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("choices")
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def arguments() -> dict[str, Any]:
    return {
        **{
            "strength": 80.0,
            "shine": 100.0,
            "light": 0.0,
            "colour": 50.0,
            "warmth": -20.0,
            "brightness": 5.0,
        },
        **{"reach": "skin", "faces": "ticked", "ticked": "1, 3", "limit": "auto", "network": " Studio "},
        **{"reference": "", "output": "mask", "mattes": True},
    }


def test_per_cents_and_numbers_from_one(choices: Any, arguments: dict[str, Any]) -> None:
    chosen = choices.Choices.from_arguments(arguments)
    settings = chosen.settings
    assert (settings.strength, settings.colour, settings.warmth) == (0.8, 0.5, -0.2)
    assert settings.faces == (0, 2) and settings.mask and settings.network == "studio"
    assert chosen.arguments() == arguments | {"network": "studio"}


def test_json_and_back(choices: Any, arguments: dict[str, Any]) -> None:
    chosen = choices.Choices.from_arguments(arguments)
    assert choices.Choices.from_json(chosen.as_json()) == chosen
    earlier = {name: value for name, value in chosen.as_json().items() if name != "format"}
    assert choices.Choices.from_json(earlier).settings.colour == 0.3, "half of what was then all"


@pytest.mark.parametrize(
    "damaged",
    [None, [], {}, {"settings": {}}, {"settings": {"strength": 7}}, {"settings": {"nonsense": 1}}],
)
def test_damaged_json_is_none(choices: Any, damaged: Any) -> None:
    rest = {"output": "layer", "limit": "auto", "mattes": False, "reference": ""}
    whole = rest | damaged if isinstance(damaged, dict) and damaged.get("settings") else damaged
    assert choices.Choices.from_json(whole) is None
    assert choices.Choices.from_json(rest | {"settings": {}, "output": "poster"}) is None


@pytest.mark.parametrize(
    ("faces", "limit", "limits"),
    [("all", "auto", True), ("selection", "auto", False), ("selection", "yes", True), ("all", "no", False)],
)
def test_a_selection_limits_unless_it_chooses_the_faces(
    choices: Any, arguments: dict[str, Any], faces: str, limit: str, limits: bool
) -> None:
    chosen = choices.Choices.from_arguments(arguments | {"faces": faces, "limit": limit})
    assert chosen.limits is limits


@pytest.mark.parametrize("text", ["one", "1;2", "0"])
def test_faces_numbers_that_are_none(choices: Any, arguments: dict[str, Any], text: str) -> None:
    problem = sys.modules["link.wire"].Problem
    with pytest.raises(problem):
        choices.Choices.from_arguments(arguments | {"ticked": text})
