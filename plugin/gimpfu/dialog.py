"""The dialog in which the user sets a script's parameters: GIMP's own, so that it looks,
remembers and offers presets like every other filter's.

Imported only when a procedure runs interactively: GTK must not be touched head-less.
"""

from __future__ import annotations

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GimpUi", "3.0")

from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402

from .constants import PF_FILE, PF_FILENAME, PF_IMAGE, PF_RADIO, PF_SLIDER, PF_TEXT, PF_VECTORS  # noqa: E402
from .registry import Param, Registration  # noqa: E402


def start(registration: Registration) -> None:
    """Make GTK ready; needed once before any dialog."""
    GimpUi.init(registration.name)


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, registration: Registration) -> bool:
    """Lets the user change `config`; False when the dialog was cancelled."""
    title = registration.translated(registration.label).replace("_", "").rstrip(".")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, title)
    known = [param for param in registration.asked if param.kind not in _OWN]
    box = dialog.get_content_area()
    before = len(box.get_children())
    for param in known:
        _choose_widget(dialog, param)
    if known:
        dialog.fill([param.key for param in known])
    for place, param in enumerate(registration.asked, start=before):
        if param.kind in _OWN:
            chooser = _OWN[param.kind](config, param)
            box.pack_start(chooser, False, False, 0)
            box.reorder_child(chooser, place)
    accepted = dialog.run()
    dialog.destroy()
    return bool(accepted)


def _file_chooser(config: Gimp.ProcedureConfig, param: Param) -> Gtk.Widget:
    """For a file that need not exist."""
    action = Gimp.FileChooserAction.OPEN
    chooser = GimpUi.FileChooser.new(action, param.nick, param.nick, config.get_property(param.key))
    both = GObject.BindingFlags.BIDIRECTIONAL
    chooser.bind_property("file", config, param.key, both)
    chooser.show()
    return chooser


def _object_chooser(config: Gimp.ProcedureConfig, param: Param) -> Gtk.Widget:
    """For an image or a path of one."""
    is_image = param.kind == PF_IMAGE
    combo = (GimpUi.ImageComboBox if is_image else GimpUi.PathComboBox).new(None, None)
    by_number = Gimp.Image.get_by_id if is_image else Gimp.Path.get_by_id
    chosen = config.get_property(param.key)
    if chosen is not None:
        combo.set_active(chosen.get_id())

    def choose(_: Gtk.Widget) -> None:
        is_set, number = combo.get_active()
        config.set_property(param.key, by_number(number) if is_set and number > 0 else None)

    GObject.Object.connect(combo, "changed", choose)  # its own `connect` is another one
    row = Gtk.Box(spacing=12)
    row.pack_start(Gtk.Label(label=param.nick), False, False, 0)
    row.pack_start(combo, True, True, 0)
    row.show_all()
    return row


# Kinds that GIMP's dialog has no widget for.
_OWN = {
    PF_FILE: _file_chooser,
    PF_FILENAME: _file_chooser,
    PF_IMAGE: _object_chooser,
    PF_VECTORS: _object_chooser,
}


def _choose_widget(dialog: GimpUi.ProcedureDialog, param: Param) -> None:
    """Choose the widget that gimpfu had for this kind, where GIMP's default is another one."""
    if param.kind == PF_SLIDER:
        dialog.get_scale_entry(param.key, 1.0)
    elif param.kind == PF_RADIO:
        dialog.get_widget(param.key, GimpUi.IntRadioFrame.__gtype__)
    elif param.kind == PF_TEXT:
        dialog.get_widget(param.key, Gtk.TextView.__gtype__)
