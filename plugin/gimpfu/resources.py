"""Fonts, brushes, patterns, gradients and palettes by GIMP 2's names.

A name that only GIMP 2 shipped, or a font that is not installed, is served by the nearest
one there is; that is said once on standard error.
"""

from __future__ import annotations

import difflib
from typing import Any

from gi.repository import Gimp

from .errors import error, say_once

KINDS: dict[str, Any] = {
    "GimpBrush": Gimp.Brush,
    "GimpFont": Gimp.Font,
    "GimpGradient": Gimp.Gradient,
    "GimpPalette": Gimp.Palette,
    "GimpPattern": Gimp.Pattern,
}
# What GIMP 2 shipped under other names.
_MOVED = {
    "Circle (01)": "2. Hardness 100",
    "Circle Fuzzy (03)": "2. Hardness 050",
    "Sans": "Sans-serif",
    "Sans Bold": "Sans-serif Bold",
    "Sans Italic": "Sans-serif Italic",
    "Courier": "Monospace",
    "FG to BG (HSV Hue)": "FG to BG (HSV hue)",
}
_cached: dict[tuple[str, str], Any] = {}


def find(kind: str, name: str) -> Any:
    """Return the resource of `kind` (``GimpFont``, ...) called `name`, or the nearest. Raises `error`."""
    key = (kind, name)
    if key in _cached and _cached[key].is_valid():
        return _cached[key]
    found = _exact(kind, name) or _nearest(kind, name)
    if found is None:
        raise error(f"GIMP has no {word(kind)} called {name}.")
    _cached[key] = found
    return found


def word(kind: str) -> str:
    """Return the kind in a user's words: ``GimpBrush`` is a brush."""
    return kind.removeprefix("Gimp").lower()


def names(kind: str, pattern: str = "") -> list[str]:
    """List the resources of a kind whose names match a regular expression."""
    plural = "brushes" if kind == "GimpBrush" else f"{word(kind)}s"
    return [one.get_name() for one in getattr(Gimp, f"{plural}_get_list")(pattern)]


def _exact(kind: str, name: str) -> Any:
    for wanted in (name, _MOVED.get(name)):
        if wanted and (found := KINDS[kind].get_by_name(wanted)) is not None:
            return found
    return None


def _nearest(kind: str, name: str) -> Any:
    if not name:
        return getattr(Gimp, f"context_get_{word(kind)}")()
    close = _like(kind, name)
    if close is None and kind in ("GimpBrush", "GimpGradient", "GimpPattern"):
        current = getattr(Gimp, f"context_get_{word(kind)}")()
        close = current.get_name() if current is not None else next(iter(names(kind)), None)
    if close is None:
        return None
    if close.lower() != name.lower():
        say_once(f"there is no {word(kind)} called {name!r}; {close!r} is used for it.")
    return KINDS[kind].get_by_name(close)


def _like(kind: str, name: str) -> str | None:
    """Return the name there is that is most like one that there is not."""
    known = names(kind)
    lower = {one.lower().replace("-", " "): one for one in reversed(known)}
    plain = name.lower().replace("-", " ").replace(",", "").strip()
    longer = (lower[one] for one in sorted(lower) if one.startswith(plain))
    if (close := lower.get(plain) or next(longer, None)) is not None:
        return close
    if kind == "GimpFont" and known:
        shorter = (lower[one] for one in sorted(lower) if plain.startswith(one))
        weight = next((one for one in ("bold", "italic", "oblique") if one in plain), "")
        fallback = [one for one in known if "sans" in one.lower()] or known
        weighty = (one for one in fallback if weight and weight in one.lower())
        return next(shorter, None) or next(weighty, None) or fallback[0]
    similar = difflib.get_close_matches(plain, lower, 1, 0.6)
    return lower[similar[0]] if similar else None
