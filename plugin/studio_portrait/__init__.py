"""The folder that GIMP gets, exactly as it lies here.

Inside GIMP its modules are top-level siblings of the entry script; outside,
the server, the command line and the tests import ``plugin.studio_portrait.link``.
"""
