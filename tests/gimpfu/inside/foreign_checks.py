"""Runs other people's old scripts inside GIMP and looks at what they did. Executed by GIMP.

`EFFECTS` knows what some published scripts must do, by their file names; any other script is
called with its own defaults and has an effect when something that can be seen has changed.
"""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import contextlib
import json
import os
import random
import re
import shutil
import sys
import traceback

import support

sys.path.insert(0, support.JOB["package"])

from gi.repository import Gimp  # noqa: E402
from gimpfu import *  # noqa: E402
from gimpfu import patches  # noqa: E402
from gimpfu.registry import handlers  # noqa: E402
from gimpfu.scripts.plugin import catalogue  # noqa: E402

patches.apply()
TEMPORARY = support.WORK + "/out"
LARGE = 20_000_000  # pixels: of a larger layer the size is told only
MOST = 6  # procedures of one script that are tried
os.makedirs(TEMPORARY, exist_ok=True)


def pixels(drawable):
    return bytes(drawable.get_pixel_rgn(0, 0, drawable.width, drawable.height)[:, :])


def put(drawable, data):
    drawable.get_pixel_rgn(0, 0, drawable.width, drawable.height)[:, :] = bytes(data)
    drawable.flush()


def image_of(width, height, kind=RGB_IMAGE, pixel=lambda x, y: (x % 256, y % 256, 90)):
    image = gimp.Image(width, height, RGB)
    layer = gimp.Layer(image, "ground", width, height, kind, 100.0, LAYER_MODE_NORMAL)
    image.add_layer(layer)
    values = [list(pixel(x, y)) for y in range(height) for x in range(width)]
    if kind == RGBA_IMAGE:
        values = [(one + [255])[:4] for one in values]
    put(layer, [sample for one in values for sample in one])
    return image, layer


def noise(x, y):
    return tuple(random.Random(x * 1000 + y).choices(range(256), k=3))


def disc(x, y):
    inside = (x - 32) ** 2 + (y - 32) ** 2 < 18**2
    return (200, 60, 30, 255 if inside else 0)


def call(name, *args):
    return pdb[name](*args)


def guides(image):
    found, number = [], image.find_next_guide(0)
    while number:
        upright = image.get_guide_orientation(number) == ORIENTATION_VERTICAL
        found.append(("v" if upright else "h", image.get_guide_position(number)))
        number = image.find_next_guide(number)
    return sorted(found)


def pixelscale():
    image, layer = image_of(64, 48, pixel=noise)
    before = pixels(layer)
    call("python-fu-pixelscale", image, layer, 2, 0, 0, 0)
    assert (image.width, image.height) == (128, 96), (image.width, image.height)
    after = pixels(image.layers[0])
    for x, y in ((0, 0), (77, 13), (127, 95)):
        there, here = 3 * (y * 128 + x), 3 * (y // 2 * 64 + x // 2)
        assert after[there : there + 3] == before[here : here + 3], (x, y)


def layers_blend_mode():
    image, layer = image_of(32, 32)
    for _ in "ab":
        image.add_layer(layer.copy())
    image.layers[2].visible = False
    before = image.layers[2].mode, image.layers[2].opacity
    call("python-fu-layers-blend-mode", image, 12, 50, "Visible")
    for one in image.layers[:2]:
        assert one.mode == LAYER_MODE_MULTIPLY and one.opacity == 50, (one.mode, one.opacity)
    assert (image.layers[2].mode, image.layers[2].opacity) == before


def luminosity_masks():
    image, layer = image_of(64, 64, pixel=lambda x, y: (x * 4, x * 4, x * 4))
    call("python-fu-luminosity-mask", image, 3)
    names = sorted(channel.name for channel in image.channels)
    assert names == sorted(f"ground-{kind}{n}" for kind in "LDM" for n in (1, 2, 3)), names
    assert len(image.layers) == 1


def lomo():
    image, layer = image_of(64, 64, pixel=lambda x, y: (x * 4, x * 4, x * 4))
    before = pixels(layer)
    call("python-fu-lomo", image, layer)
    assert len(image.layers) == 1, image.layers
    after, bpp = pixels(image.layers[0]), image.layers[0].bpp
    assert sum(after[::bpp]) != sum(before[::3])
    corner, middle = (after[bpp * (64 * y + 32)] - before[3 * (64 * y + 32)] for y in (4, 32))
    assert corner != middle, (corner, middle)


def extreme_unsharp():
    image, layer = image_of(64, 64, pixel=lambda x, y: (180, 120, 60) if x < 32 else (60, 90, 120))
    call("python-fu-extreme-unsharp-desaturation-options", image, layer, 5, 5.0, DESATURATE_LIGHTNESS)
    after = pixels(image.layers[0])
    assert after[::3] == after[1::3] == after[2::3]
    row = after[3 * 64 * 32 : 3 * 64 * 33 : 3]
    assert max(row) > row[0] + 5 or min(row) < row[63] - 5, list(row)


def batch_resize():
    source, target = TEMPORARY + "/in", TEMPORARY + "/small"
    os.makedirs(source, exist_ok=True)
    os.makedirs(target, exist_ok=True)
    image, layer = image_of(300, 200)
    for name in "abc":
        pdb.file_jpeg_save(image, layer, f"{source}/{name}.jpg", "", 0.9, 0, 1, 0, "", 2, 1, 0, 0)
    tidy()
    call("python-fu-batch-resize", source, target, "150", True, False)
    made = [os.path.join(folder, name) for folder, _, names in os.walk(target) for name in names]
    assert len(made) == 3, made
    for path in made:
        found = pdb.gimp_file_load(path, path)
        assert (found.width, found.height) == (150, 150), (found.width, found.height)


def favicons():
    image, layer = image_of(200, 200, RGBA_IMAGE)
    folder = TEMPORARY + "/icons"
    os.makedirs(folder, exist_ok=True)
    call("python-fu-export-resized-fabicons", image, layer, folder)
    sizes = sorted(pdb.gimp_file_load(f"{folder}/{name}", "").width for name in os.listdir(folder))
    assert sizes == [16, 32, 96, 110, 120, 152, 167, 180], sizes


def layer_to_channel():
    image, layer = image_of(32, 32, pixel=lambda x, y: (8 * x,) * 3)
    returned = call("python-fu-convert-layer-to-channel", image, layer, 0, "m", False)
    assert [channel.name for channel in image.channels] == ["m"] and not image.channels[0].visible
    assert returned == image.channels[0]
    data = pixels(image.channels[0])
    assert abs(data[5] - 40) < 3 and abs(data[20] - 160) < 3, list(data[:32])


def blobi():
    image, layer = image_of(64, 64, RGBA_IMAGE, disc)
    call("python-fu-blobify", image, layer, 7)
    assert any("Drop Shadow" in one.name for one in image.layers), [one.name for one in image.layers]
    assert pdb.gimp_selection_is_empty(image)


def arclayer():
    image, layer = image_of(100, 20, RGBA_IMAGE)
    call("python-fu-arc-layer", image, layer, 400, 1)
    made = [one for one in image.layers if one.name.startswith("arc ")]
    assert made and any(pixels(made[0])), [one.name for one in image.layers]


def instagram():
    image, layer = image_of(200, 150)
    call("python-fu-gimp-instagram-1977", image, layer)
    group = image.layers[0]
    assert "1977" in group.name and len(group.children) == 4, (group.name, group.children)
    assert {3, 9} & {int(one.mode) for one in group.children}, [int(one.mode) for one in group.children]


def guide_matrix():
    image, layer = image_of(100, 80)
    image.add_hguide(7)
    call("python-fu-guide-matrix", image, layer)
    assert guides(image) == [("h", 20), ("h", 40), ("h", 60), ("v", 25), ("v", 50), ("v", 75)], guides(image)


def progressive_blur():
    image, layer = image_of(100, 40, pixel=noise)
    call("python-fu-grad-blur", image, layer, 1, 10, 10)
    data = pixels(image.layers[0])

    def variance(columns):
        values = [data[3 * (100 * y + x)] for y in range(40) for x in columns]
        mean = sum(values) / len(values)
        return sum((value - mean) ** 2 for value in values) / len(values)

    assert variance(range(85, 98)) < variance(range(2, 12)) / 2


def save_guides():
    image, layer = image_of(60, 50)
    image.filename = TEMPORARY + "/guided.xcf"
    image.add_hguide(5), image.add_hguide(9), image.add_vguide(30)
    call("python-fu-weahtr-save-guides", image, TEMPORARY, "g.json")
    with open(TEMPORARY + "/g.json") as file:
        told = json.dumps(json.load(file))
    assert all(str(number) in told for number in (5, 9, 30)), told


def ellipses():
    image, layer = image_of(100, 100)
    call("python-fu-concentric-ellipses", image, layer, 50, 50, 50, 50, True, 0, 3, 50, 100, 100)
    made = [path for path in image.vectors if "Ellipses" in path.name]
    assert len(made) == 1, image.vectors
    count, _ = pdb.gimp_vectors_get_strokes(made[0])
    assert count >= 3, count


def invert():
    image, layer = image_of(64, 16)
    before = pixels(layer)
    call("python-fu-Invert", image, layer)
    after = pixels(image.layers[0])
    assert all(abs(a + b - 255) <= 1 for a, b in zip(before, after, strict=True))


def hello_world():
    number = len(gimp.image_list())
    call("python-fu-hello-world", "Hello", "Sans-serif", 50, (1.0, 0.5, 0.0))
    images = gimp.image_list()
    assert len(images) == number + 1 and len(images[0].layers) == 1
    layer = images[0].layers[0]
    data, bpp = pixels(layer), layer.bpp
    seen = {tuple(data[at : at + 3]) for at in range(0, len(data), bpp) if bpp == 3 or data[at + 3] > 250}
    assert any(abs(r - 255) < 3 and abs(g - 128) < 4 and b < 4 for r, g, b in seen), list(seen)[:5]


def crosses():
    image, layer = image_of(100, 100)
    image.add_hguide(40), image.add_vguide(60)
    call("python-fu-crosses-for-guides", image, 10, (0, 0, 0))
    made = image.layers[0]
    assert made != layer
    x, y = made.offsets
    assert made.get_pixel(60 - x, 40 - y)[-1] > 0, made.get_pixel(60 - x, 40 - y)


def two_colors_border():
    image, layer = image_of(100, 80)
    call("python-fu-two-colors-border", image, layer, 3.2, 10.0, (0, 0, 0), (255, 255, 255), False)
    assert image.width > 100 and image.height > 80, (image.width, image.height)
    border = [one for one in image.layers if "order" in one.name][0]
    data = pixels(border)
    seen = {tuple(data[at : at + 3]) for at in range(0, len(data), border.bpp)}
    assert {(0, 0, 0), (255, 255, 255)} <= seen, seen


def thirds():
    image, layer = image_of(90, 60)
    call("python-fu-add-thirds", image, layer)
    assert guides(image) == [("h", 20), ("h", 40), ("v", 30), ("v", 60)], guides(image)


def ungroup():
    image, layer = image_of(32, 32)
    group = pdb.gimp_layer_group_new(image)
    pdb.gimp_image_insert_layer(image, group, None, 0)
    for _ in "ab":
        pdb.gimp_image_insert_layer(image, layer.copy(), group, 0)
    image.active_layer = group
    call("python-fu-ungroup-grouplayer", image, group)
    names = [one.name for one in image.layers]
    assert sum(not pdb.gimp_item_is_group(one) for one in image.layers) == 3 and not group.children, names


def sprite_tape():
    image, layer = image_of(16, 16, RGBA_IMAGE, lambda x, y: (10, 0, 0))
    for value in (60, 120, 180):
        other = layer.copy()
        put(other, [value, 0, 0, 255] * 256)
        image.add_layer(other, 0)
    call("python-fu-sprite-tape", image, layer, 2, 2)
    newest = max(gimp.image_list(), key=lambda one: one.ID) if image.width != 32 else image
    assert (newest.width, newest.height, len(newest.layers)) == (32, 32, 1)
    found = {newest.layers[0].get_pixel(x, y)[0] for x in (8, 24) for y in (8, 24)}
    assert found == {10, 60, 120, 180}, found


def outline():
    image, layer = image_of(64, 64, RGBA_IMAGE, disc)
    call("python-fu-add-outline-to-layer", image, layer, 5, (255, 255, 255), "grown", 0)
    made = [one for one in image.layers if "outline" in one.name.lower()]
    assert made and image.layers.index(made[0]) > image.layers.index(layer), image.layers
    x, y = made[0].offsets
    pixel = made[0].get_pixel(32 - x, 32 - 20 - y)
    assert pixel[:3] == (255, 255, 255) and pixel[3] > 0, pixel


def center():
    image, layer = image_of(100, 100)
    small = gimp.Layer(image, "small", 20, 20, RGB_IMAGE, 100.0, LAYER_MODE_NORMAL)
    image.add_layer(small)
    call("python-fu-center-layer", image, small, "both")
    assert small.offsets == (40, 40), small.offsets


def scale2x():
    image, layer = image_of(16, 16)
    before = len(gimp.image_list())
    call("python-fu-scale2x", image, layer)
    where = image if len(gimp.image_list()) == before else gimp.image_list()[0]
    assert (where.width, where.height) == (32, 32), (where.width, where.height)
    assert "scale2x" in [one.name.lower() for one in where.layers][0], where.layers[0].name


EFFECTS = {
    "pixelscale.py": pixelscale,
    "layers_blend_mode.py": layers_blend_mode,
    "luminosity_masks.py": luminosity_masks,
    "lomo.py": lomo,
    "extreme_unsharp_desaturation_options.py": extreme_unsharp,
    "batch-resize.py": batch_resize,
    "export_resized_favicons.py": favicons,
    "copy_layer_to_channel.py": layer_to_channel,
    "blobi.py": blobi,
    "arclayer.py": arclayer,
    "gimp_instagram_1977.py": instagram,
    "jdl-guide-matrix.py": guide_matrix,
    "progressive_blur.py": progressive_blur,
    "weahtr_guides.py": save_guides,
    "concentric_ellipses.py": ellipses,
    "invert.py": invert,
    "hello_world.py": hello_world,
    "crosses_for_guides.py": crosses,
    "two_colors_borders.py.txt": two_colors_border,
    "rule_of_thirds_guides.py": thirds,
    "ungroup_grouplayer.py_0.txt": ungroup,
    "sprite_tape.py": sprite_tape,
    "gimp_outline_layer.py.txt": outline,
    "center_layer.py": center,
    "scale2x.py.txt": scale2x,
}


def scene():
    """Everything that a script could have changed and a user would see, by name."""
    told = {"files": {}, "images": {}}
    for image in gimp.image_list():
        items = {}
        stack = [*image.layers, *image.channels]
        while stack:
            one = stack.pop()
            about = {
                "name": one.name,
                "size": (one.width, one.height),
                "offsets": one.offsets,
                "visible": one.visible,
                "opacity": round(one.opacity, 1),
                "mode": int(getattr(one, "mode", 0)),
                "mask": getattr(one, "mask", None) is not None,
                "place": pdb.gimp_image_get_item_position(image, one),
                "parent": one.parent.name if one.parent else None,
                "group": isinstance(one, gimp.GroupLayer),
            }
            if isinstance(one, gimp.GroupLayer):
                stack += one.children
            elif one.width * one.height < LARGE:
                about["pixels"] = pixels(one)
                about["mask pixels"] = pixels(one.mask) if about["mask"] else b""
            items[one.ID] = about
        told["images"][image.ID] = {
            "size": (image.width, image.height),
            "type": image.base_type,
            "resolution": image.resolution,
            "guides": guides(image),
            "file": image.filename,
            "selected": getattr(image.active_layer, "name", None),
            "paths": sorted((path.name, len(path.strokes)) for path in image.vectors),
            "selection": pdb.gimp_selection_bounds(image),
            "selection pixels": hash(pixels(image.selection)),
            "parasites": sorted(image.parasite_list()),
            "colour map": hash(str(image.colormap)) if image.base_type == INDEXED else 0,
            "items": items,
        }
    for folder, _, names in os.walk(TEMPORARY):
        for name in names:
            path = os.path.join(folder, name)
            told["files"][path] = (os.path.getsize(path), os.stat(path).st_mtime_ns)
    told["colours"] = (pdb.gimp_context_get_foreground(), pdb.gimp_context_get_background())
    told["tools"] = (pdb.gimp_context_get_brush(), pdb.gimp_context_get_gradient())
    told["sizes"] = (pdb.gimp_context_get_brush_size(), pdb.gimp_context_get_opacity())
    for kind in ("palettes", "brushes", "gradients"):
        told[kind] = pdb[f"gimp-{kind}-get-list"]("")
    return told


def changes(before, after):
    """What became another between two scenes, as short sentences."""
    told = []
    for number, image in after["images"].items():
        if number not in before["images"]:
            names = [one["name"] for one in image["items"].values()]
            told.append(f"new image {image['size']} type {image['type']} with {len(names)}: {names[:6]}")
            continue
        was = before["images"][number]
        told += [
            f"{key} {was[key]} -> {image[key]}" for key in was if key != "items" and was[key] != image[key]
        ]
        for item, one in image["items"].items():
            if item not in was["items"]:
                short = {
                    key: one[key]
                    for key in ("size", "offsets", "opacity", "mode", "mask", "place", "parent", "group")
                    if one[key]
                }
                told.append(f"new item {one['name']!r} {short}{_seen(one)}")
                continue
            old = was["items"][item]
            told += [
                f"{one['name']!r}: {key} {old[key]} -> {one[key]}"
                for key in one
                if "pixels" not in key and key != "place" and old[key] != one[key]
            ]
            for key in ("pixels", "mask pixels"):
                if old.get(key) != one.get(key):
                    told.append(f"{one['name']!r}: {key} {_apart(old.get(key) or b'', one.get(key) or b'')}")
        gone = [was["items"][item]["name"] for item in was["items"] if item not in image["items"]]
        told += [f"gone: {gone}"] if gone else []
        order = [
            sorted((one["place"], one["name"]) for one in each["items"].values()) for each in (was, image)
        ]
        if order[0] != order[1] and len(order[0]) == len(order[1]):
            told.append("order changed")
    told += [f"image {n} closed" for n in before["images"] if n not in after["images"]]
    for path in sorted({*before["files"], *after["files"]}):
        if before["files"].get(path) != after["files"].get(path):
            size = after["files"].get(path, ("gone",))[0]
            told.append(f"file {os.path.relpath(path, TEMPORARY)} {size}")
    told += [
        f"{key} {str(before[key])[:70]} -> {str(after[key])[:70]}"
        for key in after
        if key not in ("images", "files") and before[key] != after[key]
    ]
    return told


def _seen(one):
    """Mean of a new layer's samples."""
    data = one.get("pixels", b"")[::31]
    return f" mean {sum(data) / len(data):.0f}" if data else ""


def _apart(old, new):
    if len(old) != len(new):
        return f"{len(old)} -> {len(new)} bytes"
    other = [abs(a - b) for a, b in zip(old[::7], new[::7], strict=True)]
    return f"differ in {100 * sum(map(bool, other)) / len(other):.0f} %, mean {sum(other) / len(other):.1f}"


def picture(kind, variant):
    """A photograph with a second layer that has alpha, a channel, a path; a selection in one variant."""
    image = pdb.gimp_file_load(support.WORK + "/photo.png", "")
    if variant == "small":
        image.scale(64, 48)
    across, down = image.width / 640, image.height / 480
    ground = image.layers[0]
    ground.name = "Background"
    layer = gimp.Layer(image, "Layer", image.width, image.height, RGBA_IMAGE, 100.0, LAYER_MODE_NORMAL)
    image.add_layer(layer, 0)
    pdb.gimp_image_select_ellipse(
        image, CHANNEL_OP_REPLACE, 180 * across, 120 * down, 260 * across, 220 * down
    )
    pdb.gimp_edit_copy(ground)
    pdb.gimp_floating_sel_anchor(pdb.gimp_edit_paste(layer, True))
    pdb.gimp_selection_none(image)
    mask = gimp.Channel(image, "mask", image.width, image.height, 50.0, (0, 0, 0))
    image.add_channel(mask)
    path = pdb.gimp_vectors_new(image, "way")
    image.add_vectors(path)
    corners = ((100, 100), (500, 120), (560, 360), (80, 400))
    places = [part for corner in corners for part in corner * 3]
    points = [place * (down if number % 2 else across) for number, place in enumerate(places)]
    pdb.gimp_vectors_stroke_new_from_points(path, 0, len(points), points, 0)
    image.active_vectors = path
    image.active_layer = ground if variant == "ground" else layer
    if kind == "gray":
        pdb.gimp_image_convert_grayscale(image)
    elif kind == "indexed":
        pdb.gimp_image_convert_indexed(image, 0, 0, 16, False, False, "")
    if variant == "ground":
        image.add_vguide(200)
        image.add_hguide(150)
        group = pdb.gimp_layer_group_new(image)
        group.name = "Group"
        pdb.gimp_image_insert_layer(image, group, None, 0)
        for number in range(2):
            pdb.gimp_image_insert_layer(image, layer.copy(), group, number)
    if variant == "selection":
        pdb.gimp_image_select_rectangle(image, CHANNEL_OP_REPLACE, 200, 150, 120, 90)
    elif variant == "values":
        pdb.gimp_image_select_ellipse(image, CHANNEL_OP_REPLACE, 180, 120, 280, 220)
    image.filename = TEMPORARY + "/picture.xcf"
    return image, image.active_layer, mask, path


def kind_for(registration):
    types = registration.imagetypes or "*"
    if "RGB" in types or "*" in types.split(",") or types == "*":
        return "rgb"
    return "gray" if "GRAY" in types else "indexed" if "INDEXED" in types else "rgb"


_FOLDER = re.compile(r"dir|folder|(^|_|-)path|location|output|target", re.IGNORECASE)
_FILE = re.compile(r"file", re.IGNORECASE)
_PICTURE = re.compile(r"image|picture|photo|source|logo|watermark|svg|input", re.IGNORECASE)


def text_for(param):
    """Text where a script asks for a folder's or a file's name; its own default otherwise."""
    told = f"{param.name} {param.label}"
    if param.default and os.path.isdir(str(param.default)):
        return TEMPORARY
    given = str(param.default or "")
    if given in ("", ".", "Path") or "/" in given or "\\" in given:
        if _FILE.search(told) and not _FOLDER.search(param.name):
            return TEMPORARY + "/out.png"
        if _FOLDER.search(told):
            return TEMPORARY
    return None


def generic(registration, variant):
    """Call a script with its own defaults on a picture that suits it; what changed."""
    image, layer, mask, path = picture(kind_for(registration), variant)
    if registration.file_kind:
        return exported(registration, image)
    other = next(one for one in image.layers if one != layer)
    layers = [layer, other]
    things = {PF_IMAGE: image, PF_DRAWABLE: layer, PF_CHANNEL: mask, PF_VECTORS: path, PF_ITEM: layer}
    procedure = Gimp.get_pdb().lookup_procedure(registration.name)
    config = procedure.create_config()
    if registration.leading:
        config.set_property("image", image)
        config.set_core_object_array("drawables", [layer])
        if registration.leading == 2:
            layers.append(layers.pop(0))
    for param in registration.asked:
        if param.kind == PF_LAYER:
            config.set_property(param.key, layers[0])
            layers.append(layers.pop(0))
        elif param.kind in things:
            config.set_property(param.key, things[param.kind])
        elif param.kind == PF_DIRNAME:
            config.set_property(param.key, gimpfile(TEMPORARY))
        elif param.kind in (PF_FILE, PF_FILENAME):
            new = re.search("save|out|export|target|dest", f"{param.name} {param.label}", re.IGNORECASE)
            ending = ".jpg" if "jpg" in f"{param.label} {registration.blurb}" else ".png"
            file = TEMPORARY + "/out.png" if new else support.WORK + "/photo" + ending
            config.set_property(param.key, gimpfile(file))
        elif param.kind in (PF_STRING, PF_TEXT, PF_VALUE) and (text := text_for(param)) is not None:
            config.set_property(param.key, text)
        elif variant == "values":
            other_value(config, param)
        elif param.kind in (PF_STRING, PF_TEXT) and param.default in (None, ""):
            config.set_property(param.key, "Layer")
    before = scene()
    returned = procedure.run(config)
    failed = ""
    if returned.index(0) != Gimp.PDBStatusType.SUCCESS:
        failed = Gimp.get_pdb().get_last_error() or "failed"
    after = scene()
    told = changes(before, after)
    if told and not failed:
        show(registration.name, before, after, image)
    return failed, told


def exported(registration, image):
    """Save the picture as the files that a script is for."""
    if registration.on_query:
        registration.on_query()
    handler = handlers.get(registration.name)
    if registration.file_kind == "load" or handler is None:
        return "only files of its own kind can show whether it opens them", []
    before = scene()
    name = f"{TEMPORARY}/out.{handler.extensions.split(',')[0]}"
    pdb.gimp_file_save(image, image.active_layer, name, name)
    return "", changes(before, scene())


def other_value(config, param):
    """Set another value than the default, for scripts whose defaults do nothing."""
    now = config.get_property(param.key)
    if isinstance(now, bool):
        config.set_property(param.key, not now)
    elif isinstance(now, (int, float)) and len(param.extra) > 1:
        low, high = float(param.extra[0]), float(param.extra[1])
        step = max(1, round(min(high - low, 40) / 4))
        config.set_property(param.key, type(now)(now + step if now + step <= high else now - step))
    elif isinstance(now, (int, float)):
        config.set_property(param.key, type(now)(now + 2))


def show(name, before, after, image):
    """Keep pictures of what the image, or the newest one, looks like after a script."""
    numbers = [one.ID for one in gimp.image_list() if one.ID not in before["images"]] or [image.ID]
    for number in numbers[:2]:
        one = Gimp.Image.get_by_id(number)
        if one is None or not one.layers:
            continue
        copy = pdb.gimp_image_duplicate(one)
        with contextlib.suppress(Exception):
            if copy.base_type == INDEXED:
                pdb.gimp_image_convert_rgb(copy)
            flat = pdb.gimp_image_merge_visible_layers(copy, CLIP_TO_IMAGE)
            pdb.file_png_save(copy, flat, f"{support.WORK}/seen-{name}-{number}.png", "", 0, 6, 0, 0, 0, 0, 0)
        copy.delete()


def tried(registration):
    """Run a procedure until something changes: what it said, what changed, on which picture."""
    row = {}
    for variant in support.JOB.get("variants") or ("layer", "selection", "ground", "values", "small"):
        slow = bool(re.search("^failed$|no return values", row.get("failed", "")))
        if row and slow != (variant == "small"):
            continue  # what was ended for its slowness is tried on a small picture
        for name in os.listdir(TEMPORARY):
            path = os.path.join(TEMPORARY, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        for name in ("a.png", "b.png", "c.jpg", "d.webp"):
            shutil.copy(f"{support.WORK}/photo{name[1:]}", f"{TEMPORARY}/{name}")
        pdb.gimp_context_set_defaults()
        pdb.gimp_context_set_default_colors()
        print(f"@@@ {registration.name} ({variant})", file=sys.stderr, flush=True)
        try:
            failed, told = generic(registration, variant)
        except Exception as fault:
            failed, told = f"{type(fault).__name__}: {fault}", []
        tidy()
        if not row or (told and not failed):
            row = {"says": registration.blurb, "variant": variant, "failed": failed, "changes": told}
        if told and not failed:
            break
    return row


def gimpfile(path):
    from gi.repository import Gio

    return Gio.File.new_for_path(path)


def tidy():
    for image in gimp.image_list():
        with contextlib.suppress(Exception):
            image.delete()


def main():
    own = catalogue()
    own.load_all()
    told = {}
    wanted = support.JOB.get("only")
    for script in own.scripts:
        if wanted and script.path.name not in wanted:
            continue
        known = Gimp.get_pdb().lookup_procedure
        registered = {n: r for n, r in script.registrations.items() if known(n)}
        row = told[script.path.name] = {
            "parsed": not script.problem.startswith("It is not Python"),
            "registered": sorted(registered),
            "problem": script.problem or "; ".join(script.notes),
            "trace": script.trace,
        }
        if not registered:
            continue
        print(f"@@ {script.path.name}", file=sys.stderr, flush=True)
        pdb.gimp_context_set_defaults()
        pdb.gimp_context_set_default_colors()
        try:
            if script.path.name in EFFECTS:
                EFFECTS[script.path.name]()
                row["effect"] = "right"
            else:
                row["runs"] = {}
                for name, registration in list(registered.items())[:MOST]:
                    row["runs"][name] = tried(registration)
        except Exception as fault:
            row["effect"] = f"{type(fault).__name__}: {fault}"
            row["trace"] = traceback.format_exc()
        tidy()
        support.tell(told)
    support.tell(told)


main()
