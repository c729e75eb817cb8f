"""The kinds of parameters that ``register`` knows: gimpfu's ``PF_*`` numbers.

Scripts only ever compare or pass them on; several names share a number where gimpfu
treated them alike.
"""

from __future__ import annotations

PF_INT32, PF_INT16, PF_INT8, PF_FLOAT, PF_STRING = range(5)
PF_COLOR, PF_ITEM, PF_DISPLAY, PF_IMAGE, PF_LAYER, PF_CHANNEL, PF_DRAWABLE, PF_VECTORS = range(10, 18)
PF_TOGGLE, PF_SLIDER, PF_SPINNER, PF_RADIO, PF_OPTION, PF_TEXT = range(1000, 1006)
PF_FONT, PF_BRUSH, PF_PATTERN, PF_GRADIENT, PF_PALETTE = range(1010, 1015)
PF_FILE, PF_FILENAME, PF_DIRNAME = range(1020, 1023)

PF_INT = PF_INT32
PF_VALUE = PF_STRING
PF_COLOUR = PF_COLOR
PF_BOOL = PF_TOGGLE
PF_ADJUSTMENT = PF_SPINNER
