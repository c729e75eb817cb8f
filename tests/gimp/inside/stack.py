"""What the user sees of a stack of layers before and after the filter, once and again. Executed by GIMP."""

import json

import support
from gi.repository import Gimp


def seen(image, name):
    """The image as it is shown, dumped."""
    layer = Gimp.Layer.new_from_visible(image, image, "seen")
    support.dump(layer, f"{support.WORK}/{name}")
    layer.delete()


def names(image):
    def of(layers):
        return [
            [layer.get_name(), of(layer.get_children())] if layer.is_group() else layer.get_name()
            for layer in layers
        ]

    return of(image.get_layers())


def prepare(case):
    """A grey layer below, the photo above it as the case says."""
    image, layer = support.make_image(case)
    below = Gimp.Layer.new(
        image, "below", case["width"], case["height"], layer.type(), 100.0, Gimp.LayerMode.NORMAL
    )
    image.insert_layer(below, None, 1)
    below.fill(Gimp.FillType.WHITE)
    below.levels(Gimp.HistogramChannel.VALUE, 0.0, 1.0, False, 1.0, 0.0, 0.6, False)
    if "below_opacity" in case:
        below.set_opacity(case["below_opacity"])
    layer.set_opacity(case.get("opacity", 100.0))
    layer.set_mode(getattr(Gimp.LayerMode, case.get("mode", "NORMAL")))
    if "effect" in case:
        layer.append_filter(Gimp.DrawableFilter.new(layer, case["effect"], "effect"))
    if case.get("layer_mask"):
        mask = layer.create_mask(Gimp.AddMaskType.WHITE)
        layer.add_mask(mask)
        mask.levels(Gimp.HistogramChannel.VALUE, 0.0, 1.0, False, 1.0, 0.0, case["layer_mask"], False)
    if case.get("hindered"):  # whatever keeps GIMP's own procedures from doing what they are told
        group = Gimp.GroupLayer.new(image, "group")
        image.insert_layer(group, None, 0)
        image.reorder_item(layer, group, 0)
        group.set_lock_position(True)
        for lock in (layer.set_lock_alpha, layer.set_lock_content, layer.set_lock_position):
            lock(True)
        layer.set_lock_visibility(True)
        image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 20)
        image.set_component_active(Gimp.ChannelType.ALPHA, False)
    return image, layer


def run(case):
    image, layer = prepare(case)
    stem = case["name"]
    seen(image, f"{stem}.before")
    drawable, told = layer, {"runs": []}
    for again in range(case.get("runs", 1)):
        settings = case["settings"][again] if isinstance(case["settings"], list) else case["settings"]
        status, top = support.outcome(
            support.call(support.FILTER, image=image, drawables=[drawable], **settings)
        )
        assert status == "success", top
        told["runs"].append(names(image))
        account = json.loads(bytes(top.get_parasite("studio-portrait").get_data()))
        told["strength"] = account["settings"]["strength"]
        told["undoable"] = top.get_parasite("studio-portrait").is_undoable()
        drawable = top.get_mask() if case.get("on_mask") and top.get_mask() else top
    told["source_visible"] = layer.get_visible()
    seen(image, f"{stem}.after")
    if case.get("truth"):  # the picture's own samples replaced: what the user must see
        pixels = support.read(top)
        image.remove_layer(top)
        layer.set_visible(True)
        support.write(layer, pixels)
        seen(image, f"{stem}.truth")
    image.delete()
    return told


support.tell(support.each(support.JOB["cases"], run))
