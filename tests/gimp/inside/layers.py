"""Runs the filter on layers of every kind and dumps what came of it. Executed by GIMP."""

import time

import support
from gi.repository import Gimp


def convert(image, profile):
    image.convert_color_profile(profile, Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, False)


def prepare(case):
    image, layer = support.make_image(case)
    if case.get("adobe"):
        convert(image, Gimp.ColorProfile.new_rgb_adobe())
    if "offsets" in case:
        below = Gimp.Layer.new(image, "below", 8, 8, layer.type(), 100.0, Gimp.LayerMode.NORMAL)
        group = Gimp.GroupLayer.new(image, "group")
        image.insert_layer(group, None, 0)
        image.reorder_item(layer, group, 0)
        image.insert_layer(below, group, 1)
        above = Gimp.Layer.new(image, "above", 8, 8, layer.type(), 100.0, Gimp.LayerMode.NORMAL)
        image.insert_layer(above, group, 0)
        layer.set_offsets(*case["offsets"])
    if "selection" in case:
        image.select_rectangle(Gimp.ChannelOps.REPLACE, *case["selection"])
        if case.get("feather"):
            Gimp.Selection.feather(image, case["feather"])
    return image, layer


def describe(image, layer, new, stem):
    support.dump(new, f"{stem}.new")
    mask = new.get_mask()
    if mask:
        support.dump(mask, f"{stem}.mask")
    parasite = new.get_parasite("studio-portrait")
    parent = new.get_parent()
    return {
        "name": new.get_name(),
        "size": [new.get_width(), new.get_height()],
        "offsets": list(new.get_offsets()[1:]),
        "position": image.get_item_position(new),
        "original_position": image.get_item_position(layer),
        "parent": parent.get_name() if parent else None,
        "siblings": [item.get_name() for item in (parent.get_children() if parent else image.get_layers())],
        "format": support.Babl.format_get_encoding(new.get_format()),
        "precision": image.get_precision().value_nick,
        "opacity": new.get_opacity(),
        "mask": bool(mask),
        "parasite": bytes(parasite.get_data()).decode() if parasite else None,
        "persistent": bool(parasite and parasite.is_persistent()),
        "selected": [item.get_name() for item in image.get_selected_layers()],
    }


def run(case):
    image, layer = prepare(case)
    stem = f"{support.WORK}/{case['name']}"
    support.dump(layer, f"{stem}.before")
    begin = time.monotonic()
    returned = support.call(support.FILTER, image=image, drawables=[layer], **case.get("settings", {}))
    status, value = support.outcome(returned)
    told = {"status": status, "seconds": time.monotonic() - begin, "layers": len(image.get_layers())}
    support.dump(layer, f"{stem}.after")
    if status == "success":
        told.update(describe(image, layer, value, stem))
        if case.get("adobe"):
            convert(image, Gimp.ColorProfile.new_rgb_srgb())
            support.dump(value, f"{stem}.new-in-srgb")
    else:
        told["message"] = value
    image.delete()
    return told


support.tell(support.each(support.JOB["cases"], run))
