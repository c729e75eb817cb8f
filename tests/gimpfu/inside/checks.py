"""Checks of gimpfu that only GIMP itself can answer; each function is one. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import json
import os
import sys

import support

sys.path.insert(0, support.JOB["package"])

import gimpfu  # noqa: E402
from gi.repository import Gimp  # noqa: E402
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


def check_star_exports():
    for name in ("register", "main", "pdb", "gimp", "PF_IMAGE", "N_", "fail", "error", "math"):
        assert name in gimpfu.__all__ and name in globals(), name
    assert "_" not in gimpfu.__all__, "it would hide what gettext.install() made"
    import gimpcolor as by_name

    assert by_name.RGB is gimpcolor.RGB


def check_constants_have_this_gimps_values():
    assert FILL_WHITE == Gimp.FillType.WHITE and WHITE_FILL == FILL_WHITE
    assert RGBA_IMAGE == Gimp.ImageType.RGBA_IMAGE and CLIP_TO_IMAGE == Gimp.MergeType.CLIP_TO_IMAGE
    assert NORMAL_MODE == Gimp.LayerMode.NORMAL_LEGACY and LAYER_MODE_NORMAL == Gimp.LayerMode.NORMAL
    assert (TRUE, FALSE) == (1, 0)


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
    for scaled in ("image", "layer"):
        found = []
        for how in (INTERPOLATION_NONE, INTERPOLATION_CUBIC):
            image, layer = new_image(8, 8)
            layer.get_pixel_rgn(0, 0, 8, 8)[:, :] = stripes
            if scaled == "image":
                image.scale(24, 8, how)
            else:
                layer.scale(24, 8, interpolation=how)
            row = bytes(layer.get_pixel_rgn(0, 0, 24, 8)[0:24, 0:1])
            found.append({row[index] for index in range(0, 96, 4)})
            image.delete()
        assert found[0] == {0, 255} and len(found[1]) > 2, (scaled, found)
    assert Gimp.context_get_interpolation() == before


def check_linked_is_gone():
    image, layer = new_image()
    layer.linked = True
    assert layer.linked is False
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
    layer.parasite_detach("note")
    assert layer.parasite_find("note") is None
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


def check_pdb_names():
    image, layer = new_image()
    assert pdb.gimp_image_get_width(image) == 40 == pdb["gimp-image-get-width"](image)
    assert pdb.gimp_image_width(image) == 40, "renamed since GIMP 2"
    assert "gimp-image-width" in pdb and pdb.has_key("gimp_layer_new") and "gimp-no-such" not in pdb
    assert "gimp-no-such" in raises(lambda: pdb.gimp_no_such)
    assert pdb.gimp_item_set_linked(layer, True) is None
    count, names = pdb.query("gimp-image-get-.*")
    assert count == len(names) > 10 and "gimp-image-get-width" in names
    function = pdb.gimp_image_scale
    assert function.proc_name == "gimp-image-scale" and function.nparams == 3
    assert [entry[1] for entry in function.params] == ["image", "new-width", "new-height"]
    image.delete()


def check_pdb_return_shapes():
    image, layer = new_image()
    assert pdb.gimp_image_undo_group_start(image) is None
    pdb.gimp_image_undo_group_end(image)
    assert pdb.gimp_layer_get_opacity(layer) == 100.0
    assert pdb.gimp_drawable_offsets(layer) == (0, 0)
    assert pdb.gimp_image_get_layers(image) == (1, (layer.ID,))
    assert gimpfu.gimp.Image and Gimp.Item.from_id(layer.ID) == layer
    assert pdb.gimp_selection_bounds(image) == (0, 0, 0, 40, 30)
    image.delete()


def check_pdb_gimp2_argument_orders():
    image, layer = new_image()
    made = pdb.gimp_layer_new(image, 10, 12, RGB_IMAGE, "made", 50.0, NORMAL_MODE)
    assert (made.name, made.width, made.height, made.opacity) == ("made", 10, 12, 50.0)
    pdb.gimp_image_add_layer(image, made, 0)
    assert pdb.gimp_image_get_active_layer(image) is not None
    pdb.gimp_image_set_active_layer(image, layer)
    assert pdb.gimp_image_get_active_layer(image) == layer
    assert pdb.gimp_layer_copy(made, True).has_alpha
    image.delete()


def check_pdb_objects_by_number():
    image, layer = new_image()
    group = gimp.GroupLayer(image, "group")
    pdb.gimp_image_insert_layer(image, group, 0, 0)
    pdb.gimp_image_insert_layer(image, layer.copy(), -1, 0)
    pdb.gimp_image_insert_layer(image, layer.copy(), None, 1)
    pdb.gimp_image_insert_layer(image, layer.copy(), group.ID, 0)
    names = [item.name for item in image.layers]
    assert names == ["first copy", "first copy #1", "group", "first"], names
    assert len(group.layers) == 1
    image.active_layer = layer
    pdb.gimp_image_insert_layer(image, layer.copy(), 0, -1)
    assert image.layers[3].name != "first" and image.layers[4] == layer, "above the active one"
    assert pdb.gimp_item_get_name(layer.ID) == "first"
    assert "no layer with number 987654" in raises(pdb.gimp_image_insert_layer, image, layer, 987654, 0)
    image.delete()


def check_pdb_adapters_look_like_procedures():
    image, layer = new_image()
    function = pdb.gimp_layer_translate
    assert (function.proc_name, function.nparams, function.nreturn_vals) == ("gimp-layer-translate", 3, 0)
    assert [entry[1] for entry in function.params] == ["layer", "dx", "dy"]
    function(layer, 2, 3, run_mode=RUN_NONINTERACTIVE)
    assert layer.offsets == (2, 3)
    assert pdb.gimp_image_get_active_layer.nreturn_vals == 1
    assert "takes 3 arguments (3 of them needed), 1 were given" in raises(function, layer)
    assert pdb.gimp_item_set_linked.proc_name == "gimp-item-set-linked"
    image.delete()


def check_pdb_left_out_arguments_with_arrays():
    image, layer = new_image()
    path = pdb.gimp_vectors_new(image, "way")
    image.add_vectors(path)
    points = [1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9]
    stroke = pdb.gimp_vectors_stroke_new_from_points(path, 0, len(points), points)
    assert pdb.gimp_vectors_stroke_get_points(path, stroke)[3] == 0, "not closed: the default"
    told = raises(pdb.gimp_vectors_stroke_new_from_points, path, 0)
    assert "was not given controlpoints" in told, told
    assert "was not given drawable" in raises(pdb.gimp_pencil)
    assert raises(pdb.gimp_pencil, "no layer", 2, (1, 1))
    image.delete()


def check_colours_slice():
    colour = gimpcolor.RGB(255, 128, 0)
    assert colour[:3] == (255, 128, 0) and colour[1:] == (128, 0, 255) and colour[-1] == 255
    assert tuple(colour) == (255, 128, 0, 255)


def check_pdb_arrays():
    image, layer = new_image()
    pdb.gimp_image_select_polygon(image, CHANNEL_OP_REPLACE, 8, (5, 5, 20, 5, 20, 15, 5, 15))
    assert pdb.gimp_selection_bounds(image) == (1, 5, 5, 20, 15)
    assert pdb.gimp_edit_copy(layer) == 1, "one drawable where GIMP 3 wants an array"
    pasted = pdb.gimp_edit_paste(layer, True)
    assert pasted.is_floating_sel()
    pdb.gimp_floating_sel_anchor(pasted)
    path = pdb.gimp_vectors_new(image, "way")
    image.insert_path(path, None, 0)
    points = [1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9]
    stroke = pdb.gimp_vectors_stroke_new_from_points(path, 0, len(points), points, False)
    kind, count, got, closed = pdb.gimp_vectors_stroke_get_points(path, stroke)
    assert (kind, count, list(got), closed) == (0, 12, points, 0)
    image.delete()


def check_pdb_colours_resources_and_files():
    pdb.gimp_context_push()
    pdb.gimp_context_set_foreground((255, 0, 51))
    assert list(pdb.gimp_context_get_foreground()) == [255, 0, 51, 255]
    gimp.set_background(0.0, 0.5, 1.0)
    assert [round(part, 3) for part in (gimp.get_background().g, gimp.get_background().b)] == [0.5, 1.0]
    brushes = pdb.gimp_brushes_get_list("")[1]
    pdb.gimp_context_set_brush(Gimp.brushes_get_list("")[0].get_name())
    assert brushes and pdb.gimp_context_get_brush() == Gimp.brushes_get_list("")[0].get_name()
    assert "no brush called" in raises(pdb.gimp_context_set_brush, "Nobody's brush")
    pdb.gimp_context_pop()
    image, layer = new_image()
    path = f"{support.WORK}/saved.png"
    pdb.gimp_file_save(image, layer, path, path)
    loaded = pdb.gimp_file_load(path, path)
    assert (loaded.width, loaded.height) == (40, 30)
    assert pdb.file_png_export(image, path) is None, "run mode put in, the rest left at its defaults"
    loaded.delete()
    image.delete()


def check_pdb_errors():
    image, layer = new_image()
    assert "opacity must be between 0 and 100, not 500" in raises(pdb.gimp_layer_set_opacity, layer, 500)
    assert "takes 2 arguments, 3 were given" in raises(pdb.gimp_layer_set_opacity, layer, 50, 1)
    assert raises(pdb.gimp_layer_set_opacity, image, 50)
    assert raises(pdb.gimp_layer_set_offsets, None, 1, 1)
    image.delete()
    assert raises(pdb.gimp_image_scale, image, 10, 10)


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
    writer[2, 0] = red
    assert list(pdb.gimp_image_pick_color(image, layer, 2, 0, False, False, 0)) == [255, 0, 0, 255], "pdb"
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


def check_scripts_procedures_through_pdb():
    image, layer = new_image()
    assert pdb.python_fu_on_layer(image, layer, 5) == layer and layer.name == "first 5"
    assert pdb.python_fu_on_layer(image, layer) == layer and layer.name == "first 5 3", "the default"
    assert layer.opacity == 40.0
    assert pdb.python_several(image) == (40, "two", layer)
    assert pdb.python_fu_nothing(image) is None and layer.name == "nothing"
    assert "ZeroDivisionError" in raises(pdb.python_fu_broken)
    assert "The moon is not full. Wait a week." in raises(pdb.python_fu_refusing)
    image.delete()


def check_defaults_of_every_kind():
    told = json.loads(pdb.python_fu_kinds())
    assert told == {
        "number": ["int", 42],
        "factor": ["float", 0.5],
        "words": ["str", "hello"],
        "lines": ["str", "one\ntwo"],
        "on": ["bool", True],
        "off": ["bool", False],
        "option": ["int", 1],
        "radio_text": ["str", "b"],
        "radio_number": ["int", 20],
        "slider": ["float", 30.0],
        "spinWhole": ["int", 7],
        "spin_part": ["float", 2.5],
        "colour": ["RGB", [255, 128, 0, 255]],
        "file": ["str", "/etc/passwd"],
        "filename": ["str", "/nowhere/picture.png"],
        "folder": ["str", "/tmp"],
        "in_folder": ["str", "/usr"],
    }, told


def check_given_values_of_every_kind():
    given = [7, 1.5, "w", "l", 0, 1, 2, "a", 10, 99, 3, 9.5, "blue"]
    given += ["/tmp", "/nowhere/new.png", "/usr", "/tmp"]
    told = json.loads(pdb.python_fu_kinds(*given))
    values = [value for _, value in told.values()]
    expected = [7, 1.5, "w", "l", False, True, 2, "a", 10, 99.0, 3, 9.5, [0, 0, 255, 255]]
    assert values == [*expected, "/tmp", "/nowhere/new.png", "/usr", "/tmp"], values
    assert "slider must be between 0 and 100" in raises(pdb.python_fu_kinds, *given[:9], 101)
    assert "no choice number 5" in raises(pdb.python_fu_kinds, *given[:6], 5)


def statuses():
    return {
        name: support.outcome(support.call(f"python-fu-{name}"))
        for name in ("broken", "refusing", "failing", "cancelled", "leaving")
    }


def check_what_the_user_reads():
    told = statuses()
    assert told["broken"] == (
        "execution-error",
        "Broken one stopped because of a fault in it: ZeroDivisionError: division by zero",
    ), told["broken"]
    assert told["refusing"] == ("execution-error", "The moon is not full. Wait a week.")
    assert told["failing"] == ("execution-error", "This failed on purpose.")
    assert told["cancelled"][0] == "cancel"
    assert told["leaving"] == ("execution-error", "Leaving one ended early: out of paper")


def check_registration():
    database = Gimp.get_pdb()
    kinds = database.lookup_procedure("python-fu-kinds")
    assert kinds.get_menu_paths() == ["<Image>/Filters/Test"] and kinds.get_menu_label() == "Kinds..."
    assert [spec.name for spec in kinds.get_arguments()][:3] == ["run-mode", "number", "factor"]
    assert "spinwhole" in [spec.name for spec in kinds.get_arguments()]
    on_layer = database.lookup_procedure("python-fu-on-layer")
    assert [spec.name for spec in on_layer.get_arguments()] == ["run-mode", "image", "drawables", "amount"]
    assert (on_layer.get_blurb(), on_layer.get_authors(), on_layer.get_date()) == ("Blurb", "Author", "2026")
    old = database.lookup_procedure("python-fu-old-style")
    assert old.get_menu_paths() == ["<Image>/Filters/Test"] and old.get_menu_label() == "Old style"
    assert [spec.name for spec in old.get_arguments()] == ["run-mode", "image", "drawables"]
    assert database.lookup_procedure("python-several").get_menu_paths() == []


def check_gimp_first_and_a_scripts_own_gettext():
    assert pdb.python_fu_gimp_first() == "Sch\u00e4rfer True 3"


def check_menus_that_gimp_3_has_elsewhere():
    def told(name):
        procedure = Gimp.get_pdb().lookup_procedure(f"python-fu-{name}")
        arguments = [spec.name for spec in procedure.get_arguments()]
        return procedure.get_menu_paths(), procedure.get_menu_label(), arguments[1:]

    both = ["image", "drawables"]
    assert told("old-with-image") == (["<Image>/Filters/Test"], "Other...", [*both, "other"])
    assert told("old-toolbox") == (["<Image>/Xtns/Test"], "Made", [])
    assert told("languages") == (["<Image>/Filters/Languages/Python-Fu"], "Speak", [])
    assert told("at-the-top") == (["<Image>"], "Top", [])
    assert told("renamed-place") == (["<Paths>/Test"], "Ways", both)


def check_load_and_save_procedures_are_refused():
    who = ("Blurb", "Help", "Author", "Copyright", "2026")
    for label, menu in (("<Load>/Mine", None), ("<Save>/Mine", None), ("Mine", "<Save>")):
        told = raises(register, "file-mine", *who, label, "", [], [], print, menu=menu)
        assert told.startswith("file-mine loads or saves files"), told


def check_registration_with_a_catalogue():
    foreign = Gimp.get_pdb().lookup_procedure("python-fu-foreign-catalogue")
    assert foreign.get_menu_label() == "Without its catalogue" and foreign.get_blurb() == "Blurb"
    own = Gimp.get_pdb().lookup_procedure("python-fu-own-catalogue")
    told = (own.get_menu_label(), own.get_blurb(), own.get_help())
    assert told == ("Sch\u00e4rfer", "Kurz", "Help"), told


def run(case):
    globals()[case["name"]]()
    return {}


CHECKS = [name for name in list(globals()) if name.startswith("check_")]
support.tell(support.each([{"name": name} for name in CHECKS], run))
