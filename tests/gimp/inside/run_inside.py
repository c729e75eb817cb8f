"""Runs the plug-in's own code in this process: the progress bar's course, and images closed while it works.
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


def closed(stage):
    image, layer = support.make_image(support.JOB["photo"])
    reached = []

    def close(self, now, fraction):
        if now == stage and not reached:
            reached.append(now)
            image.delete()
        show(self, now, fraction)

    progress.Bar.show = close
    try:
        retouch.retouch(image, layer, Choices())
    except Problem as problem:
        return {"code": problem.code, "reached": reached}
    finally:
        progress.Bar.show = show
    return {"code": "", "reached": reached}


told = {"bar": bar(), **{stage: closed(stage) for stage in ("upload", "predict", "download")}}
support.tell(told)
