"""The button that chooses the portrait to match, whose dialog shows the file that is selected."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from gi.repository import GdkPixbuf, GLib, Gtk
from translation import _

THUMBNAIL = 160  # pixels


def portrait_chooser(call: Callable[[], None]) -> Gtk.FileChooserButton:
    """Make the button; call: after the user has chosen."""
    made = Gtk.FileChooserButton.new(_("Portrait to match"), Gtk.FileChooserAction.OPEN)
    made.set_tooltip_text(_("A portrait whose light, colours and contrast the face takes on."))
    pictures, everything = _filter(_("Pictures")), _filter(_("All files"))
    pictures.add_mime_type("image/*")
    pictures.add_pixbuf_formats()
    everything.add_pattern("*")
    made.add_filter(pictures)
    made.add_filter(everything)
    small = Gtk.Image()
    made.set_preview_widget(small)
    made.connect("update-preview", _show_thumbnail, small)
    made.connect("file-set", lambda _chooser: call())
    return made


def _filter(name: str) -> Gtk.FileFilter:
    made = Gtk.FileFilter()
    made.set_name(name)
    return made


def _show_thumbnail(chooser: Gtk.FileChooser, small: Gtk.Image) -> None:
    path = chooser.get_preview_filename()
    image = None
    if path:
        with contextlib.suppress(GLib.Error):
            image = GdkPixbuf.Pixbuf.new_from_file_at_size(path, THUMBNAIL, THUMBNAIL)
            image = image.apply_embedded_orientation() or image
    small.set_from_pixbuf(image)
    chooser.set_preview_widget_active(image is not None)
