"""What the pipeline refuses, each with a code of the wire contract, one sentence and a hint."""

from __future__ import annotations


class ImagingError(Exception):
    """Base of all. code: of the wire contract. hint: what to do next, None for the code's usual one."""

    code = "internal"

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.message, self.hint = message, hint


class BadImage(ImagingError):
    """The samples or the colour profile cannot be used."""

    code = "bad-image"


class BadSetting(ImagingError):
    """The settings ask for what this picture or network does not have."""

    code = "bad-setting"


class Cancelled(ImagingError):
    """Nobody wants the result any more."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("The retouching was cancelled.")
