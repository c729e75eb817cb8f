"""The loader of old scripts as users get it: a zip for a GIMP profile, or files in one.

It is made of ``plugin/gimpfu`` and the library fissix, which translates Python 2 and which
GIMP's Python has not. fissix is taken as its wheel, pinned with its hash in
``requirements/gimpfu.txt``; its licence (Python Software Foundation) travels with it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import re
import stat
import sys
import tempfile
import zipfile
from pathlib import Path

from plugin.studio_portrait.link.wire import Problem
from server import CHECKOUT

from . import plugin_folder
from .console import last_line, quiet
from .profiles import Profile

PLUGIN = "gimpfu-scripts"
SCRIPTS = "gimpfu-scripts"
NOTE = "README.txt"  # in that folder
_ENTRY = f"plug-ins/{PLUGIN}/{PLUGIN}.py"
_README = """Put GIMP 2's Python scripts (*.py) into this folder and start GIMP again.
Filters > Development > Old scripts... lists them and says what became of each.
"""
_HINT = "Is this machine on line? Otherwise install the package fissix for this Python and run it again."


def files(checkout: Path = CHECKOUT) -> dict[str, bytes]:
    """Return every file of the bundle by its place in a GIMP profile. Raises `Problem`."""
    source = checkout / "plugin" / "gimpfu"
    found = {f"{SCRIPTS}/{NOTE}": _README.encode()}
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found[f"plug-ins/{PLUGIN}/gimpfu/{path.relative_to(source).as_posix()}"] = path.read_bytes()
    found[f"plug-ins/{PLUGIN}/gimpfu/LICENSE"] = (checkout / "LICENSE").read_bytes()
    found[_ENTRY] = (source / "scripts" / "entry.py").read_bytes()
    for name, data in library(checkout).items():
        found[f"plug-ins/{PLUGIN}/{name}"] = data
    return found


def version(checkout: Path = CHECKOUT) -> str:
    """Return the package's own version."""
    text = (checkout / "plugin" / "gimpfu" / "version.py").read_text("utf-8")
    found = re.search(r'VERSION = "([^"]+)"', text)
    assert found is not None
    return found[1]


def bundle(target: Path, checkout: Path = CHECKOUT) -> Path:
    """Write the zip into `target`, a folder or the zip's own name. The same tree gives the same zip."""
    wanted = files(checkout)
    try:
        if target.suffix != ".zip":
            target.mkdir(parents=True, exist_ok=True)
            target = target / f"gimpfu-{version(checkout)}.zip"
        _write(target, wanted)
    except OSError as error:
        sentence = f"The zip could not be written to {target} ({error.strerror})."
        raise Problem("set-up", sentence, "Name another folder: --to DIR.") from None
    return target


def _write(target: Path, wanted: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in wanted.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = (stat.S_IFREG | (0o755 if name == _ENTRY else 0o644)) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(info, data)


def folder_in(profile: Path) -> Path:
    """Return where it lies in a GIMP profile."""
    return profile / "plug-ins" / PLUGIN


def unpack_into(profile: Path, checkout: Path = CHECKOUT) -> bool:
    """Write the bundle into a GIMP profile; whether anything had to be written. Scripts stay."""
    wanted = files(checkout)
    note = f"{SCRIPTS}/{NOTE}"
    news = plugin_folder.write(profile / note, wanted.pop(note))
    inside = {name.removeprefix(f"plug-ins/{PLUGIN}/"): data for name, data in wanted.items()}
    facts = {"version": version(checkout), "command": [], "checkout": str(checkout)}
    return plugin_folder.fill(folder_in(profile), inside, facts, f"{PLUGIN}.py") or news


def install(profile: Profile, checkout: Path = CHECKOUT) -> bool:
    """Put the loader into a profile. Raises `Problem`."""
    plugin_folder.check_place(profile)
    return unpack_into(profile.folder, checkout)


# fissix


def library(checkout: Path = CHECKOUT) -> dict[str, bytes]:
    """Return fissix's files, its licence among them: this Python's own copy, or the pinned wheel's."""
    pinned, digest = _pin(checkout)
    try:
        own = importlib.metadata.distribution("fissix")
        if own.version == pinned and own.files:
            return {
                str(name): Path(str(own.locate_file(name))).read_bytes()
                for name in own.files
                if _wanted(str(name))
            }
    except importlib.metadata.PackageNotFoundError:
        pass
    wheel = _download(checkout)
    if hashlib.sha256(wheel).hexdigest() != digest:
        raise Problem("set-up", "The package fissix that arrived is not the one that was tested.", _HINT)
    with zipfile.ZipFile(io.BytesIO(wheel)) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist() if _wanted(name)}


def _wanted(name: str) -> bool:
    is_code = name.startswith("fissix/") and "/tests/" not in name and name.endswith((".py", ".txt"))
    return is_code or bool(re.match(r"fissix-[^/]+\.dist-info/(licenses/)?(LICENSE|METADATA)", name))


def _pin(checkout: Path) -> tuple[str, str]:
    text = (checkout / "requirements" / "gimpfu.txt").read_text("utf-8")
    found = re.search(r"^fissix==(\S+) --hash=sha256:(\w+)", text, re.MULTILINE)
    assert found is not None
    return found[1], found[2]


def _download(checkout: Path) -> bytes:
    """Return the wheel, by this Python's pip or by that of an environment made for the purpose."""
    with tempfile.TemporaryDirectory(prefix="gimpfu-") as place:
        pinned = str(checkout / "requirements" / "gimpfu.txt")
        pip = [_with_pip(Path(place)), "-m", "pip", "--disable-pip-version-check", "-q", "download"]
        options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-d", place, "-r", pinned]
        done = quiet([*pip, *options])
        wheels = list(Path(place).glob("fissix-*.whl"))
        if done.returncode or not wheels:
            reason = last_line(done.stderr)
            raise Problem("set-up", f"The package fissix could not be fetched: {reason}", _HINT)
        return wheels[0].read_bytes()


def _with_pip(place: Path) -> str:
    """Return a Python that has pip, if need be one of an environment that is made in `place`."""
    if quiet([sys.executable, "-m", "pip", "--version"]).returncode == 0:
        return sys.executable
    if quiet([sys.executable, "-I", "-m", "venv", place / "venv"]).returncode:
        hint = f"On Debian and Ubuntu: apt install python{'.'.join(map(str, sys.version_info[:2]))}-venv."
        raise Problem("set-up", "This Python has no pip, and no environment could be made.", hint)
    return str(place / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python")
