"""What may be printed: names and messages come from files and servers that nobody here has made."""

from __future__ import annotations

import re

# Control characters (ESC begins a terminal's commands), what turns the direction of writing, and the half
# characters that stand for a name's bytes which are no text.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Write characters that command a terminal, line ends among them, as escapes like ``\\x1b``."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)
