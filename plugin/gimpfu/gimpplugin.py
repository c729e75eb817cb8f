"""gimpfu's ``gimpplugin``: plug-ins that are a class with ``query`` and one method a procedure.

``gimp.main(init, quit, query, run)`` and ``gimp.install_procedure`` end here, too: what they
declare becomes a registration like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import constants, enums
from .errors import error
from .registry import register

pdb_to_pf = {
    "INT32": constants.PF_INT32,
    "INT16": constants.PF_INT16,
    "INT8": constants.PF_INT8,
    "FLOAT": constants.PF_FLOAT,
    "STRING": constants.PF_STRING,
    "COLOR": constants.PF_COLOR,
    "ITEM": constants.PF_ITEM,
    "DISPLAY": constants.PF_DISPLAY,
    "IMAGE": constants.PF_IMAGE,
    "LAYER": constants.PF_LAYER,
    "CHANNEL": constants.PF_CHANNEL,
    "DRAWABLE": constants.PF_DRAWABLE,
    "VECTORS": constants.PF_VECTORS,
}
_KINDS = {enums.GONE[f"PDB_{name}"]: kind for name, kind in pdb_to_pf.items()}

_installed: dict[str, dict[str, Any]] = {}


def install_procedure(
    name: str,
    blurb: str,
    help: str,  # noqa: A002 - gimpfu's own name
    author: str,
    copyright: str,  # noqa: A002
    date: str,
    menu_path: str | None,
    image_types: str | None,
    type: int,  # noqa: A002
    params: Sequence[tuple[Any, ...]] = (),
    return_vals: Sequence[tuple[Any, ...]] = (),
) -> None:
    """Remember a procedure until the plug-in's ``query`` is over."""
    _installed[name] = {
        "about": (blurb, help, author, copyright, date),
        "label": menu_path or "",
        "types": image_types,
        "params": list(params),
        "results": list(return_vals),
        "menu": None,
    }


def menu_register(name: str, path: str) -> None:
    """Put an installed procedure into a menu."""
    if name in _installed:
        _installed[name]["menu"] = path


def declare(query: Callable[[], Any], run: Callable[..., Any]) -> None:
    """Let ``query`` install its procedures; ``run(name, arguments)`` is what they do. Raises `error`."""
    _installed.clear()
    query()
    for name, told in _installed.items():
        _register(name, told, run)


def _register(name: str, told: dict[str, Any], run: Callable[..., Any]) -> None:
    params = [_param(entry) for entry in told["params"]]
    takes_mode = bool(params) and params[0][1].replace("_", "-") in ("run-mode", "run-type")
    label, menu = told["label"], told["menu"]
    if menu is None and label.startswith("<"):
        menu, _, label = label.rpartition("/")

    def function(*values: Any) -> Any:
        return run(name, ((1, *values) if takes_mode else values))

    asked = params[1:] if takes_mode else params
    results = [_param(entry)[:3] for entry in told["results"]]
    blurb, text, author, owner, date = told["about"]
    register(
        name, blurb, text, author, owner, date, label, told["types"], asked, results, function, menu=menu
    )


def _param(entry: Sequence[Any]) -> tuple[Any, ...]:
    number, name, *rest = entry
    kind = _KINDS.get(int(number))
    if kind is None:
        raise error(f"{name} is an array, which a plug-in of GIMP 3 cannot take from Python.")
    label = str(rest[0]) if rest else str(name)
    default: Any = "" if kind == constants.PF_STRING else 0
    return (kind, str(name), label or str(name), None if kind >= constants.PF_COLOR else default)


def main(init: Any = None, quit: Any = None, query: Any = None, run: Any = None) -> None:  # noqa: A002
    """GIMP 2's ``gimp.main``: the four functions of a plug-in."""
    from .procedure import main as hand_over

    if query is not None and run is not None:
        declare(query, lambda name, values: run(name, values))
    hand_over()


class plugin:  # noqa: N801 - gimpfu's own name
    """The class that such plug-ins derive from; each procedure is a method of its name."""

    def start(self) -> None:
        """Declare the procedures and hand the process over to GIMP."""
        from .procedure import main as hand_over

        declare(self.query, self._run)
        hand_over()

    def init(self) -> None:
        """Do nothing; GIMP 2 called it at its start."""

    def quit(self) -> None:
        """Do nothing; GIMP 2 called it at its end."""

    def query(self) -> None:
        """Install the procedures; the plug-in's own."""

    def _run(self, name: str, values: Sequence[Any]) -> Any:
        method = getattr(self, name.replace("-", "_"), None)
        if method is None:
            raise error(f"The plug-in has no method for its procedure {name}.")
        return method(*values)
