#!/usr/bin/env python3
"""A gimpfu script with a parameter of every kind; its procedures say what they were given."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import json
import os

from gimpfu import *

KINDS = [
    (PF_INT, "number", "A number", "42"),
    (PF_FLOAT, "factor", "A factor", 0.5),
    (PF_STRING, "words", "Some words", "hello"),
    (PF_TEXT, "lines", "Some lines", "one\ntwo"),
    (PF_TOGGLE, "on", "On", True),
    (PF_BOOL, "off", "Off", False),
    (PF_OPTION, "option", "An option", 1, ["First", "Second", "Third"]),
    (PF_RADIO, "radio_text", "Words", "b", (("The a", "a"), ("The b", "b"))),
    (PF_RADIO, "radio_number", "Numbers", 20, (("Ten", 10), ("Twenty", 20))),
    (PF_SLIDER, "slider", "A slider", 30, (0, 100, 1)),
    (PF_SPINNER, "spinWhole", "A whole spinner", 7, (1, 9, 1)),
    (PF_SPINNER, "spin_part", "A spinner", 2.5, (0, 10, 0.5)),
    (PF_COLOR, "colour", "A colour", (255, 128, 0)),
    (PF_FILE, "file", "A file", "/etc/passwd"),
    (PF_FILENAME, "filename", "A file name", "/nowhere/picture.png"),
    (PF_DIRNAME, "folder", "A folder", "/tmp"),
    (PF_FILE, "in_folder", "A folder, too", "/usr/"),
]


def told(value):
    return list(value) if isinstance(value, gimpcolor.RGB) else value


def kinds(*values):
    names = [entry[1] for entry in KINDS]
    assert len(values) == len(names)
    pairs = zip(names, values, strict=True)
    return json.dumps({name: [type(value).__name__, told(value)] for name, value in pairs})


def on_layer(image, layer, amount):
    layer.name = f"{layer.name} {amount}"
    layer.opacity = 40.0
    return layer


def several(image):
    return image.width, "two", image.layers[0]


def nothing(image):
    image.active_layer.name = "nothing"


def dot(image, layer):
    layer.get_pixel_rgn(0, 0, layer.width, layer.height)[7, 7] = bytes([1, 2, 3, 255])


def shelved(key, number):
    import gimpfu.gimpshelf as gimpshelf

    before = gimpshelf.shelf.get(key, 0)
    gimpshelf.shelf[key] = number
    return before


def objects(image, layer, *given):
    return ", ".join(getattr(one, "name", str(one)) for one in given)


def broken():
    return 1 / 0


def refusing():
    raise error("The moon is not full. Wait a week.")


def failing():
    fail("This failed on purpose.")


def cancelled():
    raise CancelError("never mind")


def leaving():
    raise SystemExit("out of paper")


IMAGE = (PF_IMAGE, "image", "Image", None)
LAYER = (PF_DRAWABLE, "drawable", "Layer", None)
WHO = ("Blurb", "Help", "Author", "Copyright", "2026")

register(
    "kinds",
    *WHO,
    "Kinds...",
    "",
    KINDS,
    [(PF_STRING, "told", "What came")],
    kinds,
    menu="<Image>/Filters/Test/",
)
register(
    "on_layer",
    *WHO,
    "On layer",
    "*",
    [IMAGE, LAYER, (PF_INT, "amount", "Amount", 3)],
    [(PF_LAYER, "layer", "The layer")],
    on_layer,
    menu="<Image>/Filters/Test",
)
register(
    "python-several",
    *WHO,
    "Several",
    "RGB*",
    [IMAGE],
    [(PF_INT, "width", "Width"), (PF_STRING, "word", "Word"), (PF_LAYER, "layer", "Layer")],
    several,
)
LOOSE = [(PF_INT, "a", "A"), (PF_FLOAT, "b", "B"), (PF_STRING, "c", "C"), (PF_COLOR, "d", "D")]
register("loose", *WHO, "Loose", "", [], LOOSE, lambda: (3.7, "2.5", 5, (255, 0, 0)))
register("nothing", *WHO, "Nothing", "*", [IMAGE], [], nothing)
register("dot", *WHO, "Dot", "*", [IMAGE, LAYER], [], dot)
register("old_style", *WHO, "<Image>/Filters/Test/Old style", "*", [], [], lambda image, drawable: None)
register(
    "foreign_catalogue",
    *WHO,
    "Without its catalogue",
    "",
    [],
    [],
    lambda: None,
    menu="<Image>/Filters/Test",
    domain=("gimp20-python", gimp.locale_directory),
)
register(
    "own_catalogue",
    *WHO,
    "Sharper",
    "",
    [],
    [],
    lambda: None,
    menu="<Image>/Filters/Test",
    domain=("kinds", os.path.join(os.path.dirname(__file__), "locale")),
)
OBJECTS = [
    (PF_VECTORS, "way", "Path", None),
    (PF_IMAGE, "source", "Source", None),
    (PF_LAYER, "other", "Layer", None),
    (PF_CHANNEL, "mask", "Channel", None),
    (PF_DRAWABLE, "ground", "Drawable", None),
    (PF_SPINNER, "count", "Count", 7, (1, 9, 1)),
]
register(
    "objects",
    *WHO,
    "Objects",
    "*",
    [IMAGE, LAYER, *OBJECTS],
    [(PF_STRING, "told", "What came")],
    objects,
)
SHELVED = [(PF_STRING, "key", "Key", ""), (PF_INT, "number", "Number", 0)]
register("shelved", *WHO, "Shelved", "", SHELVED, [(PF_INT, "before", "Before")], shelved)
OTHER = (PF_IMAGE, "other", "Other image", None)
register("old_with_image", *WHO, "<Image>/Filters/Test/Other...", None, [OTHER], [], lambda *given: None)
register("old_toolbox", *WHO, "<Toolbox>/Xtns/Test/Made", "", [], [], lambda: None)
register("languages", *WHO, "Speak", "", [], [], lambda: None, menu="<Toolbox>/Xtns/Languages/Python-Fu")
register("at_the_top", *WHO, "Top", "", [], [], lambda: None, menu="<Toolbox>")
register("renamed_place", *WHO, "Ways", "*", [IMAGE], [], lambda image: None, menu="<Vectors>/Test")
for function in (broken, refusing, failing, cancelled, leaving):
    register(function.__name__, *WHO, f"{function.__name__.title()} one...", "", [], [], function)

main()
