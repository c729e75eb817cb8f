"""Plays the user in the real dialog: what the server loses, what is stopped, what a selection does.
Executed by GIMP."""

import os
import signal
import sys
import time
import traceback

import support
from gi.repository import Gimp

sys.path.insert(0, f"{Gimp.directory()}/plug-ins/studio_portrait")
import ui  # noqa: E402, F401
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402

GimpUi.init("studio-portrait-dialog")
import origin  # noqa: E402
from choices import Choices  # noqa: E402
from link import runtime  # noqa: E402
from link.wire import Settings  # noqa: E402
from ui import memory  # noqa: E402
from ui.window import Window  # noqa: E402

WIDTH, SELECTED = support.JOB["photo"]["width"], support.JOB["selected"]


def wait(condition, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        Gtk.main_iteration_do(False)
        time.sleep(0.002)


def rest(seconds):
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def analysed(window):
    wait(lambda: window._faces is not None)


def said(window):
    return window._status.get_text()


def retouch(window):
    window._response(None, Gtk.ResponseType.OK)


def changed(image):
    """How many bytes the result changed left and right of the selection's edge."""
    result, source = (support.read(layer) for layer in image.get_layers())
    sides = [0, 0]
    for place, pair in enumerate(zip(result, source, strict=True)):
        sides[place // 3 % WIDTH >= SELECTED] += pair[0] != pair[1]
    return sides


def server_lost(window, image):
    analysed(window)
    os.kill(runtime.Runtime.read(runtime.state_folder()).pid, signal.SIGKILL)
    window._controls._adjustments["shine"].set_value(90)
    wait(window._tools.again.get_visible)
    told = {"said": said(window)}
    retouch(window)
    wait(lambda: window._result is not None or (window._tools.again.get_visible() and not window._busy))
    return {**told, "layers": len(image.get_layers())}


def stopped_rendering(window, image):
    analysed(window)
    retouch(window)
    wait(lambda: "render" not in window._worker._requests)  # the thread has begun
    window._stop()
    retouch(window)
    wait(lambda: not window._busy or window._result is not None)
    return {"said": said(window), "changed": changed(image)}


def stopped_analysis(window, image):
    """Twice the button Retouch while the picture is still being looked at, then Stop."""
    count, analyse = [], window._analyse
    window._analyse = lambda: (count.append(1), analyse())
    retouch(window)
    window._stop()
    told = {"again": window._tools.again.get_visible(), "busy": window._busy, "analyses": [len(count)]}
    retouch(window)
    window._stop()
    told["analyses"].append(len(count))
    window._tools.again.clicked()
    analysed(window)
    rest(2)
    return {**told, "layers": len(image.get_layers())}


def after_choosing(faces, window, image):
    analysed(window)
    window._controls._faces.set_active_id(faces)
    analysed(window)
    retouch(window)
    wait(lambda: window._result is not None)
    return changed(image)


def faces_by_selection(window, image):
    return after_choosing("selection", window, image)


def within_selection(window, image):
    return after_choosing("all", window, image)


def selection_outside(window, image):
    analysed(window)
    window._controls._limit.set_active(False)
    analysed(window)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, WIDTH + 5, 5, 10, 10)
    window._controls._limit.set_active(True)
    told = [said(window)]
    retouch(window)
    wait(lambda: not window._busy or window._result is not None)
    return {"said": [*told, said(window)], "layers": len(image.get_layers())}


def nothing_ticked(window, image):
    analysed(window)
    window._controls.set_ticked(())
    retouch(window)
    told = {"said": said(window), "limit": window._controls.choices.limit}
    memory.save(window._controls.choices, {})
    told["faces"] = memory.load()[0].settings.faces
    return told


def image_closed(window, image):
    analysed(window)
    image.delete()
    retouch(window)
    return {"said": said(window), "busy": window._busy}


def image_closed_meanwhile(window, image):
    analysed(window)
    retouch(window)
    wait(lambda: "render" not in window._worker._requests)
    image.delete()
    wait(lambda: not window._busy)
    return {"said": said(window)}


def selection_gone(window, image):
    """And the picture analysed anew after that."""
    analysed(window)
    Gimp.Selection.none(image)
    window._analyse()
    analysed(window)
    return {"said": said(window), "frames": len(window._picture._ticks)}


def play(act, selected=False, **chosen):
    image, layer = support.make_image(support.JOB["photo"])
    if selected:
        image.resize(WIDTH + 50, image.get_height(), 0, 0)
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, SELECTED, image.get_height())
    window = Window(image, origin.find(image, layer), Choices(**chosen), {})

    def run():
        try:
            told[act.__name__] = act(window, image)
        except Exception:
            told[act.__name__] = {"crash": traceback.format_exc(), "said": said(window)}
        Gtk.main_quit()
        return False

    GLib.idle_add(run)
    window.run()
    window._worker.close()
    window._dialog.destroy()
    if image.is_valid():
        image.delete()


told = {}
play(stopped_rendering)
play(stopped_analysis)
play(faces_by_selection, selected=True)
play(within_selection, selected=True, settings=Settings(faces="selection"))
play(selection_outside, selected=True)
play(nothing_ticked, limit="yes")
play(image_closed)
play(image_closed_meanwhile, output="group")
play(selection_gone, selected=True, settings=Settings(faces="selection"))
play(server_lost)
support.tell(told)
