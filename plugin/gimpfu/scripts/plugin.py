"""The GIMP 3 plug-in that registers every old script at each start, and its window."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from gi.repository import Gimp, GLib

from .. import procedure as procedures
from ..params import READWRITE, add_run_mode
from ..registry import Registration
from . import report
from .catalogue import Catalogue, folders, time_limit

WINDOW = "python-fu-old-scripts"
_MENU = "<Image>/Filters/Development"


def catalogue() -> Catalogue:
    """Return the scripts of the running GIMP's profile."""
    profile = Path(Gimp.directory())
    return Catalogue(folders(profile), Path(Gimp.cache_directory()) / "gimpfu")


class OldScripts(Gimp.PlugIn):  # type: ignore[misc]
    """Declares one procedure for each that a script registers. Asked anew at each start of GIMP."""

    _catalogue: Catalogue | None = None

    def do_set_i18n(self, name: str) -> bool:
        """Tell GIMP that the texts are translated already."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Return what is there at every start: the window that manages scripts."""
        return [WINDOW]

    def do_init_procedures(self) -> list[str]:
        """Load all scripts; returns the names of what they registered."""
        own = self._scripts()
        for folder in own.folders[:1]:
            _make(folder)
        own.load_all(self.fault)
        for script in own.scripts:
            for sentence in [script.problem, *script.notes]:
                if sentence:
                    print(report.shown(f"gimpfu: {script.path.name}: {sentence}"), file=sys.stderr)
        return list(own.registrations)

    def fault(self, registration: Registration) -> str:
        """Return why GIMP would not take a procedure: it must not take the others with it."""
        try:
            procedures.create(self, registration)
            if registration.on_query:
                with time_limit():
                    registration.on_query()
        except BaseException as fault:  # SystemExit, too
            return str(fault) or type(fault).__name__
        return ""

    def do_create_procedure(self, name: str) -> Gimp.Procedure | None:
        """Make the procedure of that name, None for one that no script registers any more."""
        if name == WINDOW:
            return _window(self)
        own = self._scripts()
        registration = own.registrations.get(name) or own.load_for(name)
        return procedures.create(self, registration) if registration else None

    def _scripts(self) -> Catalogue:
        if OldScripts._catalogue is None:
            OldScripts._catalogue = catalogue()
        return OldScripts._catalogue


def _make(folder: Path) -> None:
    """Make the folder at the first start, so that the user finds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return


def _window(plug_in: Gimp.PlugIn) -> Gimp.Procedure:
    made = Gimp.Procedure.new(plug_in, WINDOW, Gimp.PDBProcType.PLUGIN, _show, None)
    add_run_mode(made)
    made.set_menu_label("Old scripts...")
    made.add_menu_path(_MENU)
    made.set_documentation(
        "Lists the GIMP 2 scripts that gimpfu runs",
        "Shows each script of the folder gimpfu-scripts in GIMP's profile: its procedures and menu places,"
        " or why it could not be registered. Without a window the list is returned as text.",
        WINDOW,
    )
    made.set_attribution("gimpfu", "GPL-3.0-or-later", "2026")
    made.add_string_return_value("scripts", "scripts", "The list as text", "", READWRITE)
    return made


def _show(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, data: Any) -> Gimp.ValueArray:
    own = catalogue()
    plug_in = procedure.get_plug_in() if hasattr(procedure, "get_plug_in") else Gimp.get_plug_in()
    check = plug_in.fault if isinstance(plug_in, OldScripts) else None
    own.load_all(check)
    if config.get_property("run-mode") == Gimp.RunMode.INTERACTIVE:
        from . import window

        window.show(own, Path(Gimp.directory()), check)
    returned = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())
    return procedures.put_value(returned, 1, report.text(own))


def main() -> None:
    """Hand the process over to GIMP."""
    os.environ.setdefault("PYTHONIOENCODING", "utf-8")
    Gimp.main(OldScripts.__gtype__, list(sys.argv))  # scripts change sys.argv
