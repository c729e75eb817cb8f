"""The benchmark runs, and its last line holds the figures that others read."""

import json
import subprocess
import sys
from pathlib import Path

from tests.sample import CHECKOUT

FIGURES = ("server_s", "reference_s", "non_network_s", "transport_s", "peak_rss_mb", "gimp_s")


def test_last_line_holds_the_figures(small: Path) -> None:
    """On a small photograph, once: the figures' sense is checked here, not their height."""
    options = ["--photo", str(small), "--runs", "1", "--no-gimp", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", *options],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(FIGURES) <= set(figures)
    assert figures["gimp_s"] is None
    assert 0 < figures["non_network_s"] < figures["server_s"] < figures["wall_s"]
    assert figures["transport_s"] > 0 and figures["reference_s"] > 0
    assert figures["peak_rss_mb"] is None or figures["peak_rss_mb"] > 50
    assert figures["mean_difference_levels"] < 3.5
