"""The doctor's checks of GIMP's side: why the menu entry is missing, the commonest complaint.

GIMP says nothing about a plug-in that it could not start, so each reason known to keep one
out of the menu is looked at: no GIMP, a profile of another version, a folder whose name is
not the file's, a missing executable bit, a search path without the folder, a Python without
``gi``. ``pluginrc`` in the profile tells what GIMP made of the plug-in when it last looked.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from server import CHECKOUT

from . import plugin_folder
from .console import quiet
from .finding import Finding, bad, good, note
from .profiles import Gimp, Profile

_PATIENCE = 30.0  # seconds
_AGAIN = "Run install.py again, then restart GIMP."


def check_gimps(gimps: list[Gimp]) -> Finding:
    """Tell which GIMP 3 was found."""
    if not gimps:
        hint = "Install GIMP 3.0 or later. The command line works without it."
        kind = note if _is_headless() else bad
        return kind("no-gimp", "No GIMP 3 was found on this machine.", hint)
    names = ", ".join(f"{gimp.version} ({gimp.program})" for gimp in gimps)
    return good("gimp", f"GIMP {names}")


def _is_headless() -> bool:
    """Whether nobody could look at GIMP's window here, so that nobody misses it."""
    return sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)


def check_versions(gimps: list[Gimp], copies: list[Profile], older: list[Path]) -> Iterator[Finding]:
    """Whether each GIMP has the plug-in in the profile that it reads, and none lies where no GIMP 3 looks."""
    for folder in older:
        sentence = f"{folder} is in the profile of a GIMP that cannot run it."
        hint = "Delete it, and run install.py: it installs into GIMP 3's profiles."
        yield bad("wrong-version-folder", sentence, hint)
    served = {copy.version for copy in copies} - {""}
    only = ", ".join(sorted(served))
    for version in sorted({gimp.version for gimp in gimps} - served) if served else ():
        sentence = f"GIMP {version} does not see the plug-in: it is installed for {only} only."
        hint = f"Start GIMP {version} once, so that it makes its profile, then run install.py again."
        yield bad("wrong-version-folder", sentence, hint)


def check_profile(profile: Profile) -> Iterator[Finding]:
    """Everything about the plug-in in one profile; stops at the first fault that hides the others."""
    yield from _misplaced(profile)
    yield _copy_fault(profile) or _start_fault(profile) or _in_search_path(profile) or _registered(profile)


def _copy_fault(profile: Profile) -> Finding | None:
    """Whether there is a copy, and it is this checkout's."""
    if not profile.plugin.is_dir():
        return bad("plugin-missing", f"The plug-in is not installed in {profile.folder}.", _AGAIN)
    installed = plugin_folder.read(profile.plugin)
    if installed is None:
        return bad("plugin-damaged", f"{profile.plugin} has no readable {plugin_folder.MANIFEST}.", _AGAIN)
    if installed.checkout != CHECKOUT:
        sentence = f"The plug-in in {profile.folder} belongs to {installed.checkout}."
        return bad("plugin-foreign", sentence, "Run install.py here to use this one instead.")
    return None


def _start_fault(profile: Profile) -> Finding | None:
    """Whether the copy is whole, and GIMP can start it."""
    if different := plugin_folder.differences(profile.plugin):
        what = f"{different[0]} differs or is missing"
        sentence = f"The plug-in in {profile.folder} is not this version's: {what}."
        return bad("plugin-damaged", sentence, _AGAIN)
    entry = profile.plugin / plugin_folder.ENTRY
    if not plugin_folder.is_executable(entry):
        sentence = f"{entry} is not executable, so GIMP passes over it."
        return bad("not-executable", sentence, f"chmod +x '{entry}'")
    return None


def _misplaced(profile: Profile) -> Iterator[Finding]:
    """Our entry script where GIMP does not look: loose, or in a folder of another name."""
    plug_ins = profile.folder / "plug-ins"
    stem = Path(plugin_folder.ENTRY).stem
    for entry in sorted({*plug_ins.glob(plugin_folder.ENTRY), *plug_ins.glob(f"*/{plugin_folder.ENTRY}")}):
        if entry.parent.name != stem:
            lies = f"{entry} lies in a folder called {entry.parent.name}"
            sentence = f"{lies}; GIMP wants it in one called {stem}."
            yield bad("folder-name", sentence, "Delete it and run install.py again.")


def _in_search_path(profile: Profile) -> Finding | None:
    try:
        text = (profile.folder / "gimprc").read_text("utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r'^\(plug-in-path\s+"([^"]*)"', text, re.MULTILINE)
    if match is None:
        return None
    path = match[1].replace("\\\\", "\\")  # GIMP doubles a backslash, as on Windows
    folders = path.replace("${gimp_dir}", str(profile.folder)).split(os.pathsep)
    if any(Path(folder) == profile.folder / "plug-ins" for folder in folders):
        return None
    hint = "In GIMP: Edit > Preferences > Folders > Plug-ins, add the profile's plug-ins folder."
    return bad("plugin-disabled", f"GIMP does not look into {profile.folder / 'plug-ins'}.", hint)


def _registered(profile: Profile) -> Finding:
    """By ``pluginrc``: GIMP writes it after having tried new plug-ins, and leaves out the silent ones."""
    entry = profile.plugin / plugin_folder.ENTRY
    record = profile.folder / "pluginrc"
    try:
        text = record.read_text("utf-8", errors="replace").replace("\\\\", "/")  # as on Windows
        written = record.stat().st_mtime
    except OSError:
        text, written = "", 0.0
    where = re.escape(f"{entry.parent.name}/{entry.name}")
    if re.search(rf'^\(plug-in-def "[^"]*{where}" {int(entry.stat().st_mtime)}\b', text, re.MULTILINE):
        return good("plugin", f"Installed in {profile.folder}; GIMP has it in its menu.")
    if written > entry.stat().st_ctime:
        sentence = f"GIMP has tried the plug-in in {profile.folder}, and it registered nothing."
        hint = "Start GIMP from a terminal to read why; most often the python3 that it finds first has no gi."
        return bad("plugin-disabled", sentence, hint)
    return good("plugin", f"Installed in {profile.folder}; GIMP sees it at its next start.")


def check_python(gimps: list[Gimp]) -> Finding | None:
    """Whether the ``python3`` that a native GIMP on Linux finds first has GObject introspection."""
    if sys.platform != "linux" or not any(gimp.kind == "native" for gimp in gimps):
        return None
    own = CHECKOUT / ".venv" / "bin"
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if Path(folder) != own]
    python = shutil.which("python3", path=os.pathsep.join(folders))
    if python is None:
        return bad("python-without-gi", "GIMP finds no python3.", "Install python3 and python3-gi.")
    if quiet([python, "-c", "import gi"], seconds=_PATIENCE).returncode == 0:
        return good("python", f"The Python that GIMP finds first has gi: {python}")
    sentence = f"The python3 that GIMP finds first has no gi, so no Python plug-in starts: {python}"
    hint = "Start GIMP with a PATH on which the system's python3 comes first (and install python3-gi)."
    return bad("python-without-gi", sentence, hint)
