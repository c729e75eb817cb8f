"""How long the menu item takes in this GIMP, from the call to the new layer. Told: seconds per run."""

import time

from support import FILTER, JOB, call, load, outcome, tell

seconds = []
for _ in range(JOB["runs"]):
    image = load(JOB["photo"])
    begin = time.perf_counter()
    returned = call(FILTER, image=image, drawables=image.get_layers())
    seconds.append(time.perf_counter() - begin)
    assert outcome(returned)[0] == "success", outcome(returned)
    assert len(image.get_layers()) == 2
    image.delete()
tell({"seconds": seconds})
