"""The load table in short, on the tests' own worker; and its chart."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from benchmarks import chart, load
from tests.server.running import COMMAND


def test_a_short_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PORTRAIT_HOME", "")  # put back afterwards
    rows = load.run([*COMMAND, "serve"], (1, 8), 12, 2, np.zeros((600, 800, 3), np.uint8))
    assert [row.clients for row in rows] == [1, 8]
    assert all(row.per_second > 0 and 0 < row.p50 <= row.p99 for row in rows)


def test_all_rounds_of_a_number_of_clients_count_together() -> None:
    found = load.row(2, [[(0.0, 1.0), (0.0, 2.0)], [(10.0, 13.0), (12.0, 14.0)]])
    assert (found.clients, found.per_second, found.p50) == (2, pytest.approx(4 / 6), 2.0)
    assert 2.9 < found.p99 <= 3.0


def test_whether_eight_clients_wait_too_long() -> None:
    def rows(p99: float) -> list[load.Row]:
        return [load.Row(1, 1.0, 1.0, 1.1), load.Row(8, 1.0, 8.0, p99)]

    assert load.summary(rows(9.5))["within"] and not load.summary(rows(9.7))["within"]
    assert "within" not in load.summary(rows(9.5)[:1])


def test_the_chart_is_a_picture_of_its_lines() -> None:
    drawn = ET.fromstring(chart.svg("clients", "seconds", [1, 2, 4], {"p50": [1, 2, 4], "p99": [1, 3, 9]}))
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    points = [[tuple(map(float, p.split(","))) for p in line.attrib["points"].split()] for line in lines]
    assert len(points) == 2 and points[0][0] == points[1][0]
    (x0, y0), (x1, y1), (x2, y2) = points[0]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
