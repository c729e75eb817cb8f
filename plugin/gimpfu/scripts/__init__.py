"""Old scripts: read, translated from Python 2 and registered without touching their files.

`translate` makes code of a file, which calls `python2_expressions`, finds `python2_builtins` and, by its
`importer`, `python2_modules` and `python2_data`; `catalogue` knows every script of the folders, `plugin` is
the GIMP 3 plug-in that registers them, `window` shows them.
"""

PYTHON_2 = "__python_2__"  # the name that tells a translated module from one in Python 3
