#!/usr/bin/env python3
"""Old scripts for GIMP 3: registers GIMP 2's Python-Fu scripts of the profile's folder gimpfu-scripts.

Lies as gimpfu-scripts/gimpfu-scripts.py in GIMP's plug-ins, with the package gimpfu beside it.
"""

from gimpfu.scripts.plugin import main

main()
