"""The networks' benchmark runs on what a folder holds; ratios are to the paper's where that is there."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.networks import summary
from model.networks.registry import PAPER_NETWORK
from tests.model import made
from tests.sample import CHECKOUT


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.networks", "--runs", "2", "--json", "--folder", str(folder)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_last_line_holds_the_figures(tmp_path: Path) -> None:
    for name in (PAPER_NETWORK, "other"):  # the yardstick goes by its name
        made.exported(tmp_path, name)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    engines = json.loads(done.stdout.splitlines()[-1])["engines"]
    assert "pytorch" in engines
    for networks in engines.values():
        assert networks[PAPER_NETWORK]["ratio"] == 1
        assert networks["other"]["ratio"] > 0
        assert 0 < networks["other"]["least_s"] <= networks["other"]["median_s"]


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode != 0 and "Traceback" not in done.stderr and str(tmp_path) in done.stderr


def test_the_ratio_is_of_the_same_turn() -> None:
    seconds = {PAPER_NETWORK: [1.0, 10.0, 2.0], "quick": [0.1, 1.0, 0.4]}
    figures = summary(seconds)
    assert figures["quick"] == {"median_s": 0.4, "least_s": 0.1, "ratio": 0.1}
    assert "ratio" not in summary({"quick": [0.1]})["quick"]
