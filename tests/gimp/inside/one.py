"""Runs the filter once on a photo and says what came of it, with the time it took. Executed by GIMP."""

import time

import support

image, layer = support.make_image(support.JOB["photo"])
names = [item.get_name() for item in image.get_layers()]
begin = time.monotonic()
returned = support.call(support.FILTER, image=image, drawables=[layer])
seconds = time.monotonic() - begin
status, value = support.outcome(returned)
told = {
    "status": status,
    "message": value if isinstance(value, str) else None,
    "unchanged": names == [item.get_name() for item in image.get_layers()],
    "dirty": image.is_dirty(),
    "seconds": seconds,
}
image.delete()
support.tell(told)
