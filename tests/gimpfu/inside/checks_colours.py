"""Colour procedures against the numbers that GIMP 2.10.34 gave for the same pixels."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

from checking import new_image
from gi.repository import Gimp
from gimpfu import *

SOURCE = ((42, 211, 73), (210, 180, 40), (182, 182, 182))
SQUARES = [value * value // 255 for value in range(256)]
GIMP_2 = (
    ("gimp-brightness-contrast", (40, -30), ((92, 189, 110), (189, 171, 91), (173, 173, 173))),
    ("gimp-brightness-contrast", (-60, 80), ((0, 240, 0), (237, 161, 0), (166, 166, 166))),
    ("gimp-brightness-contrast", (0, -127), ((128, 128, 128), (128, 128, 128), (128, 128, 128))),
    ("gimp-levels", (0, 20, 220, 1.4, 10, 250), ((60, 242, 103), (241, 215, 56), (216, 216, 216))),
    ("gimp-levels", (0, 10, 200, 2.2, 240, 20), ((142, 20, 107), (20, 31, 145), (30, 30, 30))),
    ("gimp-levels", (1, 0, 128, 1.0, 0, 255), ((84, 211, 73), (255, 180, 40), (255, 182, 182))),
    ("gimp-levels", (2, 60, 255, 0.7, 0, 200), ((42, 139, 73), (210, 100, 40), (182, 102, 182))),
    ("gimp-levels", (3, 0, 255, 3.0, 30, 255), ((42, 211, 178), (210, 180, 151), (182, 182, 231))),
    (
        "gimp-curves-spline",
        (0, 6, (0, 0, 96, 160, 255, 240)),
        ((82, 227, 133), (226, 215, 79), (216, 216, 216)),
    ),
    (
        "gimp-curves-spline",
        (2, 8, (0, 20, 70, 40, 180, 220, 255, 255)),
        ((42, 245, 73), (210, 220, 40), (182, 222, 182)),
    ),
    ("gimp-curves-explicit", (0, 256, SQUARES), ((6, 174, 20), (172, 127, 6), (129, 129, 129))),
    ("gimp-curves-explicit", (3, 256, SQUARES), ((42, 211, 20), (210, 180, 6), (182, 182, 129))),
    ("gimp-hue-saturation", (0, 30.0, 10.0, 40.0), ((19, 247, 175), (173, 249, 14), (186, 186, 186))),
    ("gimp-hue-saturation", (0, -90.0, 0.0, 0.0), ((211, 158, 42), (210, 40, 155), (182, 182, 182))),
    ("gimp-hue-saturation", (0, 0.0, -30.0, 0.0), ((36, 179, 62), (179, 153, 34), (155, 155, 155))),
    ("gimp-hue-saturation", (2, 40.0, 30.0, -50.0), ((42, 211, 73), (145, 182, 107), (182, 182, 182))),
)


def painted(pixels):
    image, layer = new_image(len(pixels), 1)
    for x, pixel in enumerate(pixels):
        pdb.gimp_drawable_set_pixel(layer, x, 0, 4, (*pixel, 255))
    return image, layer


def read(layer):
    return tuple(pdb.gimp_drawable_get_pixel(layer, x, 0)[1] for x in range(layer.width))


def check_colours_are_gimp_2s():
    before = len(gimp.image_list())
    wrong = []
    for name, arguments, expected in GIMP_2:
        image, layer = painted(SOURCE)
        pdb[name](layer, *arguments)
        for got, wanted in zip(read(layer), expected, strict=True):
            if max(abs(one - other) for one, other in zip(got, (*wanted, 255), strict=True)) > 1:
                wrong.append((name, arguments[:3], got, wanted))
        image.delete()
    assert not wrong, wrong
    assert len(gimp.image_list()) == before, "no image of its own is left"


def check_colours_in_every_kind_of_drawable():
    for precision in (Gimp.Precision.U16_NON_LINEAR, Gimp.Precision.FLOAT_LINEAR):
        image, layer = painted(SOURCE)
        image.convert_precision(precision)
        pdb.gimp_levels(layer, 0, 20, 220, 1.4, 10, 250)
        image.convert_precision(Gimp.Precision.U8_NON_LINEAR)
        got = [value for pixel in read(layer) for value in pixel[:3]]
        wanted = [60, 242, 103, 241, 215, 56, 216, 216, 216]
        assert max(abs(one - other) for one, other in zip(got, wanted, strict=True)) <= 1, (precision, got)
        image.delete()
    image, layer = painted(SOURCE)
    pdb.gimp_image_convert_grayscale(image)
    old = read(layer)
    pdb.gimp_levels(layer, 0, 0, 255, 1.0, 0, 128)
    for (value, alpha), (was, _) in zip(read(layer), old, strict=True):
        assert abs(value - was * 128 / 255) <= 1 and alpha == 255, (value, was)
    image.delete()


def check_colours_within_the_selection():
    image, layer = painted(SOURCE)
    pdb.gimp_image_select_rectangle(image, CHANNEL_OP_REPLACE, 1, 0, 1, 1)
    pdb.gimp_levels(layer, 0, 20, 220, 1.4, 10, 250)
    got = read(layer)
    assert [got[0][:3], got[2][:3]] == [SOURCE[0], SOURCE[2]], got
    assert max(abs(one - other) for one, other in zip(got[1], (241, 215, 56, 255), strict=True)) <= 1, got
    pdb.gimp_image_select_rectangle(image, CHANNEL_OP_REPLACE, 0, 0, 2, 1)
    pdb.gimp_levels_stretch(layer)
    assert read(layer)[2][:3] == SOURCE[2] and read(layer)[0][:3] != SOURCE[0], read(layer)
    image.delete()


def check_levels_stretch_is_gimp_2s():
    """From a channel's least and largest stored value to 0 and 255, the middle in proportion."""
    image, layer = painted(((20, 20, 20), (70, 70, 70), (120, 120, 120)))
    pdb.gimp_levels_stretch(layer)
    got = [pixel[0] for pixel in read(layer)]
    assert got[0] <= 2 and got[2] >= 253 and abs(got[1] - 127) <= 3, got
    image.delete()
