"""The exact versions in ``requirements/``, and whether an environment really has them.

`examine` is run by the environment's own Python (``python -I pins.py``), so this file
imports nothing of the project. It checks each package's version and then every file in
the package's own record for its size, which finds a half-finished installation without
importing anything; the whole environment takes 0.15 s.
"""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What lies beside the pins: their hashes and licences, the audit's own, and what travels in a bundle.
_NO_PINS = {"hashes", "licences", "audit", "waived", "gimpfu"}


def read(files: Iterable[Path], everywhere: bool = False) -> dict[str, str]:
    """name -> version of every line ``name==version [; marker]`` that holds on this system (or at all)."""
    pins = {}
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            requirement, _, marker = line.partition(";")
            if requirement.strip() and (everywhere or _holds(marker.strip())):
                name, _, version = requirement.strip().partition("==")
                pins[name] = version
    return pins


def _holds(marker: str) -> bool:
    if not marker:
        return True
    match = re.fullmatch(r'sys_platform == "(\w+)"', marker)
    if match is None:
        raise ValueError(f"marker not understood: {marker}")
    return match[1] == sys.platform


def groups(requirements: Path) -> list[str]:
    """List the groups of pins that lie in the folder ``requirements``."""
    return sorted({file.stem for file in requirements.glob("*.txt")} - _NO_PINS)


@dataclass(frozen=True)
class Locked:
    """One pinned package with the SHA-256 of each of its files. marker: where it is needed."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    def text(self) -> str:
        """Return the entry as pip reads it."""
        marker = f" ; {self.marker}" if self.marker else ""
        return (
            " \\\n    ".join(
                [
                    f"{self.name}=={self.version}{marker}",
                    *(f"--hash=sha256:{digest}" for digest in self.hashes),
                ]
            )
            + "\n"
        )


def locked(text: str) -> dict[str, Locked]:
    """Return the entries of a requirements file with hashes, by name as `normal` writes it."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, _, rest = line.partition(" --hash=")
        if not rest or requirement.startswith("#"):
            continue
        pin, _, marker = requirement.partition(";")
        name, _, version = pin.strip().partition("==")
        digests = tuple(word.removeprefix("--hash=").removeprefix("sha256:") for word in rest.split())
        found[normal(name)] = Locked(name, version.strip(), marker.strip(), digests)
    return found


def normal(name: str) -> str:
    """Return a package's name as all its spellings have it in common."""
    return re.sub(r"[-_.]+", "-", name).lower()


def examine(pins: dict[str, str]) -> dict[str, str]:
    """name -> what is wrong with it (``missing``, ``is VERSION``, ``FILE is damaged``), for this Python."""
    faults = {}
    for name, version in pins.items():
        try:
            found = importlib.metadata.distribution(name)
            actual = found.version
        except (importlib.metadata.PackageNotFoundError, KeyError, TypeError):
            faults[name] = "is missing"
            continue
        if version not in (actual, actual.partition("+")[0]):
            faults[name] = f"is {actual}, should be {version}"
        elif damaged := _damaged_file(found):
            faults[name] = f"is damaged: {damaged}"
    return faults


def _damaged_file(found: importlib.metadata.Distribution) -> str | None:
    record = found.read_text("RECORD")
    if record is None:
        return "it has no list of its files"
    base = str(found.locate_file(""))
    for path, _, size in csv.reader(record.splitlines()):
        if not size:
            continue
        try:
            intact = os.stat(os.path.join(base, path)).st_size == int(size)
        except OSError:
            intact = False
        if not intact:
            return path
    return None


def describe(names: Iterable[str]) -> dict[str, str]:
    """name -> installed version, for those of `names` that are installed in this Python."""
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except (importlib.metadata.PackageNotFoundError, KeyError, TypeError):
            continue
    return versions


if __name__ == "__main__":
    question = json.load(sys.stdin)
    answer = {"faults": examine(question["pins"]), "versions": describe(question["names"])}
    json.dump({**answer, "python": list(sys.version_info[:3])}, sys.stdout)
