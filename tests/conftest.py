"""What more than one room needs: real GIMP, and the word at the end when there was none."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.gimp import harness


@pytest.fixture(scope="session")
def gimp() -> Iterator[harness.Gimp]:
    """A real GIMP 3 with a profile of its own; skips, loudly, where there is none."""
    root, reason = harness.find()
    if reason:
        pytest.skip(f"{harness.ABSENT}: {reason}")
    started = harness.start(root)
    yield started
    harness.end(started)


def pytest_configure(config: pytest.Config) -> None:
    """A suite started in the background (``... &``) inherits a deaf SIGINT; its children must not.

    Nor does Hypothesis time its examples: a busy machine is no fault.
    """
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """In capitals, as the very last words: that the tests in real GIMP did not run."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    missing = [reason for reason in reasons if harness.ABSENT in reason]
    if missing:
        reporter.section("REAL GIMP", sep="!", red=True, bold=True)
        for text, count in Counter(missing).items():
            reason = text.removeprefix("Skipped: ").removeprefix(f"{harness.ABSENT}: ")
            reporter.line(f"{count} TESTS IN REAL GIMP 3 DID NOT RUN: {reason.upper()}")
