"""A script that does not come to an end stops nobody for long."""

from __future__ import annotations

import time

import pytest

from plugin.gimpfu.scripts import catalogue


@pytest.mark.parametrize("script", ["while True: pass", "import time; time.sleep(600)"])
def test_a_script_without_end_is_interrupted(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(catalogue, "TIME_LIMIT", 0.3)
    with pytest.raises(KeyboardInterrupt) as told, catalogue.time_limit():
        exec(script, {})
    assert catalogue._sentence(told.value).startswith("It did not come to an end within")


def test_no_alarm_comes_after_a_script_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "TIME_LIMIT", 0.2)
    with catalogue.time_limit():
        pass
    time.sleep(0.4)
