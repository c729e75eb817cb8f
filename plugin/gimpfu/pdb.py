"""gimpfu's ``pdb``: GIMP's procedures as functions with positional arguments.

``pdb.gimp_image_scale(image, 640, 480)`` and ``pdb["gimp-image-scale"](...)`` are the same.
Arguments are mapped by the procedure's own argument specifications (`values`); arguments
left out keep their defaults; a leading run mode is put in, as gimpfu did. A call gives
None, the single return value or a tuple of them, and raises `error` where it fails.

Order of look-up: a procedure that GIMP 3 shaped differently (`adapters`), a renamed one
(`renames`), a procedure of that name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gi.repository import Gimp

from . import adapters, libgimp, region, values
from .errors import error
from .renames import IGNORED, RENAMED


class Function:
    """One procedure. proc_name, params and return_vals are what gimpfu called them."""

    def __init__(self, name: str, native: Gimp.Procedure):
        self.proc_name = name
        self._native = native
        self._specs = native.get_arguments()
        self._results = native.get_return_values()

    @property
    def proc_blurb(self) -> str:
        return self._native.get_blurb() or ""

    @property
    def proc_help(self) -> str:
        return self._native.get_help() or ""

    @property
    def params(self) -> tuple[tuple[str, str, str], ...]:
        return tuple((spec.value_type.name, spec.name, spec.get_blurb() or "") for spec in self._specs)

    @property
    def return_vals(self) -> tuple[tuple[str, str, str], ...]:
        return tuple((spec.value_type.name, spec.name, spec.get_blurb() or "") for spec in self._results)

    @property
    def nparams(self) -> int:
        return len(self._specs)

    @property
    def nreturn_vals(self) -> int:
        return len(self._results)

    def __call__(self, *args: Any, run_mode: int = Gimp.RunMode.NONINTERACTIVE) -> Any:
        region.flush()
        given = list(args)
        if self._specs and self._specs[0].name == "run-mode":
            given.insert(0, run_mode)
        pairs = values.pair(self.proc_name, self._specs, given)
        if libgimp.must_serve(self._specs, self._results):
            return libgimp.call(self.proc_name, self._specs, pairs)
        config = self._native.create_config()
        for spec, value in pairs:
            values.store(config, spec, value)
        returned = self._native.run(config)
        if returned.index(0) != Gimp.PDBStatusType.SUCCESS:
            raise error(_reason(self.proc_name, returned))
        return values.shape(
            [values.load(returned, index, spec) for index, spec in enumerate(self._results, start=1)]
        )


def _reason(name: str, returned: Gimp.ValueArray) -> str:
    told = returned.index(1) if returned.length() > 1 else None
    text = told if isinstance(told, str) else getattr(told, "message", None)
    return str(text or Gimp.get_pdb().get_last_error() or f"{name} failed")


class Adapted:
    """A procedure that GIMP 3 has in another form, as `Function` would show GIMP 2's."""

    def __init__(self, name: str, function: Callable[..., Any]):
        self.proc_name = name
        self.proc_blurb = self.proc_help = ""
        self._function = function
        self._signature = inspect.signature(function)

    @property
    def params(self) -> tuple[tuple[str, str, str], ...]:
        given = self._signature.parameters.values()
        return tuple((str(one.annotation), one.name.replace("_", "-"), "") for one in given)

    @property
    def return_vals(self) -> tuple[tuple[str, str, str], ...]:
        kind = str(self._signature.return_annotation)
        return () if kind == "None" else ((kind, "value", ""),)

    @property
    def nparams(self) -> int:
        return len(self.params)

    @property
    def nreturn_vals(self) -> int:
        return len(self.return_vals)

    def __call__(self, *args: Any, run_mode: int = Gimp.RunMode.NONINTERACTIVE) -> Any:
        region.flush()
        try:
            self._signature.bind(*args)
        except TypeError:
            raise error(f"{self.proc_name} takes {self._counts()}, {len(args)} were given.") from None
        return self._function(*args)

    def _counts(self) -> str:
        needed = [one for one in self._signature.parameters.values() if one.default is one.empty]
        return f"{self.nparams} arguments ({len(needed)} of them needed)"


class PDB:
    """The proxy that scripts know as ``pdb``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        dashed = name.replace("_", "-")
        if dashed in IGNORED:
            return Adapted(dashed, _nothing)
        if dashed in adapters.ADAPTERS:
            return Adapted(dashed, adapters.ADAPTERS[dashed])
        native = _lookup(RENAMED.get(dashed, dashed))
        if native is None:
            raise error(f"GIMP has no procedure {dashed}.")
        return Function(native.get_name(), native)

    def __contains__(self, name: str) -> bool:
        dashed = name.replace("_", "-")
        known = dashed in IGNORED or dashed in adapters.ADAPTERS
        return known or _lookup(RENAMED.get(dashed, dashed)) is not None

    def has_key(self, name: str) -> bool:
        return name in self

    def query(self, name: str = "", *others: str) -> tuple[int, tuple[str, ...]]:
        """(count, names) of the procedures that match regular expressions, as in GIMP 2."""
        patterns = [name, *others, *[""] * 7][:8]
        names = Gimp.get_pdb().query_procedures(*[text or "" for text in patterns])
        return len(names), tuple(names)


def _nothing(*args: Any) -> None:
    return None


def _lookup(name: str) -> Gimp.Procedure | None:
    return Gimp.get_pdb().lookup_procedure(name)


pdb = PDB()
