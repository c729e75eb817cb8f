"""Says which of many procedure names gimpfu serves. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import sys

import support

sys.path.insert(0, support.JOB["package"])

from gimpfu import *  # noqa: E402

served = {}
for name in support.JOB["names"]:
    try:
        pdb[name]
        served[name] = "served"
    except error as refused:
        served[name] = str(refused)
support.tell({"served": served})
