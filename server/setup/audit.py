"""The supply chain's check: ``python -m server.setup.audit [--waive NAME ...]``, a step of ``.ci/run``.

Every package of this environment has exactly the version that is pinned, nothing else is installed, every
pin has hashes and a licence that is listed and allowed; the bill of materials is what CycloneDX's schema asks
for; and a database of known vulnerabilities is asked, with pip-audit. A finding fails by its name
(``unpinned:foo``) and can be waived by it, here or in ``requirements/waived.txt`` (name, then the reason).
That nobody could be asked is no finding, but is said in capitals.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from server import CHECKOUT

from . import licences, pins, sbom

REQUIREMENTS = CHECKOUT / "requirements"
WAIVED_VARIABLE = "STUDIO_PORTRAIT_WAIVE"
GROUPS = ("torch", "base", "openvino", "train", "test", "uv")
_TOOLS = {"pip", "setuptools", "wheel", "uv", "studio-portrait"}  # an environment's own
_ASK_SECONDS = 180


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; 1 when anything is left that is not waived."""
    parser = argparse.ArgumentParser(prog="python -m server.setup.audit", description=__doc__)
    parser.add_argument("--waive", action="append", default=[], metavar="NAME")
    args = parser.parse_args(arguments)
    waived = {*args.waive, *os.environ.get(WAIVED_VARIABLE, "").split(), *_waived_in_file()}
    found = [*check(), *outside()]
    for name, sentence in found:
        print(f"{'waived' if name in waived else 'NOT'}  {name}: {sentence}")
    left = [name for name, _ in found if name not in waived]
    print(f"The audit found {len(left)} things." if left else "The audit found nothing.")
    return 1 if left else 0


def check() -> Iterator[tuple[str, str]]:
    """Compare what is installed with what is written down: name and sentence of each difference."""
    locked = pins.locked((REQUIREMENTS / "hashes.txt").read_text("utf-8"))
    listed = licences.listed((REQUIREMENTS / "licences.txt").read_text("utf-8"))
    wanted = pins.read(REQUIREMENTS / f"{group}.txt" for group in GROUPS)
    for pinned, version in wanted.items():
        name = pins.normal(pinned)
        if name not in locked or not locked[name].hashes:
            yield f"hashes:{name}", "it has none; run: python -m server.setup.lock"
        elif locked[name].version != version:
            yield f"hashes:{name}", f"they are of version {locked[name].version}, not {version}"
    for name in locked:
        if name not in listed:
            yield f"licence:{name}", "it is not in requirements/licences.txt"
        elif refused := licences.not_allowed(name, listed[name]):
            yield f"licence:{name}", f"{', '.join(refused)} is not on the list of allowed ones"
    yield from _installed(locked, listed)


def _installed(locked: dict[str, pins.Locked], listed: dict[str, str]) -> Iterator[tuple[str, str]]:
    for package in importlib.metadata.distributions():
        name, version = pins.normal(package.name), package.version
        if name not in locked:
            if name not in _TOOLS:
                yield f"unpinned:{name}", f"version {version} is installed, and pinned nowhere"
            continue
        if locked[name].version != version.partition("+")[0]:
            yield f"version:{name}", f"{version} is installed, {locked[name].version} is pinned"
        elif name in listed and (told := licences.of(package)) != listed[name]:
            yield f"licence:{name}", f"it says {told or 'nothing'}, the list says {listed[name]}"


def outside() -> Iterator[tuple[str, str]]:
    """Yield known vulnerabilities, and a bill of materials that its own schema refuses.

    Found by tools that are pinned with hashes and run apart from this environment.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            python = _tools(Path(folder))
            found = [*bill_of_materials(python, sbom.text()), *_vulnerabilities(python, Path(folder))]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
        _shout(f"NO DATABASE OF VULNERABILITIES COULD BE ASKED: {lines[-1][:200] if lines else 'no reason'}")
        return
    yield from found


def _tools(folder: Path) -> Path:
    """Install ``requirements/audit.txt`` there: the Python that has it."""
    python = folder / "tool" / ("Scripts" if os.name == "nt" else "bin") / "python"
    own = ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS / "audit.txt")]
    _run([sys.executable, "-m", "venv", str(folder / "tool")])
    _run([str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *own])
    return python


def bill_of_materials(python: Path, text: str) -> Iterator[tuple[str, str]]:
    """Check a bill of materials against CycloneDX's schema with the tools' `python`."""
    told = _run([str(python), "-c", _VALIDATE], given=text)
    for sentence in json.loads(told):
        yield "sbom", f"CycloneDX's schema refuses it: {sentence}"


_VALIDATE = """
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read(), all_errors=True)
print(json.dumps([str(error)[:200] for error in found or ()]))
"""


def _vulnerabilities(python: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Ask pip-audit about every pin."""
    pinned = folder / "pins.txt"
    locked = pins.locked((REQUIREMENTS / "hashes.txt").read_text("utf-8"))
    pinned.write_text("".join(f"{entry.name}=={entry.version}\n" for entry in locked.values()), "utf-8")
    asked = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    told = _run([str(python), "-m", "pip_audit", *asked, "--requirement", str(pinned)], expected=(0, 1))
    answers = json.loads(told)["dependencies"]
    skipped = [answer for answer in answers if "skip_reason" in answer]
    if skipped:
        why = skipped[0]["skip_reason"]
        _shout(f"THE DATABASE OF VULNERABILITIES KNEW {len(answers) - len(skipped)} OF {len(answers)}: {why}")
    for answer in answers:
        for flaw in answer.get("vulns", ()):
            mended = ", ".join(flaw["fix_versions"]) or "no version yet"
            yield f"{flaw['id']}:{answer['name']}", f"a known vulnerability; mended in {mended}"


def _shout(sentence: str) -> None:
    print("!" * 100, sentence, "!" * 100, sep="\n")


def _run(words: Sequence[str], expected: Sequence[int] = (0,), given: str = "") -> str:
    result = subprocess.run(
        words, input=given, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
    )
    if result.returncode not in expected or not (result.stdout or expected == (0,)):
        raise subprocess.CalledProcessError(result.returncode, words[0], result.stdout, result.stderr)
    return result.stdout


def _waived_in_file() -> Iterator[str]:
    try:
        text = (REQUIREMENTS / "waived.txt").read_text("utf-8")
    except OSError:
        return
    for line in text.splitlines():
        name, _, reason = line.partition(" ")
        if name and not name.startswith("#"):
            if not reason.strip():
                raise SystemExit(f"requirements/waived.txt gives no reason for {name}.")
            yield name


if __name__ == "__main__":
    raise SystemExit(main())
