"""The window *Old scripts*: each script with its procedures and menu places, or why it has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")

from gi.repository import Gdk, GimpUi, Gtk  # noqa: E402

from . import report  # noqa: E402
from .catalogue import Catalogue, Script, name_second_folder, second_folder  # noqa: E402

_RELOAD, _FOLDER, _SECOND, _COPY = range(1, 5)
_NAME, _STATE, _SCRIPT = range(3)


def show(own: Catalogue, profile: Path, check: Any = None) -> None:
    """Show the list until the user closes it. check: as `Catalogue.load_all` takes it."""
    GimpUi.init("old-scripts")
    Window(own, profile, check).run()


_BUTTONS = (
    ("Copy _details", _COPY),
    ("_Reload", _RELOAD),
    ("_Open folder", _FOLDER),
    ("_Second folder...", _SECOND),
    ("_Close", Gtk.ResponseType.CLOSE),
)


class Window:
    """The list above, details of the chosen script below, the folders at the foot."""

    def __init__(self, own: Catalogue, profile: Path, check: Any = None):
        self._own, self._profile, self._check = own, profile, check
        self._dialog = GimpUi.Dialog(title="Old scripts", role="old-scripts", modal=True)
        for label, response in _BUTTONS:
            self._dialog.add_button(label, response)
        self._store = Gtk.ListStore(str, str, object)
        self._list = _two_columns(self._store)
        self._list.get_selection().connect("changed", lambda *event: self._show_details())
        self._details = Gtk.TextView(editable=False, monospace=True, wrap_mode=Gtk.WrapMode.WORD_CHAR)
        self._note = Gtk.Label(xalign=0.0, wrap=True, selectable=True, margin=6)
        panes = Gtk.Paned(orientation=Gtk.Orientation.VERTICAL, position=260)
        panes.pack1(_scrolled(self._list), True, False)
        panes.pack2(_scrolled(self._details), True, False)
        area = self._dialog.get_content_area()
        area.pack_start(panes, True, True, 6)
        area.pack_start(self._note, False, False, 0)
        self._dialog.set_default_size(760, 560)
        self._fill()

    def run(self) -> None:
        """Show the window until the user closes it."""
        self._dialog.show_all()
        actions = {_RELOAD: self._reload, _FOLDER: self._open, _SECOND: self._choose, _COPY: self._copy}
        while (action := actions.get(self._dialog.run())) is not None:
            action()
        self._dialog.destroy()

    def _fill(self) -> None:
        self._store.clear()
        for script in self._own.scripts:
            state = ", ".join(script.registrations) or "none: " + script.problem.partition("\n")[0]
            marked = state + (" (!)" if script.notes else "")
            self._store.append([report.shown(script.path.name), report.shown(marked), script])
        if len(self._store):
            self._list.get_selection().select_path(0)
        folders = report.shown(" and ".join(map(str, self._own.folders)))
        count = len(self._own.scripts)
        self._note.set_text(f"{count} scripts in {folders}. GIMP's menus show what is new at its next start.")

    def _chosen(self) -> Script | None:
        model, place = self._list.get_selection().get_selected()
        return model[place][_SCRIPT] if place is not None else None

    def _text(self) -> str:
        script = self._chosen()
        if script is None:
            return report.text(self._own)
        return report.shown("\n".join([str(script.path), "", *report.summary(script), "", script.trace]))

    def _show_details(self) -> None:
        self._details.get_buffer().set_text(self._text())

    def _copy(self) -> None:
        Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text(self._text(), -1)

    def _reload(self) -> None:
        self._own.load_all(self._check)
        self._fill()

    def _open(self) -> None:
        open_folder(self._own.folders[0])

    def _choose(self) -> None:
        """Name, or forget, the folder beside the profile's own."""
        chooser = Gtk.FileChooserDialog(
            title="A second folder of old scripts", action=Gtk.FileChooserAction.SELECT_FOLDER
        )
        chooser.add_buttons("_None", Gtk.ResponseType.REJECT, "_Cancel", Gtk.ResponseType.CANCEL)
        chooser.add_buttons("_Use this folder", Gtk.ResponseType.ACCEPT)
        if (now := second_folder(self._profile)) is not None:
            chooser.set_filename(str(now))
        answer = chooser.run()
        chosen = chooser.get_filename() if answer == Gtk.ResponseType.ACCEPT else None
        chooser.destroy()
        if answer in (Gtk.ResponseType.ACCEPT, Gtk.ResponseType.REJECT):
            name_second_folder(self._profile, Path(chosen) if chosen else None)
            self._own.folders[1:] = [Path(chosen)] if chosen else []
            self._reload()


def _two_columns(store: Gtk.ListStore) -> Gtk.TreeView:
    view = Gtk.TreeView(model=store)
    for title, column in (("Script", _NAME), ("Procedures", _STATE)):
        view.append_column(Gtk.TreeViewColumn(title, Gtk.CellRendererText(), text=column))
    return view


def _scrolled(inside: Gtk.Widget) -> Gtk.Widget:
    window = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN)
    window.add(inside)
    return window


def open_folder(folder: Path) -> None:
    """Show a folder in the system's file manager."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        os.startfile(folder)  # type: ignore[attr-defined,unused-ignore]
    else:
        subprocess.Popen(["open" if sys.platform == "darwin" else "xdg-open", str(folder)])
