"""Runs the plug-in's own code in this process: the progress bar's course, images closed and changed.
Executed by GIMP."""

import sys
import types

import support
from gi.repository import Gimp

sys.path.insert(0, f"{Gimp.directory()}/plug-ins/studio_portrait")
import progress  # noqa: E402
import retouch  # noqa: E402
from choices import Choices  # noqa: E402
from link.wire import Problem  # noqa: E402

calls = []
progress.Gimp = types.SimpleNamespace(
    progress_init=lambda words: calls.append(["init", words]),
    progress_set_text=lambda words: calls.append(["text", words]),
    progress_update=lambda share: calls.append(["at", share]),
)
show = progress.Bar.show


def bar():
    image, layer = support.make_image(support.JOB["photo"])
    retouch.retouch(image, layer, Choices())
    image.delete()
    return list(calls)


def meanwhile(stage, do, precision=None):
    """What comes of it when the user does something as soon as a stage is reached."""
    image, layer = support.make_image(support.JOB["photo"])
    if precision is not None:
        image.convert_precision(precision)
    reached = []

    def show_and_do(self, now, fraction):
        if now == stage and not reached:
            reached.append(now)
            do(image)
        show(self, now, fraction)

    progress.Bar.show = show_and_do
    try:
        retouch.retouch(image, layer, Choices())
    except Problem as problem:
        return {"code": problem.code, "reached": reached}
    finally:
        progress.Bar.show = show
        if image.is_valid():
            image.delete()
    return {"code": "", "reached": reached}


told = {"bar": bar()}
told |= {stage: meanwhile(stage, Gimp.Image.delete) for stage in ("upload", "predict", "download")}
told |= {
    f"scaled-{stage}": meanwhile(stage, lambda image: image.scale(300, 400))
    for stage in ("predict", "download")
}
told["converted"] = meanwhile("download", lambda image: image.convert_grayscale())
half, full = Gimp.Precision.HALF_NON_LINEAR, Gimp.Precision.FLOAT_NON_LINEAR
told["widened"] = meanwhile("predict", lambda image: image.convert_precision(full), half)
told["narrowed"] = meanwhile("download", lambda image: image.convert_precision(half), full)
support.tell(told)
