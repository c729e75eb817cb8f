"""The settings beside the picture: one `Choices`, and a word when it changes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import options
from choices import TICKED, Choices
from gi.repository import GLib, Gtk, Pango
from link import presets
from link.sliders import SLIDERS, Slider
from link.wire import HEADSHOT, Problem, Settings
from translation import _

from . import widgets
from .portrait_chooser import portrait_chooser

# Above a slider: without it one may think that more of "Shine" makes more shine.
_HEADINGS = {"shine": _("How much of the flash is removed:"), "warmth": _("Your own taste:")}
_CAPTIONS = {
    "": _("Default"),
    "studio": _("Studio: our own, for flash selfies"),
    "deepflash": _("DeepFlash: as published in 2019, for comparison"),
    HEADSHOT: _("Headshot: takes the look of another portrait"),
}


class Controls(Gtk.Box):  # type: ignore[misc]
    """All settings. changed: called after every change of the user's, with the changed field's name.

    captions: whether there is room for a few words below each name.
    """

    def __init__(
        self, choices: Choices, has_selection: bool, changed: Callable[[str], None], captions: bool = True
    ):
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6, border_width=6)
        self._changed, self._captions, self._has_selection = changed, captions, has_selection
        self._quiet = False
        self._limit_chosen = "auto"  # what the tick says once the user has set it, here or earlier
        self.ticked: tuple[int, ...] = ()
        self._adjustments: dict[str, Gtk.Adjustment] = {}
        self._grid = Gtk.Grid(column_spacing=6, row_spacing=6)
        self._row = 0
        self._add_presets()
        self._add_sliders()
        self._add_lists()
        self.set_hexpand(False)
        self.pack_start(self._grid, False, False, 0)
        self.set_networks([], choices.settings.network)
        self.choices = choices
        self._show_presets()
        self._name_preset()

    # The one value

    @property
    def choices(self) -> Choices:
        """What is chosen now."""
        faces = self._faces.get_active_id()
        settings = Settings(
            **{name: self._adjustments[name].get_value() / 100 for name in SLIDERS},
            reach=self._reach.get_active_id() or "person",
            faces=self.ticked if faces == TICKED else faces or "all",
            network=self._network.get_active_id() or "",
            mask=self._output.get_active_id() == "mask",
        )
        reference = self._reference.get_filename() or "" if settings.network == HEADSHOT else ""
        output = self._output.get_active_id() or "layer"
        return Choices(settings, output, self._limit_chosen, self._mattes.get_active(), reference)

    @choices.setter
    def choices(self, new: Choices) -> None:
        settings = new.settings
        with self._silence():
            for name in SLIDERS:
                self._adjustments[name].set_value(getattr(settings, name) * 100)
            self._reach.set_active_id(settings.reach)
            faces = settings.faces if isinstance(settings.faces, str) else TICKED
            self.ticked = () if isinstance(settings.faces, str) else tuple(settings.faces)
            self._faces.set_active_id("all" if faces == "selection" and not self._has_selection else faces)
            if settings.network not in self._networks:
                self.set_networks(self._networks[1:] + [settings.network], settings.network)
            self._network.set_active_id(settings.network)
            self._output.set_active_id(new.output)
            self._mattes.set_active(new.mattes)
            if new.reference:
                self._reference.set_filename(new.reference)
            self._limit_chosen = new.limit
            self._limit.set_active(self._has_selection and new.limits)
        self._show_reference()

    def hide_unused(self) -> None:
        """Hide what does not apply, which ``show_all`` has shown."""
        self._show_reference()

    def reset(self) -> None:
        """Everything as it was the first time."""
        self.choices = Choices()
        self._reference.unselect_all()
        self._tell("all")

    def set_ticked(self, ticked: tuple[int, ...]) -> None:
        """Take over which faces the user ticked in the picture."""
        self.ticked = ticked
        with self._silence():
            self._faces.set_active_id(TICKED)
        self._tell("faces")

    def set_networks(self, names: list[str], chosen: str, default: str = "") -> None:
        """Offer these networks, and `chosen` whether it is there or not. default: what "" stands for."""
        self._networks = ["", *(name for name in dict.fromkeys([*names, chosen]) if name)]
        with self._silence():
            self._network.remove_all()
            for name in self._networks:
                words = _CAPTIONS.get(name, name)
                if not name and default:
                    words = _("{0} (default)").format(_CAPTIONS.get(default, default))
                self._network.append(name, words)
            self._network.set_active_id(chosen)

    # How it is built

    @contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _tell(self, field: str) -> None:
        if not self._quiet:
            self._name_preset()
            self._changed(field)

    def _attach(self, widget: Gtk.Widget, column: int, width: int) -> None:
        self._grid.attach(widget, column, self._row, width, 1)
        self._row += 1

    def _add_line(self) -> None:
        self._attach(Gtk.Separator(orientation=Gtk.Orientation.HORIZONTAL), 0, 3)

    def _label(self, text: str, target: Gtk.Widget, caption: str = "") -> Gtk.Widget:
        """Put the name of `target` before it, and what it does in a few small words below the name."""
        label = Gtk.Label.new_with_mnemonic(text)
        label.set_mnemonic_widget(target)
        label.set_xalign(0.0)
        both = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, valign=Gtk.Align.CENTER)
        both.add(label)
        if caption and self._captions:
            small = Gtk.Label(label=f"<small>{GLib.markup_escape_text(caption)}</small>", use_markup=True)
            small.set_xalign(0.0)
            both.add(small)
        target.get_accessible().set_description(caption)
        both.show_all()
        self._grid.attach(both, 0, self._row, 1, 1)
        return both

    def _add_sliders(self) -> None:
        for name, slider in SLIDERS.items():
            if name in _HEADINGS:
                self._add_line()
                self._attach(Gtk.Label(label=_HEADINGS[name], xalign=0.0), 0, 3)
            self._add_slider(name, slider)
        self._add_line()

    def _add_lists(self) -> None:
        self._reach = self._add_combo("reach", _("Re_ach"), options.REACH, _("where it works"))
        self._faces = self._add_combo("faces", _("_Faces"), options.FACES, _("who is retouched"))
        self._limit = self._add_tick(
            _("_Keep within the selection"),
            _("The effect ends at the selection's edge. When this is off, a selection does not limit it."),
            self._limited,
        )
        self._limit.set_sensitive(self._has_selection)
        self._add_line()
        self._network = self._add_combo("network", _("_Network"), (), _("which AI model"))
        self._network.set_tooltip_text(_("Which AI model works out what to change."))
        if self._captions:  # as wide before the networks' names are known as after, or the picture would jump
            for cell in self._network.get_cells():
                cell.set_properties(width_chars=42, max_width_chars=42)
        self._reference = portrait_chooser(lambda: self._tell("reference"))
        caption = _("its look is taken over")
        self._reference_label = self._label(_("_Portrait to match"), self._reference, caption)
        self._attach(self._reference, 1, 2)
        self._output = self._add_combo("output", _("O_utput"), options.OUTPUT, _("what you get"))
        self._mattes = self._add_tick(
            _("Also _mattes: masks of person and skin"),
            _("The person and the skin as channels of the image, too, to make selections of."),
            lambda: self._tell("mattes"),
        )

    def _add_tick(self, words: str, tip: str, call: Callable[[], None]) -> Gtk.CheckButton:
        made = widgets.tick(words, tip, call)
        self._attach(made, 1, 2)
        return made

    def _add_slider(self, name: str, slider: Slider) -> None:
        tip = _(slider.about)
        adjustment = Gtk.Adjustment.new(0, 100 * slider.least, 100, 1, 10, 0)
        scale = Gtk.Scale(
            orientation=Gtk.Orientation.HORIZONTAL, adjustment=adjustment, draw_value=False, hexpand=True
        )
        scale.set_size_request(130, -1)
        scale.set_can_focus(False)  # the number beside it has the same keys, and shows the value
        if slider.least < 0:
            scale.add_mark(0, Gtk.PositionType.BOTTOM, None)
        number = Gtk.SpinButton(adjustment=adjustment, digits=0, numeric=True, width_chars=4)
        number.set_activates_default(True)
        for widget in (scale, number):
            widget.set_tooltip_text(tip)
        self._label(_(slider.label), number, _(slider.caption)).set_tooltip_text(tip)
        self._grid.attach(scale, 1, self._row, 1, 1)
        self._attach(number, 2, 1)
        adjustment.connect("value-changed", lambda _adjustment: self._tell(name))
        self._adjustments[name] = adjustment

    def _add_combo(self, name: str, label: str, offered: Any, caption: str) -> Gtk.ComboBoxText:
        combo = _narrow(Gtk.ComboBoxText(hexpand=True))
        for value, words, _tip in offered:
            combo.append(value, words)
        tips = {value: tip for value, _words, tip in offered}
        self._label(label, combo, caption)
        self._attach(combo, 1, 2)
        combo.connect("changed", lambda _combo: self._combo_changed(name, combo, tips))
        return combo

    def _combo_changed(self, name: str, combo: Gtk.ComboBoxText, tips: dict[str, str]) -> None:
        value = combo.get_active_id()
        if value in tips:
            combo.set_tooltip_text(tips[value])
        if name == "faces" and self._limit_chosen == "auto":
            with self._silence():
                self._limit.set_active(self._has_selection and value != "selection")
        if name == "network":
            self._show_reference()
        self._tell(name)

    def _limited(self) -> None:
        if not self._quiet:
            self._limit_chosen = "yes" if self._limit.get_active() else "no"
            self._tell("limit")

    def _show_reference(self) -> None:
        """Show the portrait only where it applies."""
        if hasattr(self, "_reference"):
            shown = self._network.get_active_id() == HEADSHOT
            for widget in (self._reference_label, self._reference):
                widget.set_no_show_all(True)
                widget.set_visible(shown)

    # Presets

    def _add_presets(self) -> None:
        self._presets = _narrow(Gtk.ComboBoxText(hexpand=True))
        self._presets.set_tooltip_text(_("Settings under a name. The command line knows them, too."))
        self._presets.connect("changed", self._preset_chosen)
        save = widgets.button(_("Sa_ve…"), _("Keep the present settings under a name."), self._save_preset)
        tip = _("Delete this preset; only your own can be deleted.")
        self._remove = widgets.icon_button("edit-delete", _("Delete preset"), tip, self._delete_preset)
        row = widgets.row(self._presets, save, self._remove, grows=self._presets)
        self._label(_("Pr_eset"), self._presets, _("ready-made settings"))
        self._attach(row, 1, 2)
        self._add_line()

    def _show_presets(self, chosen: str = "") -> None:
        self._known = {preset.name: preset for preset in presets.available()}
        with self._silence():
            self._presets.remove_all()
            self._presets.append("", _("Your own settings"))
            for name, preset in self._known.items():
                self._presets.append(name, _(name) if preset.shipped else name)
            self._presets.set_active_id(chosen)
        self._remove.set_sensitive(bool(chosen) and not self._known[chosen].shipped)

    def _name_preset(self) -> None:
        """Show which preset the settings are, if they are one."""
        now = self.choices.settings
        name = next((name for name, preset in self._known.items() if preset.over(now) == now), "")
        with self._silence():
            self._presets.set_active_id(name)

    def _preset_chosen(self, _combo: Gtk.ComboBoxText) -> None:
        preset = self._known.get(self._presets.get_active_id() or "")
        self._remove.set_sensitive(preset is not None and not preset.shipped)
        if preset is None or self._quiet:
            return
        now = self.choices
        with contextlib.suppress(Problem):
            self.choices = replace(now, settings=preset.over(now.settings))
        self._changed("all")

    def _save_preset(self) -> None:
        name = _ask_name(self.get_toplevel(), self._presets.get_active_id() or "")
        if name:
            try:
                presets.save(name, self.choices.settings)
            except Problem as problem:
                self.on_problem(problem)
            else:
                names = (preset.name for preset in presets.available())
                self._show_presets(next((one for one in names if one.casefold() == name.casefold()), ""))

    def _delete_preset(self) -> None:
        presets.remove(self._presets.get_active_id() or "")
        self._show_presets()

    on_problem: Callable[[Problem], None] = staticmethod(lambda problem: None)


def _narrow(combo: Gtk.ComboBoxText) -> Gtk.ComboBoxText:
    """Let a long caption be cut off rather than take the picture's room; the list shows it whole."""
    for cell in combo.get_cells():
        cell.set_property("ellipsize", Pango.EllipsizeMode.END)
        cell.set_property("width-chars", 16)
    return combo


def _ask_name(parent: Gtk.Window, given: str) -> str:
    """Return the name under which to save, "" when the user thinks otherwise."""
    dialog = Gtk.Dialog(title=_("Save preset"), transient_for=parent, modal=True, use_header_bar=False)
    dialog.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Save"), Gtk.ResponseType.OK)
    dialog.set_default_response(Gtk.ResponseType.OK)
    entry = Gtk.Entry(text=given, activates_default=True, max_length=64)
    label = Gtk.Label.new_with_mnemonic(_("_Name"))
    label.set_mnemonic_widget(entry)
    dialog.get_content_area().add(widgets.row(label, entry, grows=entry, border_width=12))
    dialog.show_all()
    answer, name = dialog.run(), " ".join(entry.get_text().split())
    dialog.destroy()
    return name if answer == Gtk.ResponseType.OK else ""
