"""Shows a photo in GIMP's window, runs the filter from its dialog, waits for an undo and
runs it once more with the last values. Executed by GIMP; the test answers from outside."""

import os
import time

import support
from gi.repository import Gimp


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def mark(name):
    with open(f"{support.WORK}/{name}", "w", encoding="utf-8") as file:
        file.write("")


def settings(layer):
    parasite = layer.get_parasite("studio-portrait")
    return bytes(parasite.get_data()).decode()


image = support.load(support.JOB["photo"])
layer = image.get_layers()[0]
Gimp.Display.new(image)
Gimp.displays_flush()
mark("shown")
wait_for(lambda: os.path.exists(f"{support.WORK}/go"))
told = {}
status, new = support.outcome(
    support.call(support.FILTER, run_mode=Gimp.RunMode.INTERACTIVE, image=image, drawables=[layer])
)
told["interactive"] = [status, settings(new) if status == "success" else new]
mark("retouched")
wait_for(lambda: len(image.get_layers()) == 1)
told["undone"] = [item.get_name() for item in image.get_layers()]
status, new = support.outcome(
    support.call(support.FILTER, run_mode=Gimp.RunMode.WITH_LAST_VALS, image=image, drawables=[layer])
)
told["last_values"] = [status, settings(new) if status == "success" else new]
status, message = support.outcome(
    support.call(support.FILTER, run_mode=Gimp.RunMode.INTERACTIVE, image=image, drawables=[layer])
)
told["dismissed"] = [status, len(image.get_layers())]
wall = Gimp.Image.new(200, 200, Gimp.ImageBaseType.RGB)
blank = Gimp.Layer.new(wall, "blank", 200, 200, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
wall.insert_layer(blank, None, 0)
Gimp.Display.new(wall)
Gimp.displays_flush()
mark("blank")
wait_for(lambda: os.path.exists(f"{support.WORK}/read"))
told["blank"] = len(wall.get_layers())
support.tell(told)
