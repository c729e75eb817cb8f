"""Times GIMP's start with and without old scripts: ``python tests/gimpfu/start_time.py --scripts DIR``.

Pairs of starts and quits in turn, one with DIR's scripts in the profile, one with the loader
alone; the first start, which translates, is told apart. Elapsed and processor time. Not part of the tests.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from server.setup import gimpfu_bundle  # noqa: E402
from tests.gimp import harness  # noqa: E402


def started(gimp: harness.Gimp) -> tuple[float, float]:
    """Return the seconds of one start and quit: elapsed, and of the processor with all children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(
        gimp.command("gimp-console", "--no-interface", "--quit"), capture_output=True, check=True, timeout=600
    )
    elapsed = time.monotonic() - start
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=Path, required=True, metavar="DIR", help="folder of GIMP 2 scripts")
    parser.add_argument("--count", type=int, default=97, help="how many of them")
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    root, absent = harness.find()
    if absent:
        print(f"{harness.ABSENT}: {absent}", file=sys.stderr)
        return 2
    scripts = sorted(path for path in options.scripts.iterdir() if path.is_file())[: options.count]
    with_scripts, without = harness.start(root), harness.start(root)
    try:
        for gimp in (with_scripts, without):
            gimpfu_bundle.unpack_into(gimp.profile)
            started(gimp)  # a new profile
        for script in scripts:
            shutil.copy(script, with_scripts.profile / gimpfu_bundle.SCRIPTS)
        print(f"{len(scripts)} scripts; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        print("first start with them: {:.2f} s, processor {:.2f} s".format(*started(with_scripts)))
        pairs = [(started(with_scripts), started(without)) for _ in range(options.pairs)]
        for place, what in enumerate(("elapsed", "processor")):
            one, other = ([pair[side][place] for pair in pairs] for side in (0, 1))
            more = [a - b for a, b in zip(one, other, strict=True)]
            print(
                f"{what}: with {statistics.median(one):.2f} s, without {statistics.median(other):.2f} s;"
                f" more in pairs: median {statistics.median(more):.2f} s, {min(more):.2f} to {max(more):.2f}"
            )
    finally:
        for gimp in (with_scripts, without):
            harness.end(gimp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
