"""What the checks of gimpfu share. Imported first: it makes the package under test importable."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import sys

import support

sys.path.insert(0, support.JOB["package"])

from gimpfu import *  # noqa: E402
from gimpfu import patches  # noqa: E402

patches.apply()


def new_image(width=40, height=30):
    image = gimp.Image(width, height, RGB)
    layer = gimp.Layer(image, "first", width, height, RGBA_IMAGE, 100.0, LAYER_MODE_NORMAL)
    image.add_layer(layer)
    return image, layer


def raises(function, *arguments, **named):
    """The text of the `error` that it raises."""
    try:
        function(*arguments, **named)
    except error as problem:
        return str(problem)
    raise AssertionError("nothing was raised")
