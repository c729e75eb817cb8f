"""What more than one room needs: real GIMP, the suite on several processors, and the last words of a run."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from model.inference import threads
from tests.gimp import harness

LONGEST = ("tests/gimp/", "tests/setup/test_install.py", "tests/soak/")  # begun first with `-n`


@pytest.fixture(scope="session")
def gimp() -> Iterator[harness.Gimp]:
    """A real GIMP 3 with a profile of its own; skips, loudly, where there is none."""
    root, reason = harness.find()
    if reason:
        pytest.skip(f"{harness.ABSENT}: {reason}")
    started = harness.start(root)
    yield started
    harness.end(started)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: two more than processors, since many tests wait most of their time."""
    return threads.processors() + 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, keep a file's tests together, for what they share, and all of one GIMP with its server."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/gimp/" if nodeid.startswith("tests/gimp/") else nodeid.partition("::")[0]

    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n`, what takes longest comes first, so that no process waits for another's at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_configure(config: pytest.Config) -> None:
    """A suite started in the background (``... &``) inherits a deaf SIGINT; its children must not.

    Nor does Hypothesis time its examples: a busy machine is no fault. Each process of `-n` and its servers
    compute on their share of the processors.
    """
    if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
        share = str(max(1, threads.processors() // int(workers)))
        os.environ |= {threads.VARIABLE: share, "OMP_NUM_THREADS": share}
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
