"""Every shipped way of retouching is timed, on a small photograph here."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.full_size import summary
from model.inference.predictor import available
from tests.sample import CHECKOUT


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.full_size", "--turns", "1", "--photo", str(path)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_last_line_holds_the_figures(small: Path) -> None:
    done = run(small)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == (0 if figures["within"] else 1), done.stderr
    assert list(figures["ways"]) == [*(info.name for info in available()), "headshot"]
    assert all(0 < row["median_s"] <= row["slowest_s"] for row in figures["ways"].values())


def test_no_picture_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path / "none.jpg")
    assert done.returncode == 1 and "Traceback" not in done.stderr and "none.jpg" in done.stderr


def test_median_and_slowest() -> None:
    assert summary({"one": [1.0, 3.0, 2.0]}) == {"one": {"median_s": 2.0, "slowest_s": 3.0}}
