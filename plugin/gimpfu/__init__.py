"""gimpfu for GIMP 3: ``from gimpfu import *`` as in GIMP 2's Python plug-ins. See README.md.

Importing makes no call into GIMP that could fail while it asks what is there to register.
Outside GIMP, where there is no ``gi``, only the translation can be used (`convert`).
"""

from __future__ import annotations

import importlib.util as _util

if _util.find_spec("gi") is not None:
    from . import api as _api
    from .api import *  # noqa: F403

    __all__ = _api.__all__
else:
    __all__ = []
