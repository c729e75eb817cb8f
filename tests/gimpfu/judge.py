"""Compares gimpfu's filters and procedures with GIMP 2.10's own: ``python tests/gimpfu/judge.py``.

The same picture, the same call, in GIMP 2.10's Script-Fu and through gimpfu in GIMP 3; the
table has the differences in 8-bit levels. GIMP 2.10 lies in a root of Debian 12 with the
package gimp that ``GIMPFU_JUDGE_ROOT`` names (``debootstrap bookworm ROOT``, then
``apt-get install --no-install-recommends gimp`` in it). Not part of the tests.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from server.setup import gimpfu_bundle  # noqa: E402
from tests.gimp import harness  # noqa: E402
from tests.gimpfu import judge_cases as cases  # noqa: E402

ROOT = "GIMPFU_JUDGE_ROOT"
_MATRIX = [0.0] * 6 + [1.0, 2.0, 1.0, 0.0, 0.0, 2.0, 4.0, 2.0, 0.0, 0.0, 1.0, 2.0, 1.0] + [0.0] * 6
_SPECIAL = {
    "MATRIX": f"25 #({' '.join(map(str, _MATRIX))}) 0 16.0 0.0 5 #(1 1 1 1 0) 0",
    "POINTS": "#(0 0 96 160 255 240)",
    "POINTS_S": "#(0 20 70 40 180 220 255 255)",
    "CURVE": f"#({' '.join(str(one * one // 255) for one in range(256))})",
    cases.MAP: "map",
}


def pictures(work: Path) -> None:
    """A picture with soft and hard parts, one with transparency, and a map."""
    y, x = np.mgrid[0:72, 0:96]
    random = np.random.default_rng(3)
    ground = np.stack([40 + 1.8 * x, 220 - 2.2 * y, 60 + 1.2 * (x + y)], -1)
    ground += random.normal(0, 6, ground.shape)
    ground[20:50, 30:60] = (210, 180, 40)
    ground[(x - 70) ** 2 + (y - 40) ** 2 < 144] = (20, 30, 160)
    rgb = np.clip(ground, 0, 255).astype(np.uint8)
    Image.fromarray(rgb).save(work / "rgb.png")
    alpha = np.clip(3.2 * x - 20, 0, 255).astype(np.uint8)
    Image.fromarray(np.dstack([rgb, alpha])).save(work / "rgba.png")
    soft = np.clip(127 + 90 * np.sin(x / 9.0) * np.cos(y / 7.0), 0, 255).astype(np.uint8)
    Image.fromarray(np.dstack([soft] * 3)).save(work / "map.png")


def scheme(argument: Any) -> str:
    if isinstance(argument, str):
        return _SPECIAL[argument]
    if isinstance(argument, tuple):
        return f"'({' '.join(map(str, argument))})"
    return str(argument)


def in_gimp_2(root: Path, work: Path, jobs: list[dict[str, Any]]) -> None:
    """Run all cases in one GIMP 2.10; results are two-N.png."""
    inside = "/" + str(work.relative_to(root))
    steps = []
    for job in jobs:
        number = job["number"]
        head = "RUN-NONINTERACTIVE image layer" if job["name"].startswith("plug-in") else "layer"
        given = " ".join(scheme(one) for one in job["arguments"])
        steps.append(
            f'(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{inside}/{job["input"]}" "")))'
            f' (other (car (gimp-file-load RUN-NONINTERACTIVE "{inside}/map.png" "")))'
            " (layer (car (gimp-image-get-active-layer image)))"
            " (map (car (gimp-image-get-active-layer other))))"
            " (gimp-context-set-defaults) (gimp-context-set-foreground '(200 40 20))"
            " (gimp-context-set-background '(30 60 220))"
            f" (catch #f ({job['name']} {head} {given})"
            f" (file-png-save RUN-NONINTERACTIVE image (car (gimp-image-get-active-layer image))"
            f' "{inside}/two-{number}.png" "" 0 1 0 0 0 0 0))'
            " (gimp-image-delete image) (gimp-image-delete other))"
        )
    (work / "judge.scm").write_text("\n".join(steps))
    command = (
        f"mount --rbind /proc {root}/proc && mount --rbind /dev {root}/dev && exec chroot {root} env -i"
        f" HOME={inside} PATH=/usr/bin:/bin LANG=C.UTF-8 gimp-console-2.10 -i"
        f" -b '(load \"{inside}/judge.scm\")' -b '(gimp-quit 0)'"
    )
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", command]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=300, check=False
        )
        (work / "two.log").write_text(done.stdout + done.stderr)
    except subprocess.TimeoutExpired:
        print("GIMP 2.10 did not come to an end; what it had made is compared", file=sys.stderr)


def _likeness(pixels: Any) -> Any:
    """Correlation of each colour with its right and its lower neighbour."""
    colours = pixels[..., :3] - pixels[..., :3].mean((0, 1))
    power = (colours**2).mean((0, 1)) + 1e-9
    right, lower = colours[:, 1:] * colours[:, :-1], colours[1:] * colours[:-1]
    return np.stack([right.mean((0, 1)) / power, lower.mean((0, 1)) / power])


def compare(two: Path, three: Path, chance: bool) -> str:
    if not two.exists():
        return "- | - | GIMP 2.10 did not run it"
    a, b = (np.asarray(Image.open(path).convert("RGBA"), np.float64) for path in (two, three))
    if a.shape != b.shape:
        return f"- | - | sizes {a.shape[1]}x{a.shape[0]} and {b.shape[1]}x{b.shape[0]}"
    clear = (a[..., 3] == 0) & (b[..., 3] == 0)
    a[clear], b[clear] = 0, 0
    if chance:
        mean = np.abs(a.mean((0, 1)) - b.mean((0, 1))).max()
        spread = np.abs(a.std((0, 1)) - b.std((0, 1))).max()
        likeness = np.abs(_likeness(a) - _likeness(b)).max()
        return f"{mean:.2f} | {spread:.2f} | means, spreads; neighbours' correlation {likeness:.3f}"
    apart = np.abs(a - b)
    inside = apart[2:-2, 2:-2]
    edge = "" if inside.max() == apart.max() else f"inside {inside.mean():.2f}, {inside.max():.0f}"
    return f"{apart.mean():.2f} | {apart.max():.0f} | {edge}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="only these procedures")
    parser.add_argument("--reuse", type=Path, help="a folder with GIMP 2.10's results of an earlier run")
    parser.add_argument("--keep", type=Path, help="a folder for the results")
    options = parser.parse_args()
    root, absent = harness.find()
    judge = Path(os.environ.get(ROOT, "/nowhere"))
    if absent or root is None or not (judge / "usr/bin/gimp-console-2.10").exists():
        print(f"{harness.ABSENT}, or no GIMP 2.10: set {harness.ROOT_VARIABLE} and {ROOT}", file=sys.stderr)
        return 2
    jobs: list[dict[str, Any]] = []
    number = -1
    for chance, group in ((False, cases.FILTERS), (True, cases.BY_CHANCE), (False, cases.PROCEDURES)):
        for name, arguments in group:
            number += 1  # of the whole list, so that results can be reused
            if options.only and name not in options.only:
                continue
            alpha = name in ("plug-in-threshold-alpha", "plug-in-semiflatten", "plug-in-colortoalpha")
            jobs.append(
                {
                    "name": name,
                    "number": number,
                    "arguments": arguments,
                    "chance": chance,
                    "input": "rgba.png" if alpha else "rgb.png",
                }
            )
    gimp = harness.start(root)
    two = judge / "tmp" / gimp.work.name
    two.mkdir()
    try:
        pictures(gimp.work)
        pictures(two)
        gimpfu_bundle.unpack_into(gimp.profile)
        if options.reuse:
            subprocess.run(["cp", "-r", f"{options.reuse}/.", str(two)], check=True)
        else:
            in_gimp_2(judge, two, jobs)
        package = gimp.inside(gimp.profile / "plug-ins" / gimpfu_bundle.PLUGIN)
        told = gimp.run("judge_run", timeout=1500, package=package, cases=jobs)
        print("| procedure | arguments | mean | largest | |\n|---|---|---|---|---|")
        for job in jobs:
            number = job["number"]
            given = ", ".join(map(str, job["arguments"]))
            said = told.get(str(number), "did not run")
            if said == "ran":
                said = compare(two / f"two-{number}.png", gimp.work / f"three-{number}.png", job["chance"])
            else:
                said = f"- | - | {said}"
            print(f"| {job['name']} | {given} | {said} |")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-r", f"{gimp.work}/.", f"{two}/.", str(options.keep)], check=False)
    finally:
        harness.end(gimp)
        subprocess.run(["rm", "-rf", str(two)], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
