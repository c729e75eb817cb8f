"""Runs the judge's cases in GIMP 3 through gimpfu. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import sys
import traceback

import support

sys.path.insert(0, support.JOB["package"])

from gimpfu import *  # noqa: E402
from gimpfu import patches  # noqa: E402

patches.apply()
MATRIX = [0.0] * 6 + [1.0, 2.0, 1.0, 0.0, 0.0, 2.0, 4.0, 2.0, 0.0, 0.0, 1.0, 2.0, 1.0] + [0.0] * 6


def value(argument, helper):
    if argument == "MAP":
        return helper
    return tuple(argument) if isinstance(argument, list) else argument


def arguments(case, helper):
    special = {
        "MATRIX": [25, MATRIX, 0, 16.0, 0.0, 5, [1, 1, 1, 1, 0], 0],
        "POINTS": [[0, 0, 96, 160, 255, 240]],
        "POINTS_S": [[0, 20, 70, 40, 180, 220, 255, 255]],
        "CURVE": [[one * one // 255 for one in range(256)]],
    }
    given = []
    for argument in case["arguments"]:
        if isinstance(argument, str) and argument in special:
            given += special[argument]
        else:
            given.append(value(argument, helper))
    return given


def main():
    told = {}
    work = support.WORK
    for case in support.JOB["cases"]:
        number = case["number"]
        try:
            image = pdb.gimp_file_load(f"{work}/{case['input']}", "")
            helper_image = pdb.gimp_file_load(f"{work}/map.png", "")
            layer = image.layers[0]
            pdb.gimp_context_set_defaults()
            pdb.gimp_context_set_foreground((200, 40, 20))
            pdb.gimp_context_set_background((30, 60, 220))
            head = (image, layer) if case["name"].startswith("plug-in") else (layer,)
            pdb[case["name"]](*head, *arguments(case, helper_image.layers[0]))
            layer = image.layers[0]
            pdb.file_png_save(image, layer, f"{work}/three-{number}.png", "", 0, 1, 0, 0, 0, 0, 0)
            told[str(number)] = "ran"
            image.delete()
            helper_image.delete()
        except Exception:
            told[str(number)] = traceback.format_exc().strip().splitlines()[-1]
        support.tell(told)
    support.tell(told)


main()
