"""Runs the filter on what it must refuse, and says what the user would read. Executed by GIMP."""

import support
from gi.repository import Gimp, Gio


def photo(work_file="photo.raw"):
    spec = {"samples": work_file, "width": 480, "height": 640, "base": "RGB"}
    return support.make_image({**spec, "precision": "U8_NON_LINEAR", "type": "RGB_IMAGE"})


def attempt(image, drawables, **settings):
    names = [layer.get_name() for layer in image.get_layers()]
    status, value = support.outcome(
        support.call(support.FILTER, image=image, drawables=drawables, **settings)
    )
    unchanged = names == [layer.get_name() for layer in image.get_layers()]
    image.delete()
    return {"status": status, "message": value if isinstance(value, str) else None, "unchanged": unchanged}


def plain_noise():
    return photo("noise.raw")


def indexed():
    image, layer = photo()
    image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    return attempt(image, [layer])


def group():
    image, layer = photo()
    made = Gimp.GroupLayer.new(image, "Set")
    image.insert_layer(made, None, 0)
    image.reorder_item(layer, made, 0)
    return attempt(image, [made])


def locked_group():
    image, layer = photo()
    made = Gimp.GroupLayer.new(image, "Set")
    image.insert_layer(made, None, 0)
    image.reorder_item(layer, made, 0)
    made.set_lock_content(True)
    return attempt(image, [layer])


def text():
    image, _ = photo()
    font = Gimp.fonts_get_list("")[0]
    made = Gimp.TextLayer.new(image, "Hello", font, 30.0, Gimp.Unit.pixel())
    image.insert_layer(made, None, 0)
    return attempt(image, [made])


def channel():
    image, _ = photo()
    made = Gimp.Channel.new(image, "Mask", 480, 640, 50.0, support.Gegl.Color.new("black"))
    image.insert_channel(made, None, 0)
    return attempt(image, [made])


def layer_mask():
    image, layer = photo()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    return attempt(image, [layer.get_mask()])


def result_without_its_picture():
    image, layer = photo()
    status, made = support.outcome(support.call(support.FILTER, image=image, drawables=[layer]))
    assert status == "success", made
    image.remove_layer(layer)
    return attempt(image, [made])


def two_layers():
    image, layer = photo()
    other = layer.copy()
    image.insert_layer(other, None, 0)
    return attempt(image, [layer, other])


def no_layer():
    image, _ = photo()
    return attempt(image, [])


def floating():
    image, layer = photo()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 10, 100, 100)
    Gimp.edit_copy([layer])
    made = Gimp.edit_paste(layer, True)[0]
    return attempt(image, [made])


def selection_outside():
    image, layer = photo()
    image.resize(1000, 1000, 0, 0)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 700, 700, 100, 100)
    return attempt(image, [layer])


def faces_without_selection():
    image, layer = photo()
    return attempt(image, [layer], faces="selection")


def face_not_in_selection():
    image, layer = photo()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 60, 60)
    return attempt(image, [layer], faces="selection")


def no_face():
    image, layer = plain_noise()
    return attempt(image, [layer])


def face_that_is_not_there():
    image, layer = photo()
    return attempt(image, [layer], faces="ticked", ticked="3")


def effects_in_a_group():
    image, layer = photo()
    layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:invert-gamma", "Invert"))
    return attempt(image, [layer], output="group")


def hidden_effects_in_a_group():
    image, layer = photo()
    effect = Gimp.DrawableFilter.new(layer, "gegl:invert-gamma", "Invert")
    layer.append_filter(effect)
    effect.set_visible(False)
    return attempt(image, [layer], output="group")


def unknown_network():
    image, layer = photo()
    return attempt(image, [layer], network="nobody")


def network_with_odd_letters():
    image, layer = photo()
    return attempt(image, [layer], network="../../etc")


def headshot_without_portrait():
    image, layer = photo()
    return attempt(image, [layer], network="headshot")


def portrait_without_headshot():
    image, layer = photo()
    return attempt(image, [layer], reference=Gio.File.new_for_path(f"{support.WORK}/portrait.jpg"))


def portrait_without_face():
    image, layer = photo()
    grey = Gio.File.new_for_path(f"{support.WORK}/grey.png")
    return attempt(image, [layer], network="headshot", reference=grey)


def portrait_that_is_none():
    image, layer = photo()
    samples = Gio.File.new_for_path(f"{support.WORK}/photo.raw")
    return attempt(image, [layer], network="headshot", reference=samples)


def portrait_matched():
    image, layer = photo()
    portrait = Gio.File.new_for_path(f"{support.WORK}/portrait.jpg")
    images = len(Gimp.get_images())
    returned = support.call(
        support.FILTER, image=image, drawables=[layer], network="headshot", reference=portrait
    )
    status, new = support.outcome(returned)
    assert status == "success", new
    assert len(Gimp.get_images()) == images, "the portrait is closed again"
    support.dump(new, f"{support.WORK}/matched.raw")
    image.delete()
    return {"status": status}


def tiny():
    image = Gimp.Image.new(1, 1, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "dot", 1, 1, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    return attempt(image, [layer])


def frame_without_a_face():
    image = Gimp.Image.new(1, 1, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "dot", 1, 1, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.fill(Gimp.FillType.FOREGROUND)
    settings = {"reach": "frame", "brightness": 40.0}
    returned = support.call(support.FILTER, image=image, drawables=[layer], **settings)
    status, new = support.outcome(returned)
    told = {"status": status, "layers": len(image.get_layers()), "said": str(new)}
    image.delete()
    return told


def too_large():
    image = Gimp.Image.new(20000, 6000, Gimp.ImageBaseType.GRAY)
    layer = Gimp.Layer.new(
        image, "wall", 20000, 6000, Gimp.ImageType.GRAY_IMAGE, 100.0, Gimp.LayerMode.NORMAL
    )
    image.insert_layer(layer, None, 0)
    return attempt(image, [layer])


def not_a_number():
    spec = {"samples": "nan.raw", "width": 480, "height": 640, "base": "RGB"}
    image, layer = support.make_image({**spec, "precision": "FLOAT_LINEAR", "type": "RGB_IMAGE"})
    return attempt(image, [layer])


def locked_and_hidden():
    image, layer = photo()
    layer.set_lock_content(True)
    layer.set_lock_position(True)
    layer.set_visible(False)
    returned = support.call(support.FILTER, image=image, drawables=[layer])
    status, new = support.outcome(returned)
    assert status == "success", new
    told = {"status": status, "locked": new.get_lock_content(), "visible": new.get_visible()}
    told["original"] = [layer.get_lock_content(), layer.get_visible()]
    image.delete()
    return told


CASES = [
    indexed,
    group,
    locked_group,
    text,
    channel,
    layer_mask,
    result_without_its_picture,
    two_layers,
    no_layer,
    floating,
    selection_outside,
    faces_without_selection,
    face_not_in_selection,
    no_face,
    face_that_is_not_there,
    effects_in_a_group,
    hidden_effects_in_a_group,
    unknown_network,
    network_with_odd_letters,
    headshot_without_portrait,
    portrait_without_headshot,
    portrait_without_face,
    portrait_that_is_none,
    portrait_matched,
    tiny,
    frame_without_a_face,
    too_large,
    not_a_number,
    locked_and_hidden,
]
told = support.each([{"name": case.__name__, "run": case} for case in CASES], lambda case: case["run"]())
support.tell(told)
