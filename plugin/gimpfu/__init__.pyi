"""Types of what ``from gimpfu import *`` brings, for scripts that are checked with mypy."""

import gettext as gettext
import math as math
from typing import Any

from . import gimp as gimp
from .constants import *  # noqa: F403
from .errors import CancelError as CancelError
from .errors import error as error
from .errors import fail as fail
from .pdb import PDB
from .procedure import main as main
from .registry import register as register

pdb: PDB

def N_(text: str) -> str: ...
def __getattr__(name: str) -> Any: ...  # the constants of gimpenums
