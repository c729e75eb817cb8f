"""GTK's widgets as the dialogs put them together: a call for what GTK wants several for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, GimpUi, Gtk


def row(*widgets: Gtk.Widget, grows: Gtk.Widget | None = None, **properties: Any) -> Gtk.Box:
    """Put widgets side by side; `grows` gets the room that is left over."""
    box = Gtk.Box(**{"spacing": 6, **properties})
    for widget in widgets:
        box.pack_start(widget, widget is grows, widget is grows, 0)
    return box


def column(*widgets: Gtk.Widget, grows: Gtk.Widget | None = None, **properties: Any) -> Gtk.Box:
    """Put widgets one below the other; `grows` gets the room that is left over."""
    return row(*widgets, grows=grows, orientation=Gtk.Orientation.VERTICAL, **properties)


def scrolled(inside: Gtk.Widget, **properties: Any) -> Gtk.ScrolledWindow:
    """Put a widget where it can be scrolled."""
    window = Gtk.ScrolledWindow(**properties)
    window.add(inside)
    return window


def button(words: str, tip: str, call: Callable[[], None]) -> Gtk.Button:
    """Make a button; ``_`` stands before the key that presses it."""
    return _calling(Gtk.Button.new_with_mnemonic(words), "clicked", tip, call)


def icon_button(icon: str, name: str, tip: str, call: Callable[[], None]) -> Gtk.Button:
    """Make a button with an icon; name: what a screen reader calls it."""
    made = _calling(Gtk.Button.new_from_icon_name(icon, Gtk.IconSize.BUTTON), "clicked", tip, call)
    made.get_accessible().set_name(name)
    return made


def toggle(words: str, tip: str, call: Callable[[], None]) -> Gtk.ToggleButton:
    """Make a button that stays pressed."""
    return _calling(Gtk.ToggleButton.new_with_label(words), "toggled", tip, call)


def tick(words: str, tip: str, call: Callable[[], None]) -> Gtk.CheckButton:
    """Make a tick box; ``_`` stands before the key that ticks it."""
    return _calling(Gtk.CheckButton.new_with_mnemonic(words), "toggled", tip, call)


def _calling(made: Gtk.Button, signal: str, tip: str, call: Callable[[], None]) -> Gtk.Button:
    made.set_tooltip_text(tip)
    made.connect(signal, lambda _button: call())
    return made


def dialog(title: str, role: str, *buttons: Any) -> GimpUi.Dialog:
    """Make a dialog over GIMP's window; buttons: label and response in turns, the last is the default."""
    bar = Gtk.Settings.get_default().get_property("gtk-dialogs-use-header")
    made = GimpUi.Dialog(use_header_bar=bar, title=title, role=role)
    GimpUi.window_set_transient(made)
    made.add_buttons(*buttons)
    made.set_default_response(buttons[-1])
    return made


def work_area() -> tuple[int, int]:
    """Return the room that the screen has for a window, in GTK's pixels."""
    display = Gdk.Display.get_default()
    monitor = display.get_primary_monitor() or display.get_monitor(0)
    area = monitor.get_workarea()
    return area.width, area.height
