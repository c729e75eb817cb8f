"""Counts how much of a census of GIMP 2 procedures is served: ``python tests/gimpfu/coverage.py TSV``.

TSV has the columns pdb_procedure, scripts_of_466 and class. GIMP 3 itself says what it has,
gimpfu what it serves; nothing is called.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from server.setup import gimpfu_bundle  # noqa: E402
from tests.gimp import harness  # noqa: E402

SERVED = ("rename", "adapter", "gegl")


def main() -> int:
    rows = list(csv.DictReader(Path(sys.argv[1]).read_text("utf-8").splitlines(), delimiter="\t"))
    root, absent = harness.find()
    if absent:
        print(f"{harness.ABSENT}: {absent}", file=sys.stderr)
        return 2
    gimp = harness.start(root)
    try:
        gimpfu_bundle.unpack_into(gimp.profile)
        package = gimp.inside(gimp.profile / "plug-ins" / gimpfu_bundle.PLUGIN)
        names = [row["pdb_procedure"] for row in rows]
        told = gimp.run("census", package=package, names=names, timeout=600)
    finally:
        harness.end(gimp)
    print("| class | rows | served | by use |\n|---|---|---|---|")
    groups = {kind: [row for row in rows if row["class"] == kind] for kind in {row["class"] for row in rows}}
    groups["rename + adapter + gegl"] = [row for row in rows if row["class"] in SERVED]
    for kind, some in sorted(groups.items()):
        good = [row for row in some if told["served"][row["pdb_procedure"]] == "served"]
        use = [sum(int(row["scripts_of_466"]) for row in group) for group in (good, some)]
        share = f"{100 * use[0] / use[1]:.1f} %"
        print(f"| {kind} | {len(some)} | {len(good)} ({100 * len(good) / len(some):.1f} %) | {share} |")
    for row in rows:
        said = told["served"][row["pdb_procedure"]]
        if said != "served" and row["class"] in (*SERVED, "native", "generic"):
            print(f"{row['class']}: {said}")
    return 0 if json.dumps(told) else 1


if __name__ == "__main__":
    sys.exit(main())
