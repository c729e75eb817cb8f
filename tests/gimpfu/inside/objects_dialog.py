"""Opens the dialog of the script that asks for objects. Executed by GIMP."""

import support
from gi.repository import Gimp

images = [Gimp.Image.new(40, 30, Gimp.ImageBaseType.RGB) for _ in range(2)]
for image in images:
    layer = Gimp.Layer.new(image, "ground", 40, 30, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    for name in ("lower", "upper"):
        image.insert_path(Gimp.Path.new(image, f"{name} way"), None, 0)
mask = Gimp.Channel.new(images[0], "mask", 40, 30, 50.0, support.Gegl.Color.new("black"))
images[0].insert_channel(mask, None, 0)
images[0].set_selected_layers([images[0].get_layers()[0]])
given = {"image": images[0], "drawables": images[0].get_layers()}
status, value = support.outcome(support.call("python-fu-objects", run_mode=Gimp.RunMode.INTERACTIVE, **given))
support.tell({"status": status, "told": value, "images": [image.get_name() for image in images]})
