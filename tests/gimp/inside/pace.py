"""How long the dialog takes to its first preview and to follow a slider, and what memory it takes.
Executed by GIMP."""

import os
import sys
import time

import support
from gi.repository import Gimp

image = support.load(support.JOB["photo"])


def memory(process="self", kind="VmHWM"):
    """MB of a process: of this one the most so far, of GIMP's now; 0 where there is no /proc."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(kind))
    except OSError:
        return 0.0


def gimp():
    """MB of GIMP's own process, which holds the picture."""
    return memory(os.getppid(), "VmRSS")


before, gimp_before = memory(), gimp()
sys.path.insert(0, f"{Gimp.directory()}/plug-ins/studio_portrait")
begin = time.perf_counter()
import ui  # noqa: E402, F401
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402

GimpUi.init("studio-portrait-pace")
import origin  # noqa: E402
from choices import Choices  # noqa: E402
from ui.window import Window  # noqa: E402

told = {
    "first_s": None,
    "moves_ms": [],
    "words": [],
    "later": [],
    "gimp_before_mb": gimp_before,
    "gimp_mb": gimp_before,
}
values = iter([40 + 3 * n for n in range(support.JOB["moves"])])
moved = 0.0


def move():
    global moved
    value = next(values, None)
    if value is None:
        Gtk.main_quit()
        return False
    moved = time.perf_counter()
    window._controls._adjustments["shine"].set_value(value)
    return False


def tile(rect, kind, width, height, data):
    show(rect, kind, width, height, data)
    global moved
    if kind != "after":
        return
    now = time.perf_counter()
    told["gimp_mb"] = max(told["gimp_mb"], gimp())
    if told["first_s"] is None:
        told["first_s"], told["size"] = now - begin, [width, height]
    elif moved:
        told["moves_ms"].append(1000 * (now - moved))
        moved = 0.0
    else:
        return  # shown again because the window has another size, not because a slider was moved
    GLib.timeout_add(150, move)


from ui.picture import PictureView  # noqa: E402

show = None
original = PictureView.show_tile


def patched(self, *arguments):
    global show
    show = lambda *rest: original(self, *rest)  # noqa: E731
    tile(*arguments)


PictureView.show_tile = patched
told["draws"], draw = 0, PictureView._draw


def counted(self):
    told["draws"] += 1
    return draw(self)


PictureView._draw = counted


def look():
    words = window._status.get_text()
    said = told["words" if told["first_s"] is None else "later"]
    if words and words not in said:
        said.append(words)
    return True


window = Window(image, origin.find(image, image.get_layers()[0]), Choices(), {})
GLib.timeout_add(20, look)
GLib.timeout_add_seconds(120, Gtk.main_quit)
window.run()
told["memory_mb"] = memory() - before
told["gimp_mb"] = max(told["gimp_mb"], gimp())
window._worker.close()
support.tell(told)
