#!/usr/bin/env python3
"""A gimpfu script that imports gimp before gimpfu and installs its own ``_``."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import gettext
import os

import gimp

gettext.install("kinds", os.path.join(os.path.dirname(__file__), "locale"))

from gimpfu import *  # noqa: E402


def gimp_first():
    return f"{_('Sharper')} {gimp.pdb is pdb} {gimp.version[0]}"  # noqa: F821


WHO = ("Blurb", "Help", "Author", "Copyright", "2026")
register("gimp_first", *WHO, "First", "", [], [(PF_STRING, "told", "Told")], gimp_first)
main()
