"""What a check found: the one shape in which every check of the doctor answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """code: stable, for programs. sentence: what is. hint: what to do, "" if nothing can be."""

    code: str
    ok: bool
    sentence: str
    hint: str = ""


def good(code: str, sentence: str) -> Finding:
    """Say that something is in order."""
    return Finding(code, True, sentence)


def note(code: str, sentence: str, hint: str) -> Finding:
    """Worth knowing, but nothing needs to be done about it."""
    return Finding(code, True, sentence, hint)


def bad(code: str, sentence: str, hint: str) -> Finding:
    """Say what is wrong, and what to do about it."""
    return Finding(code, False, sentence, hint)
