"""What can be wrong with a picture file, as one sentence and a hint."""

from __future__ import annotations

HINTS = {
    "bad-image": "Open the picture in an image editor and save it again.",
    "too-large": "Scale the picture down, or cut it.",
    "bad-output": "Choose another place for the result.",
    "out-of-memory": "Close other programs, or scale the picture down.",
    "set-up": "Run install.py again.",
    "internal": "Please report it.",
}


class PictureError(Exception):
    """Say why a file cannot be read or written.

    code: a key of `HINTS`. message, hint: a sentence each, for the user.
    """

    def __init__(self, code: str, message: str, hint: str | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = HINTS[code] if hint is None else hint


_NATIVE = "Open it in an image editor, convert it to RGB, and save it as PNG or TIFF."
_AGAIN = "Copy it again from where it came from."


def unsupported(what: str, hint: str = _NATIVE) -> PictureError:
    """Return the `PictureError` for a kind of picture that is not read."""
    return PictureError("bad-image", what, hint)


def truncated() -> PictureError:
    """Make the error for a file that ends too early."""
    return PictureError("bad-image", "The file is damaged: it ends too early.", _AGAIN)


def damaged(error: object) -> PictureError:
    """Make the error for a damaged file."""
    return PictureError("bad-image", f"The file is damaged: {error}.", _AGAIN)
