"""gimpfu's ``pdb``: GIMP's procedures as functions with positional arguments.

``pdb.gimp_image_scale(image, 640, 480)`` and ``pdb["gimp-image-scale"](...)`` are the same.
Arguments are mapped by the procedure's own argument specifications (`values`); arguments
left out keep their defaults; a leading run mode is put in, as gimpfu did. A call gives
None, the single return value or a tuple of them, and raises `error` where it fails.

Order of look-up: a procedure that GIMP 3 shaped differently (`adapters`, `files`), a filter
that became a GEGL operation (`filters`), a renamed one (`renames`), a procedure of that name.
What is none of them is refused with a sentence, which also goes to standard error: scripts
swallow errors.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gi.repository import Gimp, GObject

from . import adapters, files, filters, libgimp, region, values
from .adapters import database
from .errors import error, say_once
from .native import answer, lookup
from .registry import is_collecting
from .renames import IGNORED, REFUSED, RENAMED
from .scripts.byte_string import ByteString

# Served here with an array of bytes, which are no text.
_ON_BYTES = {
    "gimp-curves-explicit",
    "gimp-curves-spline",
    "gimp-drawable-set-pixel",
    "gimp-image-set-cmap",
    "gimp-image-set-colormap",
    "gimp-procedural-db-set-data",
}
Described = tuple[tuple[str, str, str], ...]  # type, name and description of each
_ABOUT = {
    "proc_author": "get_authors",
    "proc_copyright": "get_copyright",
    "proc_date": "get_date",
    "proc_type": "get_proc_type",
}


class _Procedure:
    """What scripts ask a procedure of: proc_name, params and return_vals are what gimpfu called them."""

    proc_name: str
    params: Any
    return_vals: Any

    @property
    def nparams(self) -> int:
        """Count the arguments."""
        return len(self.params)

    @property
    def nreturn_vals(self) -> int:
        """Count the results."""
        return len(self.return_vals)

    def __getattr__(self, name: str) -> Any:
        """Return ``proc_author``, ``proc_copyright``, ``proc_date`` and ``proc_type``, as GIMP tells them."""
        getter = _ABOUT.get(name)
        if getter is None:
            raise AttributeError(name)
        native = lookup(RENAMED.get(self.proc_name, self.proc_name))
        if name == "proc_type":
            return int(native.get_proc_type() if native else Gimp.PDBProcType.INTERNAL)
        return str((getattr(native, getter)() if native else "") or "")


class Function(_Procedure):
    """One of GIMP's own procedures."""

    def __init__(self, name: str, native: Gimp.Procedure):
        self.proc_name = name
        self._native = native
        self._specs = native.get_arguments()
        self._results = native.get_return_values()

    @property
    def proc_blurb(self) -> str:
        """Return the short description."""
        return self._native.get_blurb() or ""

    @property
    def proc_help(self) -> str:
        """Return the long description."""
        return self._native.get_help() or ""

    @property
    def params(self) -> Described:
        """Describe the arguments."""
        return _described(self._specs)

    @property
    def return_vals(self) -> Described:
        """Describe the results."""
        return _described(self._results)

    def __call__(self, *args: Any, run_mode: int = Gimp.RunMode.NONINTERACTIVE) -> Any:
        """Call the procedure with GIMP 2's arguments; returns what GIMP 2 did."""
        region.expect_changes()
        given = list(args)
        if self._specs and self._specs[0].name == "run-mode":
            given.insert(0, run_mode)
        self._fill_in_drawables(given)
        self._find_last_segment(given)
        pairs = values.pair(self.proc_name, self._specs, given)
        if libgimp.must_serve(self._specs, self._results):
            return libgimp.call(self.proc_name, self._specs, pairs)
        config = self._native.create_config()
        for spec, value in pairs:
            values.store(config, spec, value)
        return answer(self.proc_name, self._native, self._native.run(config))

    def _find_last_segment(self, given: list[Any]) -> None:
        """Put in the last segment's number for -1, which GIMP 3.0 promises to understand and does not."""
        if (
            self.proc_name.startswith("gimp-gradient-segment-range-")
            and len(given) > 2
            and int(given[2]) == -1
        ):
            gradient = values.convert(self._specs[0], given[0])
            told = gradient.get_number_of_segments()
            given[2] = (told[-1] if isinstance(told, tuple) else told) - 1

    def _fill_in_drawables(self, given: list[Any]) -> None:
        """Give a procedure on an image alone GIMP 3's ``drawables``, which GIMP 2's callers do not give."""
        names = [spec.name for spec in self._specs[:3]]
        if (
            names != ["run-mode", "image", "drawables"]
            or len(given) < 2
            or self.proc_name.startswith("gimp-")
        ):
            return
        if len(given) > 2 and (given[2] is None or isinstance(given[2], (Gimp.Item, list, tuple))):
            return
        if len(given) > 2 and isinstance(given[2], int) and _takes_a_drawable(self._native):
            return
        image = given[1] if isinstance(given[1], Gimp.Image) else Gimp.Image.get_by_id(given[1])
        if image is not None:
            given.insert(2, image.get_selected_drawables())


def _described(specs: Sequence[GObject.ParamSpec]) -> Described:
    return tuple((spec.value_type.name, spec.name, spec.get_blurb() or "") for spec in specs)


def _takes_a_drawable(native: Gimp.Procedure) -> bool:
    """Whether a procedure wants exactly one drawable, in which case a number given for it is one."""
    mask = native.get_sensitivity_mask()
    return (
        bool(mask & Gimp.ProcedureSensitivityMask.DRAWABLE)
        and not mask & Gimp.ProcedureSensitivityMask.NO_DRAWABLES
    )


def _kind(annotation: Any) -> str:
    return "Any" if annotation is inspect.Parameter.empty else str(annotation)


class Adapted(_Procedure):
    """A procedure that GIMP 3 has in another form, as `Function` would show GIMP 2's."""

    def __init__(self, name: str, function: Callable[..., Any]):
        self.proc_name = name
        self.proc_blurb = self.proc_help = ""
        self._function = function
        self._signature = inspect.signature(function)

    @property
    def params(self) -> Described:
        """Describe the arguments."""
        given = self._signature.parameters.values()
        return tuple((_kind(one.annotation), one.name.replace("_", "-"), "") for one in given)

    @property
    def return_vals(self) -> Described:
        """Describe the results."""
        kind = _kind(self._signature.return_annotation)
        return () if kind == "None" else ((kind, "value", ""),)

    def __call__(self, *args: Any, run_mode: int = Gimp.RunMode.NONINTERACTIVE) -> Any:
        """Call what is served here with GIMP 2's arguments; returns what GIMP 2 did."""
        region.expect_changes()
        if self.proc_name not in _ON_BYTES:
            args = tuple(_as_text(one) for one in args)
        try:
            self._signature.bind(*args)
        except TypeError:
            raise error(f"{self.proc_name} takes {self._counts()}, {len(args)} were given.") from None
        return self._function(*args)

    def _counts(self) -> str:
        needed = [one for one in self._signature.parameters.values() if one.default is one.empty]
        return f"{self.nparams} arguments ({len(needed)} of them needed)"


def _as_text(value: Any) -> Any:
    """Return text for bytes; everything else goes on as it is."""
    return str(value) if isinstance(value, ByteString) else value


class PDB:
    """The proxy that scripts know as ``pdb``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        dashed = str(name).replace("_", "-")
        if dashed == "gimp-quit" and is_collecting():
            raise error("It ends GIMP as soon as it is read: it is a batch script, not a plug-in.")
        if (served := _served(dashed)) is not None:
            return served
        native = lookup(RENAMED.get(dashed, dashed))
        if native is None:
            sentence = refusal(dashed)
            say_once(sentence)
            raise error(sentence)
        return Function(native.get_name(), native)

    def __contains__(self, name: str) -> bool:
        dashed = str(name).replace("_", "-")
        return _served(dashed) is not None or lookup(RENAMED.get(dashed, dashed)) is not None

    def keys(self) -> list[str]:
        """Return the names of GIMP's own procedures and of those that are served here."""
        _, names = self.query()
        return sorted({*names, *adapters.ADAPTERS, *filters.FILTERS, *filters.CALLS, *RENAMED})

    def has_key(self, name: str) -> bool:
        """Return whether there is such a procedure, as Python 2 asked it."""
        return name in self

    def query(self, name: str = "", *others: str) -> tuple[int, tuple[str, ...]]:
        """(count, names) of the procedures that match regular expressions, as in GIMP 2."""
        return database.query(name, *others)


def _nothing(*args: Any) -> None:
    return None


def refusal(name: str) -> str:
    """Return the sentence for a procedure that is not served."""
    if name in REFUSED:
        return REFUSED[name]
    if name.startswith(("plug-in-", "python-", "script-fu-", "extension-", "file-")):
        return f"There is no procedure {name}: no plug-in that is installed here brings it."
    return f"GIMP 3 has no procedure {name}, and no equivalent of it is known."


def _served(dashed: str) -> Adapted | None:
    """Return the procedure as a function of ours; None where GIMP's own is called."""
    if (function := SERVED.get(dashed)) is None and files.is_save(dashed):
        function = partial(files.save_as, dashed)
    return None if function is None else Adapted(dashed, function)


SERVED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(IGNORED, _nothing),
    **adapters.ADAPTERS,
    **{name: partial(filters.run, name) for name in filters.FILTERS},
    **filters.CALLS,
    "gimp-file-save": files.save,
    "gimp-xcf-save": files.save_xcf,
    "gimp-procedural-db-proc-exists": lambda name: int(name in PDB()),
}


pdb = PDB()
