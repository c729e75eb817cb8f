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
    for name in ("register", "main", "pdb", "gimp", "PF_IMAGE", "N_", "_", "fail", "error", "math"):
        assert name in gimpfu.__all__ and name in globals(), name
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
    }, told


def check_given_values_of_every_kind():
    given = [7, 1.5, "w", "l", 0, 1, 2, "a", 10, 99, 3, 9.5, "blue", "/tmp", "/nowhere/new.png", "/usr"]
    told = json.loads(pdb.python_fu_kinds(*given))
    values = [value for _, value in told.values()]
    expected = [7, 1.5, "w", "l", False, True, 2, "a", 10, 99.0, 3, 9.5, [0, 0, 255, 255]]
    assert values == [*expected, "/tmp", "/nowhere/new.png", "/usr"], values
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
