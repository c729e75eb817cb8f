"""The window of "check set-up": the account to read and to copy, under a sign that says how things are."""

from __future__ import annotations

from gi.repository import Gdk, GimpUi, Gtk
from translation import _

COPY = 1


def show(text: str, well: bool) -> None:
    """Show the account until the user has read it."""
    bar = Gtk.Settings.get_default().get_property("gtk-dialogs-use-header")
    dialog = GimpUi.Dialog(
        use_header_bar=bar, title=_("Studio Portrait: check set-up"), role="studio-portrait-check"
    )
    GimpUi.window_set_transient(dialog)
    dialog.add_buttons(_("C_opy"), COPY, _("_Close"), Gtk.ResponseType.CLOSE)
    dialog.set_default_response(Gtk.ResponseType.CLOSE)
    sign = "dialog-information" if well else "dialog-warning"
    icon = Gtk.Image.new_from_icon_name(sign, Gtk.IconSize.DIALOG)
    icon.set_valign(Gtk.Align.START)
    view = Gtk.TextView(
        editable=False, monospace=True, cursor_visible=False, wrap_mode=Gtk.WrapMode.WORD_CHAR
    )
    view.get_buffer().set_text(text)
    scrolled = Gtk.ScrolledWindow(min_content_width=640, min_content_height=360)
    scrolled.add(view)
    row = Gtk.Box(spacing=12, border_width=12)
    row.pack_start(icon, False, False, 0)
    row.pack_start(scrolled, True, True, 0)
    dialog.get_content_area().pack_start(row, True, True, 0)
    dialog.show_all()
    while dialog.run() == COPY:
        Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text(text, -1)
    dialog.destroy()
