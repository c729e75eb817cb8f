"""The window of "check set-up": the account to read and to copy, under a sign that says how things are."""

from __future__ import annotations

from gi.repository import Gdk, Gtk
from translation import _

from . import widgets

COPY = 1


def show(text: str, well: bool) -> None:
    """Show the account until the user has read it."""
    title = _("Studio Portrait: check set-up")
    dialog = widgets.dialog(
        title, "studio-portrait-check", _("C_opy"), COPY, _("_Close"), Gtk.ResponseType.CLOSE
    )
    sign = "dialog-information" if well else "dialog-warning"
    icon = Gtk.Image(icon_name=sign, icon_size=Gtk.IconSize.DIALOG, valign=Gtk.Align.START)
    view = Gtk.TextView(
        editable=False, monospace=True, cursor_visible=False, wrap_mode=Gtk.WrapMode.WORD_CHAR
    )
    view.get_buffer().set_text(text)
    account = widgets.scrolled(view, min_content_width=640, min_content_height=360)
    row = widgets.row(icon, account, grows=account, spacing=12, border_width=12)
    dialog.get_content_area().pack_start(row, True, True, 0)
    dialog.show_all()
    while dialog.run() == COPY:
        Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).set_text(text, -1)
    dialog.destroy()
