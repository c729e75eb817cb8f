"""Work side by side ends, whoever calls it: from its own threads, and in a process that was forked."""

import multiprocessing
import threading
from collections.abc import Callable

import pytest

from model.inference import strips

PATIENCE = 60  # seconds: without end is longer


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "threads", lambda: 2)


def rows_seen(rows: int) -> list[int]:
    seen: list[int] = []
    strips.in_strips(rows, lambda strip: seen.extend(range(rows)[strip]))
    return sorted(seen)


def ends(work: Callable[[], None]) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_every_row_is_worked_on_once() -> None:
    assert rows_seen(1000) == list(range(1000)) and rows_seen(1) == [0]


def test_work_that_calls_for_more_of_the_same_ends() -> None:
    inner: list[list[int]] = []
    assert ends(lambda: strips.in_strips(1000, lambda strip: inner.append(rows_seen(500))))
    assert len(inner) == 8 and all(seen == list(range(500)) for seen in inner)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_process_has_threads_of_its_own() -> None:
    rows_seen(1000)
    child = multiprocessing.get_context("fork").Process(target=rows_seen, args=(1000,))
    child.start()
    child.join(PATIENCE)
    try:
        assert child.exitcode == 0
    finally:
        child.kill()


def test_what_work_raises_is_raised_once_none_is_at_work() -> None:
    def work(strip: slice) -> None:
        raise KeyError(strip.start)

    with pytest.raises(KeyError):
        strips.in_strips(1000, work)
    assert rows_seen(300) == list(range(300))
