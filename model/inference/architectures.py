"""The architectures that can be served, by the name in a weights file's description."""

from __future__ import annotations

from typing import Final

from . import deepflash, studio
from .layers import Architecture

ARCHITECTURES: Final = {
    "deepflash": Architecture(deepflash.fold, deepflash.body, deepflash.head),
    "studio": Architecture(studio.fold, studio.body, studio.head),
}
