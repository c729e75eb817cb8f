"""Write ``requirements/hashes.txt`` and ``licences.txt``: ``python -m server.setup.lock``, after a change.

Every file of every pinned version on the registry, for all systems, with its SHA-256, in pip's own format
and without an address. uv asks for them; nothing is installed. PyTorch's packages for CUDA, which it pins
itself, are among them. Its CPU build for Linux (``+cpu``) is on no ordinary registry and is the one
exception: see docs/threat-model.md.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from server import CHECKOUT

from . import licences, pins

REQUIREMENTS = CHECKOUT / "requirements"
HASHES, LICENCES = REQUIREMENTS / "hashes.txt", REQUIREMENTS / "licences.txt"
_HEAD = "# Made by: python -m server.setup.lock\n"


def main() -> int:
    """Write the file; the exit status is uv's when it fails."""
    texts = [(REQUIREMENTS / f"{group}.txt").read_text("utf-8") for group in pins.groups(REQUIREMENTS)]
    with tempfile.TemporaryDirectory() as folder:
        every, torch = Path(folder, "every.in"), Path(folder, "torch.in")
        every.write_text("\n".join(texts), "utf-8")
        torch.write_text((REQUIREMENTS / "torch.txt").read_text("utf-8"), "utf-8")
        try:
            ours = _compile(every, "--universal", "--no-deps")
            with_cuda = _compile(torch, "--universal", "--constraint", str(every))
        except subprocess.CalledProcessError as error:
            print(error.stderr, file=sys.stderr)
            return int(error.returncode)
    locked = {**pins.locked(with_cuda), **pins.locked(ours)}
    HASHES.write_text(_HEAD + "".join(entry.text() for _, entry in sorted(locked.items())), "utf-8")
    LICENCES.write_text(_licences(locked), "utf-8")
    print(f"{HASHES}: {len(locked)} packages, {sum(len(entry.hashes) for entry in locked.values())} files")
    return 0


def _licences(locked: dict[str, pins.Locked]) -> str:
    """Return what each package that is installed here says; what was written before about the others."""
    told = licences.listed(LICENCES.read_text("utf-8"))
    for name in locked:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            told[name] = licences.of(importlib.metadata.distribution(name))
    return _HEAD + "".join(f"{name:26} {told.get(name, licences.UNKNOWN)}\n" for name in sorted(locked))


def _compile(source: Path, *options: str) -> str:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    quiet = ("--no-header", "--no-annotate", "--no-emit-index-url", "--generate-hashes")
    words = [uv, "pip", "compile", *quiet, "--python-version", "3.11", *options, str(source)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    raise SystemExit(main())
