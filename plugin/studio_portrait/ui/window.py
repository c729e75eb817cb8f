"""The dialog: it analyses the layer once, shows what each setting does, and makes the result.

It stays open when something goes wrong, with all settings as they were, and closes when the result is in the
image or the user cancels.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import origin
from choices import Choices
from gi.repository import Gdk, Gimp, GimpUi, Gio, GLib, Gtk
from layers import Outcome
from link.wire import STAGES, Problem, Settings
from origin import Origin
from pixels import layout
from progress import OverallProgress
from reference import opened
from retouch import check_found, photograph_of, settled, unchanged, used
from translation import _, problem_text, sentence

from . import memory, widgets
from .controls import Controls
from .picture import PictureView
from .tools import Tools
from .worker import LOST, Events, View, Worker

HELP = Path(__file__).resolve().parents[1] / "help"
RESET, HELP_RESPONSE = 1, Gtk.ResponseType.HELP
THUMBNAIL = 1024
MAX_PREVIEW_BYTES = 4 * 1024 * 1024
NARROW = 900  # of a screen, in GTK's pixels: 1280 at 200 %


def run(image: Gimp.Image, drawable: Gimp.Drawable, given: Choices) -> tuple[Gimp.Layer, Choices] | None:
    """Let the user work; the new layer and what was chosen, or None when cancelled. Raises `Problem`."""
    found = origin.find(image, drawable)
    remembered, size = memory.load()
    chosen = (Choices.from_json(found.record) if found.made else None) or remembered or given
    window = Window(image, found, chosen, size)
    try:
        return window.run()
    finally:
        window.close()


class Window:
    """One run of the dialog."""

    def __init__(self, image: Gimp.Image, found: Origin, chosen: Choices, size: dict[str, Any]):
        self._image, self._found = image, found
        self._how = layout(found.source)
        self._has_selection = not Gimp.Selection.is_empty(image)
        self._faces: list[dict[str, Any]] | None = None
        self._wanted = False  # the result, as soon as the analysis is there
        self._busy = False
        self._result: Gimp.Layer | None = None
        self._outcome: Outcome | None = None
        self._note = ""  # stands where nothing else is to be said
        self._overall = OverallProgress()
        self._portrait = contextlib.ExitStack()
        self._dialog = self._build(chosen, size)
        shown = self._picture.show_tile
        self._worker = Worker(
            Events(self._show_stage, self._analysed, shown, self._same, self._idle, self._failed)
        )

    def run(self) -> tuple[Gimp.Layer, Choices] | None:
        """Show the dialog until it has done its work."""
        self._dialog.show_all()
        self._controls.hide_unused()
        self._picture.grab_focus()
        self._show_thumbnail()
        self._analyse()
        if self._found.made is not None:
            names = (self._found.made.get_name(), self._found.source.get_name())
            self._note = _("Changes “{0}”, which was made from “{1}”.").format(*names)
        Gtk.main()
        return (self._result, self._controls.choices) if self._result is not None else None

    def close(self) -> None:
        """End the thread, remember the settings, take the window away."""
        self._worker.close()
        self._portrait.close()
        width, height = self._dialog.get_size()
        memory.save(self._controls.choices, {"width": width, "height": height})
        self._dialog.destroy()

    # Building

    def _build(self, chosen: Choices, size: dict[str, Any]) -> GimpUi.Dialog:
        area = widgets.work_area()
        narrow = area[0] < NARROW
        self._controls = Controls(chosen, self._has_selection, self._changed, captions=not narrow)
        self._controls.on_problem = lambda problem: self._say(problem_text(problem))
        layer = self._found.source
        sides = layer.get_width(), layer.get_height()
        self._picture = PictureView(sides, self._preview, self._ticked, self._how.shown)
        self._picture.set_size_request(*((160, 120) if narrow else (320, 240)))
        self._picture.set_hexpand(True)
        left = self._picture_column(narrow)
        never = Gtk.PolicyType.NEVER
        right = widgets.scrolled(self._controls, hscrollbar_policy=never, propagate_natural_width=True)
        right.set_hexpand(False)  # all width that is left over is the picture's
        dialog = self._empty_dialog()
        columns = widgets.row(left, right, grows=left, border_width=6)
        dialog.get_content_area().pack_start(columns, True, True, 0)
        dialog.set_default_size(*memory.window_size(size, area))
        return dialog

    def _empty_dialog(self) -> GimpUi.Dialog:
        buttons = (_("_Help"), HELP_RESPONSE, _("_Reset"), RESET, _("_Cancel"), Gtk.ResponseType.CANCEL)
        ok = (_("Re_touch"), Gtk.ResponseType.OK)
        dialog = widgets.dialog(_("Studio Portrait"), "studio-portrait", *buttons, *ok)
        self._ok = dialog.get_widget_for_response(Gtk.ResponseType.OK)
        dialog.get_widget_for_response(RESET).set_tooltip_text(
            _("Set everything back to how it was the first time.")
        )
        dialog.get_widget_for_response(HELP_RESPONSE).set_tooltip_text(_("What each control does (F1)."))
        dialog.connect("response", self._response)
        dialog.connect("delete-event", lambda *_args: True)  # "response" comes as well, and says what to do
        dialog.connect("key-press-event", self._key)
        return dialog

    def _picture_column(self, narrow: bool) -> Gtk.Widget:
        frame = Gtk.Frame()
        frame.add(self._picture)
        self._status = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=30 if narrow else 60)
        self._tools = row = Tools(self._picture, self._preview, self._stop, self._analyse)
        if narrow:
            row = widgets.scrolled(row, vscrollbar_policy=Gtk.PolicyType.NEVER, overlay_scrolling=False)
        return widgets.column(frame, row, self._status, grows=frame)

    # What the user does

    def _response(self, _dialog: Gtk.Dialog, response: int) -> None:
        if response == HELP_RESPONSE:
            self._help()
        elif response == RESET:
            self._controls.reset()
        elif response == Gtk.ResponseType.OK:
            self._retouch()
        elif self._busy:
            self._stop()
        else:
            self._worker.cancel()
            Gtk.main_quit()

    def _key(self, dialog: Gtk.Dialog, event: Any) -> bool:
        focus = dialog.get_focus()
        name = Gdk.keyval_name(Gdk.keyval_to_lower(event.keyval)) or ""
        if name == "F1":
            self._help()
            return True
        modifiers = Gdk.ModifierType.CONTROL_MASK | Gdk.ModifierType.MOD1_MASK
        writing = isinstance(focus, Gtk.Entry)
        if event.state & modifiers or (writing and not isinstance(focus, Gtk.SpinButton)):
            return False
        return self._tools.press(name, writing)

    def _help(self) -> None:
        """Our own page, in the user's language where there is one; it lies beside the plug-in."""
        names = [f"{language.split('_')[0]}.html" for language in GLib.get_language_names()]
        page = next((HELP / name for name in names if (HELP / name).is_file()), HELP / "en.html")
        try:
            Gio.AppInfo.launch_default_for_uri(page.as_uri(), None)
        except GLib.Error:
            self._say(_("No program was found that opens the help page; it is at {0}.").format(page))

    def _changed(self, field: str) -> None:
        choices = self._controls.choices
        if self._analysed_for != self._sent(choices):
            self._analyse()
            return
        if field in ("faces", "all"):
            self._show_ticks()
        self._preview()

    def _sent(self, choices: Choices) -> tuple[str, str, bool]:
        """Return what decides what the server is sent, and for which network."""
        return choices.settings.network, choices.reference, self._has_selection and choices.limits

    def _ticked(self) -> None:
        self._controls.set_ticked(self._picture.ticked())

    def _retouch(self) -> None:
        self._set_busy(True)
        if self._faces is None:
            self._wanted = True
            if self._tools.again.get_visible():  # no analysis is on its way
                self._analyse()
            return
        choices = self._controls.choices
        try:
            settings = self._settings(choices)
            check_found(settings, self._faces, choices)
            if settings.does_nothing:
                raise unchanged()
            self._outcome = outcome = Outcome(self._found, self._how, choices, settings)
        except Problem as problem:
            self._failed("render", problem)
            return
        self._overall = OverallProgress()
        self._worker.render(outcome.renders, lambda results: self._insert(outcome, results))

    def _insert(self, outcome: Outcome, results: list[dict[str, Any]]) -> None:
        if outcome is not self._outcome:  # stopped just before
            return
        outcome.results = results
        if not outcome.changes:
            self._failed("render", unchanged())
            return
        try:
            self._result = outcome.insert(self._image)
        except (Problem, GLib.Error) as fault:
            problem = fault if isinstance(fault, Problem) else Problem("internal", str(fault))
            self._failed("render", problem)
            return
        Gimp.displays_flush()
        Gtk.main_quit()

    def _stop(self) -> None:
        self._worker.cancel()
        stopped = Problem("cancelled", "The retouching was cancelled.")
        self._failed("analyse" if self._faces is None else "render", stopped)

    # The server's side

    def _analyse(self) -> None:
        choices = self._controls.choices
        self._analysed_for = self._sent(choices)
        self._faces = None
        self._picture.forget()
        self._tools.again.hide()
        self._overall = OverallProgress()
        self._portrait.close()
        try:
            portrait = self._portrait.enter_context(opened(choices.reference))
            photograph = photograph_of(self._image, self._found.source, self._how, choices)
        except Problem as problem:
            self._failed("analyse", problem)
            return
        self._say(_("Looking at the picture…"))
        self._worker.analyse(replace(photograph, reference=portrait), choices.settings.network)

    def _analysed(self, work: Any) -> None:
        self._faces = list(work.faces)
        self._tools.again.hide()
        networks = self._worker.networks
        default = next((one["name"] for one in networks if one.get("default")), "")
        chosen = self._controls.choices.settings.network
        self._controls.set_networks([one["name"] for one in networks], chosen, default)
        self._picture.set_faces(self._faces, set())
        self._show_ticks()
        self._picture.show_all()
        self._tools.frames.set_active(len(self._faces) > 1)
        none = " ".join((_("No face was found."), _("It may be too small, turned away or covered.")))
        self._say("" if self._faces else none)
        if self._wanted:
            self._wanted = False
            self._retouch()
        else:
            self._preview()

    def _preview(self) -> None:
        self._tools.show_zoom()
        if self._faces is None or self._busy:
            return
        rect, width, height = self._picture.needed()
        share = min(1.0, (MAX_PREVIEW_BYTES / (3 * width * height)) ** 0.5)
        width, height = max(1, int(width * share)), max(1, int(height * share))
        try:
            settings = self._settings(self._controls.choices)
        except Problem as problem:
            self._failed("preview", problem)
            return
        plane = "own" if self._how.shown else "pixels"
        self._worker.preview(View(rect, (width, height), settings, plane, self._picture.show_mask))

    def _settings(self, choices: Choices) -> Settings:
        """Return what the server is told: the faces by number."""
        return settled(choices, self._image, self._found.source, self._faces or [])

    def _show_ticks(self) -> None:
        if self._faces is not None:
            with contextlib.suppress(Problem):
                self._picture.tick(used(self._settings(self._controls.choices), self._faces))

    def _show_stage(self, stage: str, fraction: float) -> None:
        if stage == "faces" and self._faces is not None and not self._busy:
            return  # every task begins with it, a preview too, for which no face is looked for
        self._tools.bar.show()
        self._tools.bar.set_fraction(self._overall.at(stage, fraction))
        starting = stage == "queue" and self._faces is None
        self._status.set_text(_("Starting the server…") if starting else sentence(STAGES.get(stage, stage)))

    def _same(self, same: bool) -> None:
        """Say it where the settings change nothing that is seen, and no longer when they do."""
        words = problem_text(unchanged())
        if same and self._faces and self._picture.is_fit:
            self._say(words)
        elif self._status.get_text() == words:
            self._say("")

    def _idle(self) -> None:
        self._tools.bar.hide()
        if self._status.get_text() in {sentence(words) for words in STAGES.values()}:
            self._say("")

    def _failed(self, during: str, problem: Problem) -> None:
        self._tools.bar.hide()
        if during == "render" and self._outcome is not None:
            self._outcome.drop()
            self._outcome = None
        self._wanted = False
        self._set_busy(False)
        if during == "analyse" or problem.code in LOST:
            self._faces = None
            self._tools.again.show()
        self._say(problem_text(problem))

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        for widget in (self._controls, self._ok):
            widget.set_sensitive(not busy)
        self._tools.stop.set_visible(busy)

    def _say(self, words: str) -> None:
        self._status.set_text(words or self._note)

    def _show_thumbnail(self) -> None:
        layer = self._found.source
        side = min(THUMBNAIL, max(layer.get_width(), layer.get_height()))
        small = layer.get_thumbnail(side, side, Gimp.PixbufTransparency.KEEP_ALPHA)
        if small is not None:
            self._picture.show_thumbnail(small)
