"""What is said about each old script, as text."""

from __future__ import annotations

from ..registry import Registration
from .catalogue import Catalogue, Script

MOST = 20_000  # characters of one script


def shown(text: str) -> str:
    """Return text that GIMP and GTK accept: what is no valid text as escapes, a long one cut off."""
    whole = text[: MOST + 1].encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
    return whole if len(whole) <= MOST else whole[:MOST] + "..."


def place(registration: Registration) -> str:
    """Return where the menus have a procedure, as ``Filters > Blur > Soften...``."""
    if registration.file_kind:
        return "opens files" if registration.file_kind == "load" else "exports files"
    if not registration.menu:
        return "in no menu"
    folder = registration.menu.strip("/").replace("<Image>/", "").replace("/", " > ")
    return f"{folder} > {registration.label.replace('_', '')}"


def summary(script: Script) -> list[str]:
    """Return a script's lines: one for each procedure, then its problem and its notes."""
    lines = [f"{name}: {place(registration)}" for name, registration in script.registrations.items()]
    return [*lines, *([script.problem] if script.problem else []), *script.notes]


def text(own: Catalogue) -> str:
    """Return the whole list."""
    parts = []
    for script in own.scripts:
        parts.append(shown("\n".join([str(script.path), *(f"    {line}" for line in summary(script))])))
    if not parts:
        parts = ["There is no script yet. Put GIMP 2's Python scripts into " + shown(str(own.folders[0]))]
    return "\n".join(parts) + "\n"
