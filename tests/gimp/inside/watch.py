"""Shows a photo in GIMP's window, tells again and again what its layers are until the test has seen enough.
Executed by GIMP; the test plays the user from outside."""

import json
import os
import time

import support
from gi.repository import Gimp


def described(layer):
    parasite = layer.get_parasite("studio-portrait")
    account = json.loads(bytes(parasite.get_data())) if parasite else None
    return {
        "id": layer.get_id(),
        "name": layer.get_name(),
        "children": [described(child) for child in layer.get_children()] if layer.is_group() else None,
        "opacity": layer.get_opacity(),
        "account": account,
    }


def tell(state):
    beside = support.JOB["result"] + ".new"
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(beside, support.JOB["result"])


image = support.load(support.JOB["photo"])
if "precision" in support.JOB:
    image.convert_precision(getattr(Gimp.Precision, support.JOB["precision"]))
Gimp.Display.new(image)
Gimp.displays_flush()
deadline = time.monotonic() + support.JOB["seconds"]
known = None
while time.monotonic() < deadline and not os.path.exists(f"{support.WORK}/enough"):
    layers = [described(layer) for layer in image.get_layers()] if image.is_valid() else None
    state = {
        "layers": layers,
        "channels": [item.get_name() for item in image.get_channels()] if layers else [],
    }
    if state != known:
        known = state
        tell(state)
    time.sleep(0.15)
