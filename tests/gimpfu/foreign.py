"""Tries other people's GIMP 2 scripts in real GIMP 3: ``python tests/gimpfu/foreign.py --scripts DIR``.

The scripts are copied into a fresh profile as a user would drop them in, GIMP is started, and
each is run; the table says which parsed, registered, ran and did what they should (`EFFECTS`
of ``inside/foreign_checks.py``). A script that it does not know is called with its own defaults
on a picture like a photograph; what changed is told, for a reader to judge by.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds that one script may run
WORKING = 20.0  # seconds of the processor's time that it may take
sys.path.insert(0, str(CHECKOUT))

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from PIL import Image  # noqa: E402

from server.setup import gimpfu_bundle  # noqa: E402
from tests.gimp import harness  # noqa: E402


def try_all(
    gimp: harness.Gimp,
    scripts: list[Path],
    timeout: float,
    only: list[str],
    size: tuple[int, int] = (640, 480),
    variants: tuple[str, ...] = (),
) -> tuple[dict[str, Any], str]:
    """Install the loader and the scripts, run them all; what was found and what GIMP said."""
    gimpfu_bundle.unpack_into(gimp.profile)
    (gimp.profile / "brushes").mkdir(exist_ok=True)  # which a user's profile has
    for script in scripts:
        if script.is_dir():  # what scripts import
            shutil.copytree(script, gimp.profile / "gimpfu-scripts" / script.name)
        else:
            shutil.copy(script, gimp.profile / "gimpfu-scripts")
    package = gimp.inside(gimp.profile / "plug-ins" / gimpfu_bundle.PLUGIN)
    photograph(gimp.work / "photo", size)
    told: dict[str, Any] = {}
    said = ""
    left = [script.name for script in scripts if script.is_file() and (not only or script.name in only)]
    while left and timeout > 0:  # a script may end GIMP: the others are tried by another one
        started = time.monotonic()
        found, words = _try_some(gimp, package, left, timeout, variants)
        timeout -= time.monotonic() - started
        told |= found
        said += words
        running = re.findall(r"^@@ (.*)$", words, re.MULTILINE)
        ended = running[-1] if running and running[-1] not in found else ""
        if ended:
            told[ended] = {"parsed": True, "registered": ["?"], "problem": "", "effect": "it ended GIMP"}
        left = [name for name in left if name not in told] if ended else []
    return dict(sorted(told.items())), said


def photograph(path: Path, size: tuple[int, int] = (640, 480)) -> None:
    """Save, as PNG, JPEG and WebP, a picture like a photograph: sky, ground, a disc, texture."""
    y, x = np.mgrid[0:480, 0:640]
    random = np.random.default_rng(17)
    sky = np.stack([90 + y * 0.25, 130 + y * 0.2, 230 - y * 0.1], -1)
    earth = np.stack([120 + 30 * np.sin(x / 40), 95 + 20 * np.sin(x / 23 + y / 31), 60 + 0 * x], -1)
    rgb = np.where((y > 300 + 20 * np.sin(x / 80))[..., None], earth, sky)
    face = (x - 320) ** 2 / 90**2 + (y - 230) ** 2 / 120**2
    rgb = np.where(
        (face < 1)[..., None], np.stack([235 - 60 * face, 190 - 60 * face, 160 - 60 * face], -1), rgb
    )
    rgb[100:140, 40:120] = (240, 240, 240)
    rgb[360:420, 500:600] = (12, 10, 14)
    rgb += random.normal(0, 5, (480, 640, 1)) + random.normal(0, 3, rgb.shape)
    image = Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8)).resize(size)
    for ending in (".png", ".jpg", ".webp"):
        image.save(path.with_suffix(ending))


def _try_some(
    gimp: harness.Gimp, package: str, names: list[str], timeout: float, variants: tuple[str, ...]
) -> tuple[dict[str, Any], str]:
    result = gimp.work / "foreign.json"
    result.unlink(missing_ok=True)
    settings = gimp.job(result, package=package, only=names, variants=variants)
    command = gimp.command("gimp-console", "--no-interface", *gimp.batch("foreign_checks"), **settings)
    log = gimp.work / "foreign.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        deadline = time.monotonic() + timeout
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(1.0)
            _end_slow_scripts(process.pid)
        if process.poll() is None:
            _end(psutil.Process(process.pid))
        process.wait()
    said = log.read_text("utf-8", "replace")
    return (json.loads(result.read_text()) if result.exists() else {}), said


def _end_slow_scripts(gimp_process: int) -> None:
    """End plug-in processes that run one script for longer than a user would wait."""
    try:
        below = psutil.Process(gimp_process).children(recursive=True)
        for child in below:
            words = " ".join(child.cmdline())
            old = time.time() - child.create_time()
            ours = f"{gimpfu_bundle.PLUGIN}.py" in words and " -run " in f"{words} "
            if ours and (old > PATIENCE or sum(child.cpu_times()[:2]) > WORKING):
                child.kill()
    except psutil.Error:
        return


def _end(process: psutil.Process) -> None:
    for one in [*process.children(recursive=True), process]:
        one.kill()


def table(told: dict[str, Any]) -> list[str]:
    lines = ["| script | parsed | registered | ran | effect |", "|---|---|---|---|---|"]
    for name, row in told.items():
        effect = row.get("effect")
        if effect is None:
            runs = row.get("runs", {})
            good = [run for run in runs.values() if not run["failed"] and run["changes"]]
            whole = [run for run in runs.values() if not run["failed"]]
            ran = f"{len(whole)}/{len(runs)}" if runs else "-"
            effect = f"{len(good)}/{len(runs)} changed something; " if runs else row["problem"]
            effect += "; ".join(
                f"{name}: " + (run["failed"] or ", ".join(run["changes"]) or "nothing changed")
                for name, run in runs.items()
            )
        else:
            ran = "yes" if effect == "right" or effect.startswith("AssertionError") else "no"
        lines.append(
            f"| {name} | {'yes' if row['parsed'] else 'no'} | {len(row['registered'])} | {ran} | "
            + re.sub(r"\s+", " ", effect)[:400].replace("|", "/")
            + " |"
        )
    rows = list(told.values())
    right = sum(row.get("effect") == "right" for row in rows)
    some = sum(
        any(not run["failed"] and run["changes"] for run in row.get("runs", {}).values()) for row in rows
    )
    lines.append(
        f"\n{len(rows)} scripts: {sum(row['parsed'] for row in rows)} parsed, "
        f"{sum(bool(row['registered']) for row in rows)} registered, {right} with the right effect, "
        f"{some} others changed something"
    )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=Path, required=True, metavar="DIR", help="folder of GIMP 2 scripts")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="only these files of it")
    parser.add_argument("--log", type=Path, help="where to put what GIMP said")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(640, 480), metavar="N", help="the picture's size"
    )
    parser.add_argument(
        "--variants", nargs="*", default=(), metavar="NAME", help="of the picture, to be tried"
    )
    parser.add_argument("--display", help="an X display, for scripts with windows and for Script-Fu")
    parser.add_argument("--keep", type=Path, help="folder for the whole record and pictures of what was made")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for all of them")
    options = parser.parse_args()
    root, absent = harness.find()
    if absent:
        print(f"{harness.ABSENT}: {absent}", file=sys.stderr)
        return 2
    gimp = harness.start(root)
    if options.display:
        gimp.environment["DISPLAY"] = options.display
    started = time.monotonic()
    try:
        scripts = sorted(options.scripts.iterdir())
        told, said = try_all(
            gimp, scripts, options.timeout, options.only, tuple(options.size), options.variants
        )
        print("\n".join(table(told)))
        print(f"GIMP {gimp.version()}, {time.monotonic() - started:.0f} s")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for seen in gimp.work.glob("seen-*.png"):
                shutil.copy(seen, options.keep)
            (options.keep / "told.json").write_text(json.dumps(told, indent=1), "utf-8")
        if options.log:
            options.log.write_text(said, "utf-8")
    finally:
        harness.end(gimp)
    return 0 if told else 1


if __name__ == "__main__":
    sys.exit(main())
