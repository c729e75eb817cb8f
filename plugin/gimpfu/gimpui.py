"""gimpfu's ``gimpui``: GIMP's widgets for a script's own windows, as far as GIMP 3 has them.

GTK is touched only when a name is used, so that a script registers without a screen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gi
from gi.repository import Gimp

from . import colour


def _ui() -> Any:
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    return GimpUi


def gimp_ui_init() -> None:
    """Make GTK ready."""
    _ui().init("python-fu")


def _dialog(
    title: str = "",
    role: str = "",
    parent: Any = None,
    flags: Any = 0,
    help_func: Any = None,
    help_id: Any = None,
    buttons: Any = (),
) -> Any:
    _gtk2().need_a_screen()
    gimp_ui_init()
    return _gtk().Dialog(title, parent, flags, buttons)


def _chooser(kind: str, getter: Callable[[int], Any]) -> Callable[[], Any]:
    """Return a combo box of images or items with gimpfu's ``get_value``."""

    def provide() -> Any:
        class Selector(getattr(_ui(), f"{kind}ComboBox")):  # type: ignore[misc]
            def __init__(self, *args: Any):
                super().__init__()
                for number in [one.get_id() for one in args if hasattr(one, "get_id")]:
                    self.set_active(number)

            def get_value(self) -> Any:
                found = self.get_active()
                return getter(found[1] if isinstance(found, tuple) else found)

            get_active_image = get_active_layer = get_active_drawable = get_value
            get_active_channel = get_active_vectors = get_value

        return Selector

    return provide


def _resource(kind: str) -> Callable[[], Any]:
    """Return a chooser of brushes, fonts, ... with gimpfu's ``get_value``: a name."""

    def provide() -> Any:
        native = getattr(_ui(), f"{kind}Chooser")

        def make(default: str = "", title: str = "") -> Any:
            from . import resources

            found = resources.find(f"Gimp{kind}", str(default)) if default else None
            chooser = native.new(title, None, found)
            chooser.get_value = lambda: chooser.get_resource().get_name()
            return chooser

        return make

    return provide


def _colour_button(
    title: str = "", width: int = 100, height: int = 25, color: Any = None, kind: int = 0
) -> Any:
    native = colour.to_gegl(color if color is not None else (0, 0, 0))
    button = _ui().ColorButton.new(title, int(width), int(height), native, _ui().ColorAreaType(int(kind)))
    read = button.get_color
    button.get_value = button.get_color = lambda: colour.from_gegl(read())
    return button


def _gtk2() -> Any:
    from .scripts import gtk2

    return gtk2


def _gtk() -> Any:
    return _gtk2().module("gtk")


_PROVIDED: dict[str, Callable[[], Any]] = {
    "gtk": _gtk,
    "Dialog": lambda: _dialog,
    "Frame": lambda: _gtk().Frame,
    "HintBox": lambda: lambda text: _gtk().Label(text),
    "ProgressBar": lambda: _ui().ProgressBar.new,
    "ColorButton": lambda: _colour_button,
    "ColorSelector": lambda: lambda default=None: _colour_button(color=default),
    **{
        f"{kind}{end}": _chooser(native, getter)
        for end in ("Selector", "ComboBox")
        for kind, native, getter in (
            ("Image", "Image", Gimp.Image.get_by_id),
            ("Layer", "Layer", Gimp.Item.get_by_id),
            ("Channel", "Channel", Gimp.Item.get_by_id),
            ("Drawable", "Drawable", Gimp.Item.get_by_id),
            ("Vectors", "Path", Gimp.Item.get_by_id),
        )
    },
    **{f"{kind}Selector": _resource(kind) for kind in ("Brush", "Font", "Gradient", "Palette", "Pattern")},
}


__all__ = ["gimp_ui_init", *_PROVIDED]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _PROVIDED:
        return _PROVIDED[name]()
    if name.startswith("__"):
        raise AttributeError(name)
    native = getattr(_ui(), name, None)
    if native is None:
        raise AttributeError(f"GIMP 3 has no gimpui.{name}.")
    return native
