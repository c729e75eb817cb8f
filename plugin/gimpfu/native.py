"""Calling GIMP 3's own procedures by GIMP 3's own names, for what serves GIMP 2's."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from . import values
from .errors import error


def lookup(name: str) -> Gimp.Procedure | None:
    """Return GIMP 3's own procedure of that name, if there is one."""
    return Gimp.get_pdb().lookup_procedure(name)


def call_with_names(name: str, given: dict[str, Any]) -> Any:
    """Call GIMP 3's procedure `name` with arguments by GIMP 3's names.

    What it has no argument for is left out; numbers are moved into its ranges.
    """
    native = lookup(name)
    if native is None:
        raise error(f"This GIMP has no procedure {name}.")
    specs = {spec.name: spec for spec in native.get_arguments()}
    config = native.create_config()
    if "run-mode" in specs:
        config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    for key, value in given.items():
        if key in specs:
            values.store(config, specs[key], values.within(specs[key], value))
    return answer(name, native, native.run(config))


def answer(name: str, native: Gimp.Procedure, returned: Gimp.ValueArray) -> Any:
    """Return what a procedure gave, in gimpfu's form. Raises `error` where it failed."""
    if returned.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise error(_reason(name, returned))
    results = enumerate(native.get_return_values(), start=1)
    return values.shape([values.load(returned, index, spec) for index, spec in results])


def _reason(name: str, returned: Gimp.ValueArray) -> str:
    told = returned.index(1) if returned.length() > 1 else None
    text = told if isinstance(told, str) else getattr(told, "message", None)
    said = str(text or Gimp.get_pdb().get_last_error() or "")
    if said in ("", "execution error", "calling error"):  # GIMP's own words where it has no sentence
        return f"{name} failed; GIMP does not say why."
    return said
