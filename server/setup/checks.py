"""Run what ``install.py --test`` runs beside the tests themselves: each check fails by its own name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .console import detail, quiet

ROOT_VARIABLE = "STUDIO_PORTRAIT_GIMP_ROOT"
CHECKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lint": (("ruff", "check"), ("ruff", "format", "--check")),
    "types": (("mypy",), ("mypy", "--config-file", "mypy-plugin.ini")),
    "audit": (("server.setup.audit",),),
}


def run(name: str, python: Path, checkout: Path) -> str | None:
    """Run the check `name`, its output shown.

    Returns:
        None when it passed, otherwise a sentence that names the tool that failed.
    """
    for words in CHECKS[name]:
        result = subprocess.run([str(python), "-m", *words], cwd=checkout, check=False)
        if result.returncode:
            return f"The check {name!r} failed: {' '.join(words)}."
    return None


def gimp_root(checkout: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Make a GIMP 3 for the tests where this machine has none and one can be made.

    One can be made as root with apt (`tests/gimp/provision.sh`, about 1 GB in the user's cache); anywhere
    else the tests in real GIMP are skipped, which is said before they start and again as their last words.

    Returns:
        The root to be named in ``STUDIO_PORTRAIT_GIMP_ROOT``; None when it is not needed or cannot be made.
    """
    if named := environment.get(ROOT_VARIABLE):
        detail(f"the tests use the GIMP in {named}, which {ROOT_VARIABLE} names")
        return Path(named)
    if _own_gimp():
        detail("the tests use this machine's own GIMP 3")
        return None
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        detail("THERE IS NO GIMP 3 HERE, and none can be made (that takes root and apt):")
        detail("THE TESTS IN REAL GIMP WILL BE SKIPPED. Install GIMP 3, or see tests/gimp/provision.sh.")
        return None
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return _made(cache / "studio-portrait" / "gimp-trixie", checkout)


def _made(root: Path, checkout: Path) -> Path | None:
    """Make a Debian with GIMP 3; None, and a word, if that fails."""
    detail(f"a Debian with GIMP 3 for the tests in {root} (about 1 GB, some minutes the first time)")
    script = checkout / "tests" / "gimp" / "provision.sh"
    if subprocess.run(["bash", str(script), str(root), "trixie"], check=False).returncode:
        detail("IT COULD NOT BE MADE: THE TESTS IN REAL GIMP WILL BE SKIPPED.")
        return None
    return root


def _own_gimp() -> bool:
    program = shutil.which("gimp-console")
    return program is not None and "version 3." in quiet([program, "--version"]).stdout
