"""What can go wrong in `model`, each with one sentence for the user and a hint.

`code` says the kind in one word; a server that talks to clients passes it on, nothing in here depends on one.
"""

from __future__ import annotations


class Unusable(ValueError):
    """Nothing can be done with what was given; the text says why, with a hint."""


class ModelError(Exception):
    """Base of all of them. message: one sentence. hint: what to do about it, None for what always helps."""

    code = "internal"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def __reduce__(self) -> tuple[type[ModelError], tuple[str, str | None]]:
        return type(self), (self.message, self.hint)


class UnknownNetwork(ModelError):
    """There is no network of that name."""

    code = "unknown-network"


class BadWeights(ModelError):
    """A network's weights or their description are missing, altered, or of another version."""

    code = "weights"


class BadSetting(ModelError):
    """A device, an engine or a choice that cannot be had."""

    code = "bad-setting"


class BadReference(BadSetting):
    """A reference portrait that cannot be used."""


class OutOfMemory(ModelError):
    """There is too little memory to run the network."""

    code = "out-of-memory"


class Cancelled(ModelError):
    """The caller asked to stop."""

    code = "cancelled"

    def __init__(self, message: str = "The job was cancelled.", hint: str | None = None) -> None:
        super().__init__(message, hint)
