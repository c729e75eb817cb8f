"""The plug-in's words in the user's language, from the catalogues in ``locale/``.

What the server and `link` say comes in English with names and numbers in it; a sentence is matched against
the catalogue's templates (``{0}`` stands for what varies), so that both sides need to know nothing of it.
"""

from __future__ import annotations

import functools
import gettext
import re
from collections.abc import Mapping
from pathlib import Path

from gi.repository import GLib

DOMAIN = "studio-portrait"
FOLDER = Path(__file__).resolve().parent / "locale"

# GLib knows the language that GIMP was set to, also where it is no environment variable.
_catalogue = gettext.translation(DOMAIN, FOLDER, GLib.get_language_names(), fallback=True)
_ = _catalogue.gettext
_HOLE = re.compile(r"\{(\d+)\}")


def sentence(text: str) -> str:
    """Translate a sentence that may have names or numbers filled in."""
    for template, pattern in _templates():
        if found := pattern.fullmatch(text):
            return _(template).format(*(sentence(part) if " " in part else part for part in found.groups()))
    if not text:
        return ""
    whole, (head, colon, rest) = _(text), text.partition(": ")
    return f"{_(head)}{colon}{rest}" if whole == text and colon else whole  # a log's line after the sentence


def problem_text(problem: Exception) -> str:
    """Return the sentence and the hint of a `wire.Problem`, translated."""
    parts = (getattr(problem, "message", str(problem)), getattr(problem, "hint", ""))
    return " ".join(sentence(part) for part in parts if part)


@functools.cache
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    known: Mapping[str, str] = getattr(_catalogue, "_catalog", {})
    return [(text, pattern_of(text)) for text in known if isinstance(text, str) and _HOLE.search(text)]


def pattern_of(template: str) -> re.Pattern[str]:
    """Return a pattern that matches the template with anything filled in; the holes are numbered from 0."""
    parts = _HOLE.split(template)
    return re.compile(
        "".join("(.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)), re.S
    )
