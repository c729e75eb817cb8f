"""Opens a file as the user does and says what layers it has and how it looks. Executed by GIMP."""

import support
from gi.repository import Gimp

image = support.load(support.JOB["file"])
layers = [
    {"name": layer.get_name(), "mode": layer.get_mode().value_nick, "opacity": layer.get_opacity()}
    for layer in image.get_layers()
]
seen = Gimp.Layer.new_from_visible(image, image, "seen")
support.dump(seen, f"{support.WORK}/seen.raw")
seen.delete()
image.delete()
support.tell({"layers": layers})
