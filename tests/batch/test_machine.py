"""Containers' limits are seen, in both of the forms that Linux has."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from server import machine
from server.service import resources


def test_containers_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    most = machine.cores()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.cores() == most
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 1


def test_workers_fit_a_container_whose_memory_holds_files_that_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those count as used, and are given back when the memory is needed."""
    (tmp_path / "own").write_text("0::/\n")
    limits = functools.partial(resources.memory_limits, tmp_path, tmp_path / "own")
    monkeypatch.setattr(resources, "memory_limits", limits)
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "SPARE", 0)
    monkeypatch.setattr(machine, "PER_WORKER", 40 << 20)
    (tmp_path / "memory.max").write_text(f"{300 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{299 << 20}\n")
    (tmp_path / "memory.stat").write_text(f"inactive_file {150 << 20}\n")
    assert machine.workers() == 3
    (tmp_path / "memory.stat").write_text("inactive_file 0\n")
    assert machine.workers() == 1 and machine.workers(7) == 7


def test_the_older_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.cores() == 1
