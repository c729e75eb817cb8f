"""Filters that were programs of their own in GIMP 2, against the numbers that 2.10.34 gave."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

from checking import new_image
from gimpfu import *

PLACES = ((2, 2), (4, 5), (7, 6), (10, 7), (13, 9))
GIMP_2 = (
    ("plug-in-emboss", (30.0, 45.0, 20, 1), ((34,) * 3, (0,) * 3, (180,) * 3, (158,) * 3, (34,) * 3), 0),
    ("plug-in-emboss", (315.0, 45.0, 7, 0), ((0,) * 3, (0,) * 3, (147, 126, 28), (62, 57, 49), (4, 4, 3)), 0),
    (
        "plug-in-softglow",
        (4.0, 0.75, 0.85),
        ((30, 40, 28), (83, 118, 86), (225, 205, 111), (203, 198, 188), (238, 233, 226)),
        3,
    ),
    (
        "plug-in-photocopy",
        (4.0, 0.8, 0.2, 0.2),
        ((220,) * 3, (246,) * 3, (255,) * 3, (236,) * 3, (249,) * 3),
        6,
    ),
    (
        "plug-in-cartoon",
        (3.0, 0.2),
        ((30, 40, 28), (28, 46, 29), (210, 180, 40), (133, 124, 103), (195, 181, 155)),
        3,
    ),
    (
        "plug-in-color-enhance",
        (),
        ((29, 40, 26), (55, 100, 58), (210, 176, 17), (150, 139, 115), (195, 178, 149)),
        0,
    ),
    (
        "plug-in-colorify",
        ((255, 128, 0),),
        ((35, 17, 0), (87, 43, 0), (177, 88, 0), (140, 70, 0), (181, 90, 0)),
        0,
    ),
    (
        "plug-in-fractal-trace",
        (-1.0, 0.5, -1.0, 1.0, 3, 0),
        ((116, 215, 130), (209, 179, 39), (209, 179, 39), (159, 143, 106), (165, 142, 127)),
        0,
    ),
    (
        "plug-in-fractal-trace",
        (-1.0, 0.5, -1.0, 1.0, 3, 2),
        ((0, 0, 0), (209, 179, 39), (209, 179, 39), (159, 143, 106), (165, 142, 127)),
        0,
    ),
)


def picture():
    """Ramps with a yellow block, 16 x 12, without alpha."""
    image = gimp.Image(16, 12, RGB)
    layer = gimp.Layer(image, "ramps", 16, 12, RGB_IMAGE, 100.0, LAYER_MODE_NORMAL)
    image.add_layer(layer)
    data = bytearray()
    for y in range(12):
        for x in range(16):
            data += bytes((210, 180, 40) if 4 <= y < 8 and 5 <= x < 10 else (15 * x, 20 * y, 7 * (x + y)))
    layer.get_pixel_rgn(0, 0, 16, 12)[:, :] = bytes(data)
    layer.flush()
    return image, layer


def check_filters_that_counted_in_bytes():
    wrong = []
    for name, arguments, expected, most in GIMP_2:
        image, layer = picture()
        pdb[name](image, layer, *arguments)
        for (x, y), wanted in zip(PLACES, expected, strict=True):
            got = layer.get_pixel(x, y)
            if max(abs(one - other) for one, other in zip(got, wanted, strict=True)) > most:
                wrong.append((name, arguments, (x, y), got, wanted))
        image.delete()
    assert not wrong, wrong


def check_filters_keep_alpha_and_the_selection():
    for name, arguments, _, _ in GIMP_2[:7]:
        image, layer = picture()
        layer.add_alpha()
        layer.set_pixel(3, 3, (20, 30, 40, 90))
        before = bytes(layer.get_pixel_rgn(0, 0, 16, 12)[:, :])
        pdb.gimp_image_select_rectangle(image, CHANNEL_OP_REPLACE, 2, 2, 8, 6)
        pdb[name](image, layer, *arguments)
        after = bytes(layer.get_pixel_rgn(0, 0, 16, 12)[:, :])
        assert after != before, name
        for place in range(0, len(before), 4):
            x, y = place // 4 % 16, place // 4 // 16
            assert after[place + 3] == before[place + 3], (name, x, y)
            if not (2 <= x < 10 and 2 <= y < 8):
                assert after[place : place + 4] == before[place : place + 4], (name, x, y)
        image.delete()


def check_semi_flatten_puts_the_background_behind_what_is_half_clear():
    image, layer = new_image()
    layer.set_pixel(3, 3, (20, 30, 40, 90))
    layer.set_pixel(4, 3, (20, 30, 40, 255))
    pdb.gimp_context_push()
    gimp.set_background(255, 255, 255)
    pdb.plug_in_semiflatten(image, layer)
    pdb.gimp_context_pop()
    half, opaque, clear = (layer.get_pixel(x, 3) for x in (3, 4, 5))
    assert min(half[:3]) > 200 and half[3] == 255, half
    assert opaque == (20, 30, 40, 255) and clear[3] == 0
    image.delete()


def check_layer_is_active_again_when_the_saved_selection_is_gone():
    image, layer = new_image()
    other = layer.copy()
    image.add_layer(other, 0)
    image.active_layer = layer
    saved = pdb.gimp_selection_save(image)
    assert image.active_layer is None and image.active_channel == saved
    pdb.gimp_image_remove_channel(image, saved)
    assert image.active_layer == layer and image.active_channel is None
    channel = gimp.Channel(image, "one", 40, 30, 50.0, (0, 0, 0))
    image.add_channel(channel)
    image.remove_channel(channel)
    assert image.active_layer == layer
    image.delete()


def check_decompose_by_gimp_2s_names():
    image, layer = new_image()
    layer.set_pixel(5, 5, (200, 100, 50, 255))
    whole, *_ = pdb.plug_in_decompose(image, layer, "YCbCr_ITU_R470", 1)
    assert len(whole.layers) == 3
    before = len(gimp.image_list())
    green, *rest = pdb.plug_in_decompose(image, layer, "Green", 0)
    assert rest == [None] * 3 and len(gimp.image_list()) == before + 1
    assert abs(green.layers[0].get_pixel(5, 5)[0] - 100) <= 1, green.layers[0].get_pixel(5, 5)
    for one in (image, whole, green):
        one.delete()


def check_lighting_has_gimp_2s_arguments():
    image, layer = picture()
    light = (0, 0, False, False, 0, 0, (1.0, 1.0, 1.0), -1.0, -1.0, 1.0, -1.0, -1.0, 1.0)
    pdb.plug_in_lighting(image, layer, *light, 5.0, 0.2, 0.4, 0.5, 27.0, False, False, False)
    assert layer.get_pixel(7, 6) != (210, 180, 40)
    image.delete()


def check_reversed_layers():
    image, layer = new_image()
    for name in ("second", "third"):
        more = layer.copy()
        more.name = name
        image.add_layer(more, 0)
    pdb.script_fu_reverse_layers(image, layer)
    assert [one.name for one in image.layers] == ["first", "second", "third"]
    image.delete()


def check_a_text_layers_two_kinds_of_size():
    image, _ = new_image()
    text = pdb.gimp_text_fontname(image, None, 0, 0, "words", 0, True, 12, PIXELS, "Sans-serif")
    text.resize(30, 20, 2, 3)
    assert (text.width, text.height) == (30, 20)
    image.delete()
