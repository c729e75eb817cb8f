"""Calls the old scripts of ``tests/gimpfu/old`` and tells what they did. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import sys
import traceback

import support

sys.path.insert(0, support.JOB["package"])

from gi.repository import Gimp  # noqa: E402
from gimpfu import *  # noqa: E402
from gimpfu import patches  # noqa: E402

patches.apply()


def image_of(width, height):
    image = gimp.Image(width, height, RGB)
    layer = gimp.Layer(image, "ground", width, height, RGB_IMAGE, 100.0, NORMAL_MODE)
    image.add_layer(layer)
    layer.get_pixel_rgn(0, 0, width, height)[:, :] = bytes([10, 20, 30]) * (width * height)
    return image, layer


def python_2_text():
    return pdb.python_fu_text_of_python_2()


def division():
    image, layer = image_of(65, 50)
    return [pdb.python_fu_halve(image, layer), image.width, image.height]


def spinners():
    return [pdb.python_fu_spin(), pdb.python_fu_spin(run_mode=RUN_WITH_LAST_VALS)]


def regions():
    image, layer = image_of(80, 40)
    return pdb.python_fu_invert_region(image, layer)


def procedures():
    image, layer = image_of(64, 48)
    returned = pdb.python_fu_draw(image, layer, 8)
    names = [one.name for one in image.layers]
    soft = image.layers[1]
    return [
        returned,
        names,
        layer.get_pixel(5, 5),
        layer.get_pixel(25, 10),
        layer.get_pixel(60, 40),
        int(soft.mode),
    ]


def image_only():
    image, layer = image_of(8, 8)
    pdb.python_fu_on_image_only(image, "given")
    return layer.name


def menus():
    names = ("halve", "draw", "on-image-only", "text-of-python-2")
    found = [Gimp.get_pdb().lookup_procedure(f"python-fu-{name}") for name in names]
    return [[one.get_menu_label(), one.get_menu_paths()] for one in found]


def swallowed():
    return pdb.python_fu_swallow()


def files():
    path = support.WORK + "/a.dots"
    with open(path, "wb") as file:
        file.write(b"DOTS\x03\x00\x02\x00" + bytes([1, 2, 3, 40, 50, 60]))
    image = pdb.gimp_file_load(path, path)
    copy = support.WORK + "/b.dots"
    pdb.gimp_file_save(image, image.layers[0], copy, copy)
    with open(copy, "rb") as file:
        again = list(file.read())
    return [image.width, image.height, image.layers[0].get_pixel(2, 1), again]


def second():
    return pdb.python_fu_from_the_second_folder()


def listed():
    return pdb.python_fu_old_scripts()


told = {}
for check in (
    python_2_text,
    division,
    spinners,
    regions,
    procedures,
    image_only,
    menus,
    swallowed,
    files,
    second,
    listed,
):
    try:
        told[check.__name__] = check()
    except Exception:
        told[check.__name__] = traceback.format_exc()
support.tell(told)
