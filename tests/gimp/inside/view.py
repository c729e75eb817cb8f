"""The dialog's picture in a window of its own: where it looks, what it draws. Executed by GIMP."""

import sys

import support
from gi.repository import Gimp

sys.path.insert(0, f"{Gimp.directory()}/plug-ins/studio_portrait")
import ui  # noqa: E402, F401
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402

GimpUi.init("studio-portrait-view")
from ui.picture import PictureView  # noqa: E402

SIZE = (1000, 500)
told = {"needed": [], "ticks": 0}


def settle():
    """Let GTK do all that it has to do."""
    until = GLib.get_monotonic_time() + 300_000
    while GLib.get_monotonic_time() < until:
        Gtk.main_iteration_do(False)


def pixel(x, y):
    image = view._image.get_gicon()[0]
    place = y * image.get_rowstride() + 3 * x
    return list(image.get_pixels()[place : place + 3])


def tick():
    told["ticks"] += 1


view = PictureView(SIZE, lambda: None, tick)
view.set_size_request(400, 300)
window = Gtk.Window(type=Gtk.WindowType.POPUP)
window.add(view)
window.show_all()
settle()
told["size"] = list(view._screen())
whole = (0, 0, *SIZE)
view.show_tile(whole, "before", 400, 200, bytes((255, 0, 0)) * 400 * 200)
view.show_tile(whole, "after", 400, 200, bytes((0, 0, 255)) * 400 * 200)
view.show_tile(whole, "mask", 400, 200, bytes((200,)) * 400 * 200)
settle()
told["split"] = [pixel(50, 150), pixel(350, 150), pixel(50, 10)]
view.show_before = True
view.redraw()
settle()
told["before"] = pixel(350, 150)
view.show_before, view.show_mask = False, True
view.redraw()
settle()
told["mask"] = pixel(350, 150)
view.show_mask = False
told["fit"] = [view.needed(), view.zoom]
view.set_zoom(1.0)
told["whole pixels"] = [view.needed(), view.zoom]
view.pan(-10_000, 0)
told["left edge"] = view.needed()[0]
view.set_zoom(2.0, (0, 0))
told["twice, corner kept"] = view.needed()
view.fit()
told["fit again"] = view.needed()[0]
view.set_faces([{"box": {"x": 100, "y": 100, "width": 200, "height": 200}}] * 2, {1})
view.frames = True
view.show_all()
settle()
told["ticked"] = view.ticked()
view._ticks[0].clicked()
told["after click"] = [view.ticked(), told["ticks"]]
view.tick({0})
told["set"] = [view.ticked(), told["ticks"]]
support.tell(told)
