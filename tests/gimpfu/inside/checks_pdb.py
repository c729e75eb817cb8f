"""The proxy pdb; each function is one check. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import gimpfu
import support
from checking import new_image, raises
from gi.repository import Gimp
from gimpfu import *
from gimpfu.scripts.byte_string import ByteString


def check_pdb_names():
    image, layer = new_image()
    assert pdb.gimp_image_get_width(image) == 40 == pdb["gimp-image-get-width"](image)
    assert pdb.gimp_image_width(image) == 40, "renamed since GIMP 2"
    assert "gimp-image-width" in pdb and pdb.has_key("gimp_layer_new") and "gimp-no-such" not in pdb
    assert "gimp-no-such" in raises(lambda: pdb.gimp_no_such)
    assert pdb.gimp_item_set_linked(layer, True) is None
    count, names = pdb.query("gimp-image-get-.*")
    assert count == len(names) > 10 and "gimp-image-get-width" in names
    assert pdb.query("gimp-layer-.*", ".*", "", "Spencer.*")[0] > 5, "the fourth is the author, as in GIMP 2"
    assert pdb.gimp_temp_name("png").endswith(".png")
    assert pdb["gimp-rect-select"].params[1][0] == "Any", "no kind is told where none is known"
    function = pdb.gimp_image_scale
    assert function.proc_name == "gimp-image-scale" and function.nparams == 3
    assert [entry[1] for entry in function.params] == ["image", "new-width", "new-height"]
    assert "Spencer Kimball" in function.proc_author and function.proc_copyright and function.proc_date
    assert (function.proc_type, pdb.file_png_load.proc_type, pdb.gimp_rect_select.proc_type) == (0, 1, 0)
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


def check_pdb_bytes_stay_what_they_are():
    image, layer = new_image()
    read = bytes([0xC3, 0xA9, 0x0A, 0x7F])  # in UTF-8 a letter and two control characters
    whole = layer.get_pixel_rgn(0, 0, 40, 30)
    whole[0, 0] = read
    pdb.gimp_drawable_set_pixel(layer, 1, 0, 4, whole[0, 0])
    assert layer.get_pixel(1, 0) == tuple(read), layer.get_pixel(1, 0)
    curve = ByteString(bytes([0, 1] + [0xC3, 0xA9] * 127))
    pdb.gimp_curves_explicit(layer, HISTOGRAM_RED, 256, curve)
    assert layer.get_pixel(0, 0) == (0xA9, 0xA9, 0x0A, 0x7F), layer.get_pixel(0, 0)
    for data in (ByteString(read), bytes(read), "".join(map(chr, read)), list(read)):
        pdb.gimp_procedural_db_set_data("of the checks", len(data), data)
        assert pdb.gimp_procedural_db_get_data("of the checks") == (4, tuple(read)), data
    assert "no data is stored" in raises(pdb.gimp_procedural_db_get_data, "of nobody")
    pdb.gimp_image_convert_indexed(image, NO_DITHER, MAKE_PALETTE, 2, False, False, "")
    pdb.gimp_image_set_colormap(image, 6, ByteString(read[:3] * 2))
    assert pdb.gimp_image_get_colormap(image) == (6, tuple(read[:3] * 2))
    image.colormap = image.colormap[3:] + chr(255) * 3
    assert image.colormap == read[:3] + b"\xff" * 3 and ord(image.colormap[0]) == 0xC3
    assert layer.get_data()[:1] + "" in ("\0", "\1"), "a string of Python 2's"
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
    pdb.gimp_context_set_brush("Circle (03)")
    assert pdb.gimp_context_get_brush(), "a brush that only GIMP 2 shipped: the nearest"
    assert "no palette called" in raises(pdb.gimp_context_set_palette, "Nobody's own")
    pdb.gimp_context_pop()
    image, layer = new_image()
    path = f"{support.WORK}/saved.png"
    pdb.gimp_file_save(image, layer, path, path)
    loaded = pdb.gimp_file_load(path, path)
    assert (loaded.width, loaded.height) == (40, 30)
    assert pdb.file_png_export(image, path) is None, "run mode put in, the rest left at its defaults"
    loaded.delete()
    image.delete()


def check_pdb_calls_that_scripts_make_most():
    image, layer = new_image()
    pdb.gimp_edit_fill(layer, WHITE_FILL)
    other = pdb.gimp_layer_new_from_drawable(layer, image)
    pdb.gimp_image_insert_layer(image, other, None, 0)
    pdb.gimp_rect_select(image, 5, 5, 20, 10, CHANNEL_OP_REPLACE, False, 0)
    pdb.gimp_selection_shrink(image, 2)
    pdb.gimp_selection_grow(image, 1.0)
    assert pdb.gimp_selection_bounds(image) == (1, 6, 6, 24, 14)
    pdb.gimp_selection_invert(image)
    assert (pdb.gimp_selection_value(image, 0, 0), pdb.gimp_selection_value(image, 10, 10)) == (255, 0)
    pdb.gimp_edit_clear(other)
    assert (other.get_pixel(0, 0)[3], other.get_pixel(10, 10)[3]) == (0, 255)
    pdb.gimp_edit_copy(layer)
    pdb.gimp_floating_sel_to_layer(pdb.gimp_edit_paste(other, False))
    assert len(image.layers) == 3
    pdb.gimp_selection_none(image)
    merged = pdb.gimp_image_merge_down(image, image.layers[0], CLIP_TO_IMAGE)
    assert merged.get_pixel(0, 0) == (255, 255, 255, 255) and len(image.layers) == 2
    mask = pdb.gimp_layer_create_mask(merged, ADD_BLACK_MASK)
    pdb.gimp_layer_add_mask(merged, mask)
    assert pdb.gimp_image_get_active_drawable(image) == mask
    pdb.gimp_layer_remove_mask(merged, MASK_APPLY)
    assert merged.get_pixel(9, 9)[3] == 0
    pdb.gimp_layer_set_mode(merged, MULTIPLY_MODE)
    assert merged.mode == MULTIPLY_MODE == pdb.gimp_layer_get_mode(merged)
    channel = pdb.gimp_channel_new(image, 40, 30, "mask", 50, (255, 0, 0))
    assert pdb.gimp_image_insert_channel(image, channel, None, 0) is None
    assert pdb.gimp_image_remove_channel(image, channel) is None
    guide = pdb.gimp_image_add_vguide(image, 7)
    assert pdb.gimp_image_find_next_guide(image, 0) == guide
    assert pdb.gimp_image_get_guide_position(image, guide) == 7
    assert pdb.gimp_image_flatten(image).get_pixel(1, 1) == (255, 255, 255)
    image.delete()


def check_pdb_dynamics_off():
    """A switch in GIMP 3."""
    before = pdb.gimp_context_get_dynamics()
    pdb.gimp_context_set_dynamics("Dynamics Off")
    assert pdb.gimp_context_get_dynamics() == "Dynamics Off" and not Gimp.context_are_dynamics_enabled()
    pdb.gimp_context_set_dynamics("Basic Simple")
    assert pdb.gimp_context_get_dynamics() == "Basic Simple" and Gimp.context_are_dynamics_enabled()
    assert "no dynamics called" in raises(pdb.gimp_context_set_dynamics, "Nobody's own")
    pdb.gimp_context_set_dynamics(before)


def check_pdb_errors():
    image, layer = new_image()
    assert "opacity must be between 0 and 100, not 500" in raises(pdb.gimp_layer_set_opacity, layer, 500)
    assert "takes 2 arguments, 3 were given" in raises(pdb.gimp_layer_set_opacity, layer, 50, 1)
    assert raises(pdb.gimp_layer_set_opacity, image, 50)
    assert raises(pdb.gimp_layer_set_offsets, None, 1, 1)
    image.delete()
    assert raises(pdb.gimp_image_scale, image, 10, 10)


def check_gradients_last_segment():
    name = pdb.gimp_gradient_new("of the checks")
    pdb.gimp_gradient_segment_range_replicate(name, 0, -1, 3)
    pdb.gimp_gradient_segment_range_redistribute_handles(name, 0, -1)
    pdb.gimp_gradient_segment_set_left_color(name, 2, (255, 0, 0), 100.0)
    assert pdb.gimp_gradient_segment_get_left_color(name, 2)[0][:3] == (255, 0, 0)
    pdb.gimp_gradient_delete(name)
