"""Everything that ``from gimpfu import *`` brings, taken together. Needs GIMP's own Python."""

from __future__ import annotations

import math
import sys

import gi

gi.require_version("Babl", "0.1")
gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")

from . import colour as gimpcolor  # noqa: E402
from . import enums as gimpenums  # noqa: E402
from . import gimp  # noqa: E402
from .constants import *  # noqa: E402, F403
from .errors import CancelError, error, fail  # noqa: E402
from .pdb import pdb  # noqa: E402
from .procedure import main  # noqa: E402
from .registry import register  # noqa: E402
from .scripts.python2_modules import gettext  # noqa: E402


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for translation where it cannot be translated yet."""
    return text


_enums = gimpenums.collect()
vars(gimpenums).update(_enums)
globals().update(_enums)

# Scripts also write `import gimp` and `from gimpenums import *`; a file gimp.py beside them may
# hold `import gimpfu` for those that do so first, so what is there already is replaced.
for _name, _module in {"gimp": gimp, "gimpcolor": gimpcolor, "gimpenums": gimpenums}.items():
    sys.modules[_name] = _module

__all__ = [
    "CancelError",
    "N_",
    "error",
    "fail",
    "gettext",
    "gimp",
    "gimpcolor",
    "gimpenums",
    "main",
    "math",
    "pdb",
    "register",
    *(name for name in list(globals()) if name.startswith("PF_")),
    *_enums,
]
