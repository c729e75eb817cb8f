"""Module gimp, images, layers and pixels; each function is one check. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import os

import gimpfu
import support
from checking import new_image, raises
from gi.repository import Gimp
from gimpfu import *


def check_star_exports():
    for name in ("register", "main", "pdb", "gimp", "PF_IMAGE", "N_", "fail", "error", "math"):
        assert name in gimpfu.__all__ and name in globals(), name
    assert "_" not in gimpfu.__all__, "it would hide what gettext.install() made"
    import gimpcolor as by_name

    assert by_name.RGB is gimpcolor.RGB


def check_constants_have_gimp_2s_numbers():
    assert (FILL_WHITE, WHITE_FILL, TRANSPARENT_FILL, FILL_PATTERN) == (2, 2, 3, 4)
    assert (REPEAT_SAWTOOTH, REPEAT_TRUNCATE, SELECT_CRITERION_A, CONVERT_PALETTE_WEB) == (1, 3, 7, 2)
    assert (FG_BUCKET_FILL, FG_BG_RGB_MODE, FG_TRANSPARENT_MODE, ALL_HUES, INTERPOLATION_LANCZOS) == (
        0,
        0,
        2,
        0,
        3,
    )
    assert RGBA_IMAGE == Gimp.ImageType.RGBA_IMAGE and CLIP_TO_IMAGE == Gimp.MergeType.CLIP_TO_IMAGE
    assert NORMAL_MODE == Gimp.LayerMode.NORMAL_LEGACY and LAYER_MODE_NORMAL == Gimp.LayerMode.NORMAL
    assert (TRUE, FALSE) == (1, 0) and PDB_INT32 == 0 and PDB_IMAGE == 13


def check_fills_by_number_and_by_name():
    image, layer = new_image()
    black, white = (0, 0, 0, 255), (255, 255, 255, 255)
    for fill, seen in ((0, black), (2, white), (FILL_WHITE, white), (WHITE_FILL, white), (3, (0, 0, 0, 0))):
        gimp.set_foreground(0, 0, 0)
        layer.fill(fill)
        pixel = layer.get_pixel(3, 3)
        assert pixel == seen or (seen[3] == pixel[3] == 0), (fill, pixel)
        layer.fill(0)
        pdb.gimp_drawable_fill(layer, fill)
        assert layer.get_pixel(3, 3)[3] == seen[3] and (not seen[3] or layer.get_pixel(3, 3) == seen)
        layer.fill(FOREGROUND_FILL)
        pdb.gimp_edit_fill(layer, fill)
        assert seen[3] == 0 or layer.get_pixel(3, 3) == seen, (fill, layer.get_pixel(3, 3))
    image.delete()


def check_image_attributes():
    image, layer = new_image()
    assert (image.width, image.height, image.base_type) == (40, 30, RGB)
    assert [item.name for item in image.layers] == ["first"]
    assert image.active_layer == layer and image.active_drawable == layer
    second = layer.copy()
    second.name = "second"
    image.insert_layer(second)
    assert [item.name for item in image.layers] == ["second", "first"]
    image.active_layer = layer
    assert image.active_layer.name == "first"
    image.filename = "/tmp/somewhere.xcf"
    assert image.filename == "/tmp/somewhere.xcf" and image.uri == "file:///tmp/somewhere.xcf"
    assert image in gimp.image_list() and gimp.image_list()[0].ID >= image.ID
    assert isinstance(image, gimp.Image) and not isinstance(image, gimp.Layer)
    assert type(image) == gimp.Image and not type(image) != gimp.Image  # noqa: E721, SIM202 - as old scripts ask
    assert type(image) != gimp.Layer and gimp.Image != gimp.Layer and gimp.Image == gimp.Image  # noqa: E721
    gimp.delete(image)
    assert image not in gimp.image_list()


def check_new_items_go_above_the_active_one():
    image = gimp.Image(8, 8, RGB)
    a, b, c, d = (gimp.Layer(image, name, 8, 8) for name in "abcd")
    image.add_layer(a)
    image.add_layer(b)
    image.active_layer = a
    image.add_layer(c)
    assert [layer.name for layer in image.layers] == ["b", "c", "a"]
    image.active_layer = a
    image.insert_layer(d)
    assert [layer.name for layer in image.layers] == ["b", "c", "d", "a"]
    image.add_layer(a.copy(), 0)
    assert image.layers[0].name == "a copy"
    masks = [gimp.Channel(image, name, 8, 8, 50.0, (0, 0, 0)) for name in "xyz"]
    image.add_channel(masks[0])
    image.add_channel(masks[1])
    image.active_channel = masks[0]
    image.insert_channel(masks[2])
    assert [mask.name for mask in image.channels] == ["y", "z", "x"]
    ways = [gimp.Vectors(image, name) for name in "xyz"]
    image.add_vectors(ways[0])
    pdb.gimp_image_add_vectors(image, ways[1], -1)
    image.active_vectors = ways[0]
    image.insert_vectors(ways[2])
    assert [way.name for way in image.vectors] == ["y", "z", "x"]
    pdb.gimp_image_add_channel(image, masks[0].copy(), 0)
    assert image.channels[0].name == "x copy"
    image.delete()


def check_names_of_module_gimp():
    assert gimp.pdb is pdb and gimp.error
    for folder in ("directory", "data_directory", "locale_directory", "plug_in_directory"):
        assert os.path.isabs(getattr(gimp, folder)), folder
    assert "python-eval" in os.listdir(f"{gimp.plug_in_directory}/plug-ins")
    image, layer = new_image()
    mask = gimp.Channel(image, "mask", 8, 8, 50.0, (0, 0, 0))
    for kind in (gimp.Item, gimp.Drawable, gimp.Layer):
        assert isinstance(layer, kind) and not isinstance(image, kind)
    assert isinstance(mask, gimp.Drawable) and not isinstance(mask, gimp.Layer)
    assert gimp.Item.from_id(layer.ID) == layer
    image.delete()


def check_sizes_and_their_defaults():
    image, layer = new_image()
    layer.set_offsets(10, 10)
    layer.scale(20, 10)
    assert (layer.width, layer.height, layer.offsets) == (20, 10, (5, 3)), "about the image's corner"
    layer.scale(10, 10, True, INTERPOLATION_NONE)
    assert (layer.width, layer.height, layer.offsets) == (10, 10, (10, 3)), "about its own centre"
    layer.set_offsets(20, 20)
    layer.resize(12, 14)
    assert (layer.width, layer.height, layer.offsets) == (12, 14, (20, 20))
    layer.resize(20, 20, 5, 6)
    assert (layer.width, layer.height, layer.offsets) == (20, 20, (15, 14))
    image.resize(30, 20)
    assert (image.width, image.height, layer.offsets) == (30, 20, (15, 14))
    image.resize(50, 60, 1, 2)
    assert (image.width, image.height, layer.offsets) == (50, 60, (16, 16))
    image.crop(40, 40)
    assert (image.width, image.height, layer.offsets) == (40, 40, (16, 16))
    image.scale(20, 20)
    assert (image.width, layer.width, layer.offsets) == (20, 10, (8, 8))
    image.delete()


def check_scale_with_an_interpolation():
    stripes = bytes([0, 0, 0, 255, 255, 255, 255, 255]) * 32
    before = Gimp.context_get_interpolation()
    for scaled in ("image", "layer", "image in pdb", "layer in pdb"):
        found = []
        for how in (INTERPOLATION_NONE, INTERPOLATION_CUBIC):
            image, layer = new_image(8, 8)
            layer.get_pixel_rgn(0, 0, 8, 8)[:, :] = stripes
            if scaled == "image":
                image.scale(24, 8, how)
            elif scaled == "image in pdb":
                pdb.gimp_image_scale_full(image, 24, 8, how)
            elif scaled == "layer in pdb":
                pdb.gimp_layer_scale_full(layer, 24, 8, False, how)
            else:
                layer.scale(24, 8, interpolation=how)
            row = bytes(layer.get_pixel_rgn(0, 0, 24, 8)[0:24, 0:1])
            found.append({row[index] for index in range(0, 96, 4)})
            image.delete()
        assert found[0] == {0, 255} and len(found[1]) > 2, (scaled, found)
    assert Gimp.context_get_interpolation() == before


def check_linked_is_remembered_for_the_script_only():
    image, layer = new_image()
    assert layer.linked is False
    layer.linked = True
    assert layer.linked is True and pdb.gimp_item_get_linked(layer) == 1
    assert not layer.is_layer_mask and not layer.is_floating_sel and layer.is_floating_sel() is False
    mask = layer.create_mask(ADD_WHITE_MASK)
    layer.add_mask(mask)
    assert mask.is_layer_mask and mask.is_layer_mask() is True
    layer.preserve_trans = True
    assert layer.lock_alpha
    image.delete()


def check_layer_attributes():
    image, layer = new_image()
    layer.opacity = 25.0
    layer.mode = LAYER_MODE_MULTIPLY
    layer.visible = False
    assert layer.opacity == 25.0 and layer.mode == LAYER_MODE_MULTIPLY and layer.visible is False
    layer.set_offsets(3, 4)
    layer.translate(-5, 1)
    assert layer.offsets == (-2, 5)
    assert layer.has_alpha and layer.has_alpha() is True
    assert layer.is_rgb and not layer.is_gray and layer.type == RGBA_IMAGE and layer.type() == RGBA_IMAGE
    assert (layer.width, layer.height, layer.bpp) == (40, 30, 4)
    assert layer.image == image and layer.parent is None and layer.mask is None
    plain = gimp.Layer(image, "plain", 8, 8)
    assert not plain.has_alpha and plain.copy(True).has_alpha
    image.delete()


def check_groups():
    image, layer = new_image()
    group = gimp.GroupLayer(image, "set")
    image.insert_layer(group, None, 0)
    image.insert_layer(layer.copy(), group, 0)
    assert isinstance(group, gimp.GroupLayer) and [item.parent for item in group.layers] == [group]
    assert len(group.children) == 1
    image.delete()


def check_parasites():
    image, layer = new_image()
    layer.attach_new_parasite("note", 1, "text")
    found = layer.parasite_find("note")
    assert bytes(found.get_data()) == b"text" and "note" in layer.parasite_list()
    layer.attach_new_parasite("note", 1, bytes([0, 127, 128, 255]))
    assert layer.parasite_find("note").data == bytes([0, 127, 128, 255])
    layer.parasite_detach("note")
    assert layer.parasite_find("note") is None
    image.delete()


def check_strokes_are_made_and_removed():
    image, layer = new_image()
    path = gimp.Vectors(image, "way")
    image.add_vectors(path)
    points = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]
    closed = gimp.VectorsBezierStroke(path, points, True)
    assert closed.points == (points, True) and gimp.VectorsBezierStroke(path, points).points[1] is False
    line = gimp.VectorsBezierStroke.new_moveto(path, 2, 3)
    line.lineto(2, 13)
    assert line.get_length(0.1) == 10.0 and line.points[0][2:4] == [2.0, 3.0]
    ellipse = gimp.VectorsBezierStroke.new_ellipse(path, 20, 15, 10, 10, 0)
    assert abs(ellipse.get_length(0.1) - 62.83) < 0.2
    assert all(isinstance(stroke, gimp.VectorsStroke) for stroke in path.strokes)
    assert len(path.strokes) == 4
    path.remove_stroke(line)
    path.remove_stroke(closed.ID)
    assert [stroke.ID for stroke in path.strokes][1:] == [ellipse.ID] and len(path.strokes) == 2
    image.delete()


def check_undo_groups():
    image, layer = new_image()
    image.undo_group_start()
    layer.name = "renamed"
    image.undo_group_end()
    pdb.gimp_undo_push_group_start(image)
    pdb.gimp_undo_push_group_end(image)
    image.disable_undo()
    assert not image.undo_is_enabled()
    image.enable_undo()
    assert image.undo_is_enabled()
    image.delete()


def check_colours_slice():
    colour = gimpcolor.RGB(255, 128, 0)
    assert colour[:3] == (255, 128, 0) and colour[1:] == (128, 0, 255) and colour[-1] == 255
    assert tuple(colour) == (255, 128, 0, 255)


def check_pixel_regions():
    image, layer = new_image()
    whole = layer.get_pixel_rgn(0, 0, 40, 30, True, False)
    assert (whole.w, whole.h, whole.bpp, whole.rowstride) == (40, 30, 4, 160)
    data = bytes(range(256)) * 18 + bytes(192)
    whole[0:40, 0:30] = data
    assert bytes(whole[0:40, 0:30]) == data and whole[:, :] == data
    assert whole[3, 2] == data[(2 * 40 + 3) * 4 :][:4] and whole[3, 2][0] == data[(2 * 40 + 3) * 4 :][:1]
    assert bytes(whole[1:3, 2:4]) == data[324:332] + data[484:492]
    for wrong in ((40, 0), (slice(-1, 2), 0), (slice(5, 5), 0)):
        try:
            whole.__getitem__(wrong)
        except IndexError:
            continue
        raise AssertionError(wrong)
    try:
        whole[0, 0] = b"12345"
    except ValueError:
        pass
    else:
        raise AssertionError("five bytes fitted into a pixel of four")
    shadow = layer.get_pixel_rgn(0, 0, 40, 30, True, True)
    shadow[0:40, 0:30] = bytes(4800)
    assert bytes(whole[0:40, 0:30]) == data
    shadow = None
    layer.merge_shadow(True)
    assert bytes(layer.get_pixel_rgn(0, 0, 40, 30)[0:40, 0:30]) == bytes(4800)
    image.delete()


def type_error(function, *arguments):
    """The text of the TypeError that it raises."""
    try:
        function(*arguments)
    except TypeError as problem:
        return str(problem)
    raise AssertionError("nothing was raised")


def check_pixel_regions_hold_strings_as_in_python_2():
    image, layer = new_image()
    whole = layer.get_pixel_rgn(0, 0, 40, 30)
    whole[0:2, 0:1] = bytes(range(8))
    assert [ord(sample) for sample in whole[0:2, 0:1]] == list(range(8))
    assert b"".join(whole[0:2, 0:1]) == bytes(whole[0:2, 0:1]) == bytes(range(8))
    whole[2, 0] = "".join(map(chr, (9, 99, 199, 255)))
    whole[3, 0] = [9, 99, 199, 255]
    assert whole[2, 0] == whole[3, 0] == bytes([9, 99, 199, 255])
    assert "not the number 4" in type_error(whole.__setitem__, (2, 0), 4)
    assert whole[2, 0] == bytes([9, 99, 199, 255]), "nothing was written"
    image.delete()


def check_pixel_regions_are_seen_by_everything_that_comes_after():
    image, layer = new_image()
    red, blue = bytes([255, 0, 0, 255]), bytes([0, 0, 255, 255])
    writer, reader = layer.get_pixel_rgn(0, 0, 40, 30), layer.get_pixel_rgn(0, 0, 40, 30)
    writer[39, 29] = red
    assert reader[39, 29] == red, "another region"
    writer[1, 0] = red
    assert layer.copy().get_pixel_rgn(0, 0, 40, 30)[1, 0] == red, "libgimp"
    numbers = (image.ID, layer.ID)
    writer[2, 0] = red
    assert list(pdb.gimp_image_pick_color(*numbers, 2, 0, False, False, 0)) == [255, 0, 0, 255], "pdb"
    function = pdb.gimp_layer_copy
    writer[3, 0] = red
    assert function(layer).get_pixel_rgn(0, 0, 40, 30)[3, 0] == red, "an adapter"
    shadow = layer.get_pixel_rgn(0, 0, 40, 30, True, True)
    shadow[:, :] = blue * 1200
    assert writer[3, 0] == red
    layer.merge_shadow()
    layer.update(0, 0, 40, 30)
    assert layer.get_pixel_rgn(0, 0, 40, 30)[:, :] == blue * 1200
    image.delete()


def check_pixel_regions_see_what_others_changed():
    """What a buffer has read it keeps: that was read again, and written back beside a region's own pixels."""
    image, layer = new_image()
    layer.fill(WHITE_FILL)
    white, black, red = (bytes(colour) for colour in ([255] * 4, [0, 0, 0, 255], [255, 0, 0, 255]))
    region, other = layer.get_pixel_rgn(0, 0, 40, 30), layer.get_pixel_rgn(0, 0, 40, 30)
    assert region[3, 3] == other[3, 3] == white
    pdb.gimp_invert(layer)
    assert region[3, 3] == black, "a procedure"
    layer.fill(WHITE_FILL)
    assert region[3, 3] == white, "a method"
    layer.fill(FOREGROUND_FILL)
    region[4, 4] = red
    assert layer.get_pixel(3, 3) == tuple(black), "not written back"
    other[5, 5] = red
    assert region[5, 5] == red, "another region"
    region[6, 6] = red
    assert layer.get_pixel(4, 4) == layer.get_pixel(5, 5) == layer.get_pixel(6, 6) == tuple(red)
    image.delete()


def check_pixel_regions_that_take_turns_keep_their_buffer():
    """One was opened for each pixel that another region had written."""
    image, layer = new_image(64, 2)
    layer.fill(WHITE_FILL)
    reader, writer = layer.get_pixel_rgn(0, 0, 64, 2, False), layer.get_pixel_rgn(0, 0, 64, 2)
    shadow = layer.get_pixel_rgn(0, 0, 64, 2, True, True)
    assert reader[0, 0] == writer[0, 0] == shadow[0, 0] == b"\xff" * 4
    buffer = reader._source
    for x in range(64):
        pixel = bytes([x, 2 * x, 3 * x, 255])
        writer[x, 0] = pixel
        shadow[x, 1] = reader[x, 0]
        assert reader[x, 0] == shadow[x, 0] == pixel and reader[x, 1] == b"\xff" * 4
    assert reader._source is buffer and writer._source is buffer
    later = layer.get_pixel_rgn(0, 0, 64, 2)
    assert later[63, 0] == reader[63, 0] == writer[63, 0] == pixel
    layer.merge_shadow()
    assert later[63, 1] == reader[63, 1] == writer[63, 1] == pixel
    image.delete()
    assert "was deleted" in raises(reader.__getitem__, (0, 0))


def check_data_of_a_session():
    gimp.set_data("of module gimp", "\0\xe9")
    assert gimp.get_data("of module gimp") == b"\0\xe9"
    assert pdb.gimp_procedural_db_get_data("of module gimp") == (2, (0, 0xE9)), "the same"
    assert "no data is stored" in raises(gimp.get_data, "of nobody")


def check_pixel_writes_reach_gimp_by_tiles():
    """Each flush costs calls to GIMP."""
    image, layer = new_image(64, 64)
    sent = []
    region = layer.get_pixel_rgn(0, 0, 64, 64)
    region.send = lambda: sent.append(type(region).send(region))
    for x in range(64):
        for y in range(64):
            region[x, y] = bytes([x, y, 0, 255])
    assert not sent
    layer.flush()
    assert len(sent) == 1
    assert layer.get_pixel_rgn(0, 0, 64, 64)[5, 9] == bytes([5, 9, 0, 255])
    image.delete()


def check_pixel_writes_at_the_end_of_a_script():
    image, layer = new_image()
    pdb.python_fu_dot(image, layer)
    assert layer.get_pixel_rgn(0, 0, 40, 30)[7, 7] == bytes([1, 2, 3, 255])
    image.delete()


def check_pixel_regions_of_a_deep_grey_image():
    spec = {"samples": "deep.raw", "width": 2, "height": 2, "base": "GRAY", "precision": "U16_NON_LINEAR"}
    with open(f"{support.WORK}/deep.raw", "wb") as file:
        file.write((0).to_bytes(2, "little") + (257 * 7).to_bytes(2, "little") + b"\xff\xff" * 2)
    image, layer = support.make_image({**spec, "type": "GRAY_IMAGE"})
    assert bytes(layer.get_pixel_rgn(0, 0, 2, 2)[0:2, 0:2]) == bytes([0, 7, 255, 255])
    image.delete()


def check_progress_and_messages():
    gimp.progress_init("Working")
    gimp.progress_update(0.5)
    gimp.progress_update(7)
    pdb.gimp_progress_init("Working", None)
    pdb.gimp_progress_update(1.0)
    gimp.message("A message from gimpfu's checks")
    assert gimp.version[0] == 3 and len(gimp.version) == 3 and gimp.directory
    gimp.displays_flush()
