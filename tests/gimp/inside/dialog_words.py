"""Builds the dialog, tells every text in it, and how the server's sentences come out. Executed by GIMP."""

import json
import sys
import types

import support
from gi.repository import Gimp

sys.path.insert(0, f"{Gimp.directory()}/plug-ins/studio_portrait")
import ui  # noqa: E402, F401
from gi.repository import GimpUi, Gtk  # noqa: E402


def texts(widget):
    found = [widget.get_tooltip_text()]
    if isinstance(widget, Gtk.Window):
        found.append(widget.get_title())
    if isinstance(widget, Gtk.Label):
        found.append(widget.get_text())
    if isinstance(widget, Gtk.ComboBoxText):
        found += [row[0] for row in widget.get_model()]
        active = widget.get_active()
        for index in range(len(widget.get_model())):  # each choice has its own explanation
            widget.set_active(index)
            found.append(widget.get_tooltip_text())
        widget.set_active(active)
    elif isinstance(widget, Gtk.Container):
        widget.forall(lambda child: found.extend(texts(child)))
    return found


GimpUi.init("studio-portrait-words")
import origin  # noqa: E402
import progress  # noqa: E402
import translation  # noqa: E402
from choices import Choices  # noqa: E402
from link.wire import STAGES  # noqa: E402
from ui.window import Window  # noqa: E402

image, layer = support.make_image(support.JOB["photo"])
window = Window(image, origin.find(image, layer), Choices(), {})
shown = [text for text in texts(window._dialog) if text]
for stage in STAGES:
    window._show_stage(stage, 0.5)
    shown.append(window._status.get_text())
window._worker.close()
# GIMP's own bar does not tell what stands in it.
ignore = lambda share: None  # noqa: E731
progress.Gimp = types.SimpleNamespace(
    progress_init=shown.append, progress_set_text=shown.append, progress_update=ignore
)
bar = progress.Bar()
for stage in STAGES:
    bar.show(stage, 0.5)
with open(support.JOB["templates"], encoding="utf-8") as file:
    sentences = {text: translation.sentence(text.format("7", "8", "9", "10")) for text in json.load(file)}
support.tell({"shown": shown, "sentences": sentences})
