"""PyGTK's modules for old scripts, on GTK 3: ``gtk``, ``gtk.gdk``, ``gobject``, ``pango``, ``pygtk``.

Widgets are GTK 3's with PyGTK's positional arguments (`ARGUMENTS`), constants are found in
GTK 3's enumerations by their prefix (`PREFIXES`). Nothing is imported before it is used, so
that a script which only may show a window registers without a screen. What GTK 3 dropped
raises `error` with a sentence that names it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

import gi

from ..errors import NO_SCREEN, error

_TYPES = ("RESPONSE", "WINDOW", "MESSAGE", "BUTTONS", "POLICY", "SHADOW", "STATE", "SORT", "ARROW")
PREFIXES = {
    **{f"{word}_": f"{word.capitalize()}Type" for word in _TYPES},
    "WIN_POS_": "WindowPosition",
    "DIALOG_": "DialogFlags",
    "FILE_CHOOSER_ACTION_": "FileChooserAction",
    "ICON_SIZE_": "IconSize",
    "JUSTIFY_": "Justification",
    "WRAP_": "WrapMode",
    "SELECTION_": "SelectionMode",
    "POS_": "PositionType",
    "UPDATE_": "SpinButtonUpdatePolicy",
    "ORIENTATION_": "Orientation",
    "BUTTONBOX_": "ButtonBoxStyle",
    "RELIEF_": "ReliefStyle",
    "ACCEL_": "AccelFlags",
    "TREE_VIEW_COLUMN_": "TreeViewColumnSizing",
    "": "AttachOptions",
}
# PyGTK's positional arguments as the properties that they set, and whose they are.
_ARGUMENTS = {
    "adjustment": "HScale VScale",
    "adjustment climb_rate digits": "SpinButton",
    "buffer": "TextView",
    "hadjustment vadjustment": "ScrolledWindow Viewport",
    "homogeneous spacing": "HBox VBox",
    "label": "Button CheckButton Expander Frame Label MenuItem ToggleButton",
    "max_length": "Entry",
    "model": "ComboBox TreeView",
    "n_rows n_columns homogeneous": "Table",
    "title": "Dialog FileChooserButton",
    "type": "Window",
    "value lower upper step_increment page_increment page_size": "Adjustment",
    "xalign yalign xscale yscale": "Alignment",
}
ARGUMENTS = {kind: order for order, kinds in _ARGUMENTS.items() for kind in kinds.split()}
# PyGTK's class: GTK 3's, with properties of its own.
_BASES: dict[str, tuple[str, dict[str, int]]] = {
    **{
        f"{letter}{kind}": (kind, {"orientation": number})
        for number, letter in enumerate("HV")
        for kind in ("Box", "Scale", "Separator", "Paned", "ButtonBox")
    },
    "ComboBoxEntry": ("ComboBox", {"has_entry": 1}),
}
_MADE: dict[str, Any] = {}


def _library(name: str, version: str) -> Any:
    gi.require_version(name, version)
    return getattr(__import__("gi.repository", fromlist=[name]), name)


def _gtk() -> Any:
    return _library("Gtk", "3.0")


class _Module(types.ModuleType):
    """A module whose names are looked up when they are used."""

    def __init__(self, name: str, look_up: Callable[[str], Any]):
        super().__init__(name)
        self._look_up = look_up

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._look_up(name)
        setattr(self, name, found)
        return found


def module(name: str) -> types.ModuleType:
    """Return PyGTK's module `name`."""
    return _MODULES[name]


def _of_gtk(name: str) -> Any:
    if name in _SPECIAL:
        return _SPECIAL[name]()
    for prefix, kind in PREFIXES.items():
        if name.startswith(prefix) and name.isupper():
            member = getattr(getattr(_gtk(), kind), name.removeprefix(prefix), None)
            if member is not None:
                return member
    base, fixed = _BASES.get(name, (name, {}))
    native = getattr(_gtk(), base, None)
    if native is None:
        raise AttributeError(f"GTK 3 has no {name}, which this script took from GTK 2.")
    if isinstance(native, type) and (name in ARGUMENTS or name in _BASES or _is_widget(native)):
        return _widget(name, native, fixed)
    return native


def _is_widget(native: type) -> bool:
    return issubclass(native, _gtk().Widget)


def _widget(name: str, native: Any, fixed: dict[str, int]) -> Any:
    """Return a class with PyGTK's constructor and the methods that GTK 3 wants more arguments for."""
    if name in _MADE:
        return _MADE[name]

    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807
        if _is_widget(native):
            need_a_screen()
        buttons = args[3] if name == "Dialog" and len(args) > 3 else named.pop("buttons", None)
        native.__init__(self, **{**fixed, **_properties(name, args, named)})
        _add_buttons(self, buttons)

    names: dict[str, Any] = {"__init__": __init__}
    if hasattr(native, "pack_start") and name not in ("ComboBox", "ComboBoxEntry", "TreeViewColumn"):
        names |= {"pack_start": _packing(native.pack_start), "pack_end": _packing(native.pack_end)}
    if name == "Adjustment":
        names |= {key: _property(key.replace("_", "-")) for key in ARGUMENTS[name].split()}
    if issubclass(native, _gtk().Dialog):
        names["vbox"] = property(lambda self: _packable(self.get_content_area()))
        names["action_area"] = property(lambda self: self.get_action_area())
    _MADE[name] = type(native)(name, (native,), names)
    return _MADE[name]


def _properties(name: str, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Return GTK 3's properties for the arguments of PyGTK's constructor."""
    order = ARGUMENTS.get(name, "").split()
    given = {key: value for key, value in zip(order, args, strict=False) if value is not None}
    named = {key: value for key, value in named.items() if key not in ("buttons", "flags")}
    if name == "Entry" and "max_length" in given:
        given["max_length"] = int(given["max_length"])
    if name in ("Button", "CheckButton") and "stock" in named:
        given |= {"label": named.pop("stock"), "use_stock": True}
    return {**given, **named}


def _add_buttons(dialog: Any, buttons: Any) -> None:
    """Add a dialog's buttons, which PyGTK took as label and response in turns."""
    pairs = list(buttons or ())
    for label, response in zip(pairs[::2], pairs[1::2], strict=False):
        dialog.add_button(label, response)


def _property(name: str) -> property:
    """Return a GObject property as an attribute."""

    def write(self: Any, value: Any) -> None:
        self.set_property(name, value)

    return property(lambda self: self.get_property(name), write)


def _packing(native: Callable[..., Any]) -> Callable[..., Any]:
    def pack(self: Any, child: Any, expand: Any = True, fill: Any = True, padding: int = 0) -> None:
        native(self, child, bool(expand), bool(fill), int(padding))

    return pack


def _packable(box: Any) -> Any:
    """Return a dialog's own box with PyGTK's defaults."""
    start, end = type(box).pack_start, type(box).pack_end
    box.pack_start = types.MethodType(_packing(start), box)
    box.pack_end = types.MethodType(_packing(end), box)
    return box


def _radio() -> Any:
    gtk = _gtk()

    class RadioButton(gtk.RadioButton):  # type: ignore[name-defined,misc]
        def __init__(self, group: Any = None, label: str | None = None, use_underline: bool = True):
            super().__init__(label=label, use_underline=use_underline)
            if group is not None:
                self.join_group(group)

    return RadioButton


def _message() -> Any:
    gtk = _gtk()

    def make(
        parent: Any = None,
        flags: Any = 0,
        type: Any = None,  # noqa: A002 - PyGTK's own name
        buttons: Any = None,
        message_format: str = "",
    ) -> Any:
        return gtk.MessageDialog(
            transient_for=parent,
            message_type=type or gtk.MessageType.INFO,
            buttons=buttons or gtk.ButtonsType.NONE,
            text=str(message_format),
        )

    return make


def _chooser() -> Any:
    gtk = _gtk()

    def make(
        title: Any = None, parent: Any = None, action: Any = None, buttons: Any = (), backend: Any = None
    ) -> Any:
        dialog = gtk.FileChooserDialog(
            title=title, transient_for=parent, action=action or gtk.FileChooserAction.OPEN
        )
        _add_buttons(dialog, buttons)
        return dialog

    return make


def _combo_text() -> Any:
    return _gtk().ComboBoxText


def _tooltips() -> Any:
    class Tooltips:
        def set_tip(self, widget: Any, text: str, private: str = "") -> None:
            widget.set_tooltip_text(text)

        def enable(self) -> None:
            """Tooltips are always on."""

        disable = enable

    return Tooltips


def _nothing() -> Callable[..., None]:
    return lambda *args, **named: None


_SPECIAL: dict[str, Callable[[], Any]] = {
    "RadioButton": _radio,
    "MessageDialog": _message,
    "FileChooserDialog": _chooser,
    "combo_box_new_text": _combo_text,
    "combo_box_entry_new_text": lambda: _gtk().ComboBoxText.new_with_entry,
    "Tooltips": _tooltips,
    "alternative_dialog_button_order": lambda: lambda *args: False,
    "gdk": lambda: module("gtk.gdk"),
    "TRUE": lambda: True,
    "FALSE": lambda: False,
    "pygtk_version": lambda: (2, 24, 0),
    "gtk_version": lambda: (2, 24, 33),
    "main_iteration": lambda: lambda block=True: _gtk().main_iteration_do(bool(block)),
    "mainquit": lambda: _gtk().main_quit,
    "mainloop": lambda: _gtk().main,
    "threads_init": _nothing,
    "rc_parse_string": _nothing,
    "STOCK_INFO": lambda: "gtk-info",
}


def _of_gdk(name: str) -> Any:
    if name == "Pixbuf":
        return _library("GdkPixbuf", "2.0").Pixbuf
    if name == "pixbuf_new_from_file":
        return _library("GdkPixbuf", "2.0").Pixbuf.new_from_file
    if name in ("threads_init", "threads_enter", "threads_leave"):
        return _nothing()
    gdk = _library("Gdk", "3.0")
    if name in ("screen_width", "screen_height"):
        need_a_screen()
        return getattr(gdk.Screen, name.removeprefix("screen_"))
    holders = (gdk, gdk.EventMask, gdk.ModifierType, gdk.CursorType, gdk.EventType)
    return _in_any(holders, name, f"GTK 3 has no gdk.{name}, which this script took from GTK 2.")


def _in_any(holders: Sequence[Any], name: str, complaint: str) -> Any:
    """Return what the first holder of that name has. Raises AttributeError."""
    for holder in holders:
        if (found := getattr(holder, name, None)) is not None:
            return found
    raise AttributeError(complaint)


def _of_glib(name: str) -> Any:
    return _in_any((_library("GLib", "2.0"), _library("GObject", "2.0")), name, f"GLib has no {name}.")


def _of_pango(name: str) -> Any:
    pango = _library("Pango", "1.0")
    if name == "SCALE" or hasattr(pango, name):
        return 1024 if name == "SCALE" else getattr(pango, name)
    kinds = (pango.EllipsizeMode, pango.WrapMode, pango.Style, pango.Weight)
    return _in_any(kinds, name.partition("_")[2], f"Pango has no {name}.")


def _of_pygtk(name: str) -> Any:
    if name in ("require", "require20"):
        return lambda *args: None
    raise AttributeError(name)


def _of_gio(name: str) -> Any:
    return getattr(_library("Gio", "2.0"), name)


def need_a_screen() -> None:
    """Raise `error` where no window can be shown."""
    if not _gtk().init_check(None)[0]:
        raise error(NO_SCREEN)


_MODULES: dict[str, types.ModuleType] = {
    "gtk": _Module("gtk", _of_gtk),
    "gtk.gdk": _Module("gtk.gdk", _of_gdk),
    "gobject": _Module("gobject", _of_glib),
    "glib": _Module("glib", _of_glib),
    "pango": _Module("pango", _of_pango),
    "pygtk": _Module("pygtk", _of_pygtk),
    "gio": _Module("gio", _of_gio),
}
