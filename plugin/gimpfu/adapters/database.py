"""Progress, display, database and units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from ..errors import error


def _progress_init(text: str = "", display: Any = None) -> None:
    Gimp.progress_init(str(text))


def _progress_update(fraction: float) -> None:
    Gimp.progress_update(min(max(float(fraction), 0.0), 1.0))


def _progress_text(text: str = "", display: Any = None) -> None:
    Gimp.progress_set_text(str(text))


def _display_new(image: Any) -> Any:
    """Return a window on the image; without a screen nothing is shown, and no failure either."""
    try:
        return Gimp.Display.new(image)
    except TypeError:
        return None


def _display_delete(display: Any) -> None:
    if display is not None:
        display.delete()


def _db_query(
    name: str = "",
    blurb: str = "",
    help: str = "",  # noqa: A002 - GIMP's own name
    author: str = "",
    copyright: str = "",  # noqa: A002
    date: str = "",
    kind: str = "",
) -> tuple[int, tuple[str, ...]]:
    patterns = [
        "" if text in (".*", None) else text
        for text in (name, blurb, help, "", author, copyright, date, kind)
    ]
    names = tuple(Gimp.get_pdb().query_procedures(*patterns))
    return len(names), names


_stored: dict[str, Any] = {}


def _set_data(name: str, count: int, data: Any) -> None:
    _stored[str(name)] = bytes(data)


def _get_data(name: str) -> tuple[int, Any]:
    if str(name) not in _stored:
        raise error(f"no data is stored as {name}.")
    return len(_stored[str(name)]), tuple(_stored[str(name)])


def _unit(method: str) -> Callable[..., Any]:
    def ask(number: int) -> Any:
        return getattr(Gimp.Unit.get_by_id(int(number)), method)()

    return ask


ADAPTERS: dict[str, Callable[..., Any]] = {
    "gimp-progress-init": _progress_init,
    "gimp-progress-update": _progress_update,
    "gimp-progress-set-text": _progress_text,
    "gimp-display-new": _display_new,
    "gimp-display-delete": _display_delete,
    "gimp-display-is-valid": lambda display: int(display is not None and display.is_valid()),
    "gimp-procedural-db-query": _db_query,
    "gimp-procedural-db-temp-name": lambda: str(Gimp.get_pdb().temp_procedure_name()),
    "gimp-procedural-db-set-data": _set_data,
    "gimp-procedural-db-get-data": _get_data,
    **{
        f"gimp-unit-get-{name}": _unit(f"get_{name}")
        for name in ("abbreviation", "digits", "factor", "symbol")
    },
    **{f"gimp-unit-get-{name}": _unit("get_name") for name in ("identifier", "singular", "plural")},
}
