"""The row below the picture: what of it is shown, and buttons for while the server works or has failed."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gtk
from translation import _

from . import widgets
from .picture import PictureView

ZOOM_KEYS = {"plus": 1.25, "equal": 1.25, "KP_Add": 1.25, "minus": 0.8, "KP_Subtract": 0.8}


class Tools(Gtk.Box):  # type: ignore[misc]
    """Buttons, the zoom in words, and a bar.

    preview: called when something may have to be computed to be shown. stop, again: what those buttons do.
    """

    def __init__(
        self,
        picture: PictureView,
        preview: Callable[[], None],
        stop: Callable[[], None],
        again: Callable[[], None],
    ):
        super().__init__(spacing=6)
        self._picture, self._preview = picture, preview
        fit = widgets.button(_("Fit"), _("Show the whole picture (key Z, or double-click)."), picture.fit)
        tip = _("Show every pixel (key Z, or double-click).")
        whole = widgets.button(_("100 %"), tip, lambda: picture.set_zoom(1.0))
        before = self._toggle(_("Before"), _("Show the picture as it was (key B)."), "show_before")
        tip = _("Show in white where the picture is changed (key M).")
        mask = self._toggle(_("Mask"), tip, "show_mask")
        tip = _("Show the faces that were found, to tick them (key F).")
        self.frames = self._toggle(_("Faces"), tip, "frames")
        self._keys = {"b": before, "m": mask, "f": self.frames}
        self._zoom = Gtk.Label()
        for widget in (fit, whole, before, mask, self.frames, self._zoom):
            self.pack_start(widget, False, False, 0)
        self.stop = widgets.button(_("Stop"), _("Stop this run; the dialog stays open."), stop)
        self.again = widgets.button(_("Try again"), _("Ask the server once more."), again)
        self.bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        for widget in (self.stop, self.again, self.bar):  # each seen only when it is needed
            widget.set_no_show_all(True)
            self.pack_end(widget, False, False, 0)

    def _toggle(self, words: str, tip: str, field: str) -> Gtk.ToggleButton:
        def toggled() -> None:
            setattr(self._picture, field, made.get_active())
            if field == "show_mask":
                self._preview()
            self._picture.redraw()

        made = widgets.toggle(words, tip, toggled)
        return made

    def show_zoom(self) -> None:
        """Say how large the picture is shown."""
        self._zoom.set_text(f"{self._picture.zoom * 100:.0f} %")

    def press(self, name: str, writing: bool) -> bool:
        """Do what a key without Ctrl or Alt is for; whether it is for anything. writing: into a field."""
        picture = self._picture
        if name in self._keys:
            self._keys[name].set_active(not self._keys[name].get_active())
        elif name == "z":
            picture.toggle_zoom()
        elif name in ZOOM_KEYS and not writing:
            picture.set_zoom(picture.zoom * ZOOM_KEYS[name])
        else:
            return False
        return True
