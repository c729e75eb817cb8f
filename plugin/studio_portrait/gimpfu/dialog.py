"""The dialog in which the user sets a script's parameters: GIMP's own, so that it looks,
remembers and offers presets like every other filter's.

Imported only when a procedure runs interactively: GTK must not be touched head-less.
"""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")

from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402

from .constants import PF_RADIO, PF_SLIDER, PF_TEXT  # noqa: E402
from .registry import Param, Registration  # noqa: E402


def start(registration: Registration) -> None:
    """Makes GTK ready; needed once before any dialog."""
    GimpUi.init(registration.name)


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, registration: Registration) -> bool:
    """Lets the user change `config`; False when the dialog was cancelled."""
    dialog = GimpUi.ProcedureDialog.new(procedure, config, registration.label.replace("_", "").rstrip("."))
    for param in registration.asked:
        _choose_widget(dialog, param)
    dialog.fill([param.key for param in registration.asked])
    accepted = dialog.run()
    dialog.destroy()
    return bool(accepted)


def _choose_widget(dialog: GimpUi.ProcedureDialog, param: Param) -> None:
    """The widget that gimpfu had for this kind, where GIMP's default is another one."""
    if param.kind == PF_SLIDER:
        dialog.get_scale_entry(param.key, 1.0)
    elif param.kind == PF_RADIO:
        dialog.get_widget(param.key, GimpUi.IntRadioFrame.__gtype__)
    elif param.kind == PF_TEXT:
        dialog.get_widget(param.key, Gtk.TextView.__gtype__)
