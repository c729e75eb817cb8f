"""Progress, display, database and units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from .. import parasites, region, values
from ..errors import error
from ..scripts.byte_string import ByteString
from ..signature import without_result


def progress_update(fraction: float) -> None:
    """Move the progress bar to a share from 0 to 1."""
    Gimp.progress_update(min(max(float(fraction), 0.0), 1.0))


def new_display(image: Any) -> Any:
    """Return a window on the image; without a screen nothing is shown, and no failure either."""
    try:
        return Gimp.Display.new(image)
    except TypeError:
        return None


def delete(thing: Any) -> None:
    """Delete an image, an item that is in none, or a display; None, which a display may be, is nothing."""
    if thing is not None:
        thing.delete()


def query(*patterns: str) -> tuple[int, tuple[str, ...]]:
    """(count, names) of procedures that match regular expressions: GIMP 2's name, blurb, help, author, ..."""
    given = ["" if one in (".*", None) else one for one in patterns]
    name, blurb, text, *others = [*given, *[""] * 7][:7]
    return values.counted(Gimp.get_pdb().query_procedures(name, blurb, text, "", *others))


def set_data(name: str, data: Any) -> None:
    """Keep bytes under a name until GIMP ends."""
    parasites.keep(f"data-{name}", region.to_samples(data))


def get_data(name: str) -> ByteString:
    """Return the bytes that were kept under a name. Raises `error`."""
    found = parasites.kept(f"data-{name}")
    if found is None:
        raise error(f"no data is stored as {name}.")
    return found


def _unit(method: str) -> Callable[..., Any]:
    return lambda number: getattr(Gimp.Unit.get_by_id(int(number)), method)()


ADAPTERS: dict[str, Callable[..., Any]] = {
    **without_result(
        {
            "gimp-progress-init": lambda text="", display=None: Gimp.progress_init(str(text)),
            "gimp-progress-update": progress_update,
            "gimp-progress-set-text": lambda text="", display=None: Gimp.progress_set_text(str(text)),
            "gimp-display-delete": delete,
            "gimp-procedural-db-set-data": lambda name, count, data: set_data(name, data),
        }
    ),
    "gimp-display-new": new_display,
    "gimp-display-is-valid": lambda display: int(display is not None and display.is_valid()),
    "gimp-procedural-db-query": query,
    "gimp-procedural-db-temp-name": lambda: str(Gimp.get_pdb().temp_procedure_name()),
    "gimp-procedural-db-get-data": lambda name: values.counted(bytes(get_data(name))),
    **{
        f"gimp-unit-get-{name}": _unit(f"get_{name}")
        for name in ("abbreviation", "digits", "factor", "symbol")
    },
    **{f"gimp-unit-get-{name}": _unit("get_name") for name in ("identifier", "singular", "plural")},
}
