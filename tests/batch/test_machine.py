"""Containers' limits are seen, in both of the forms that Linux has."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import machine


def test_containers_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    most = machine.cores()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.cores() == most
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.cores() == 1
    (tmp_path / "memory.max").write_text(f"{3 << 30}\n")
    (tmp_path / "memory.current").write_text(f"{1 << 30}\n")
    assert machine.memory() <= 2 << 30
    assert machine.workers() == 1 and machine.workers(7) == 7


def test_the_older_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.cores() == 1
