"""The GIMP 3 plug-in behind ``register`` and ``main``: declares the procedures, runs them.

Whatever a script raises ends here: an exception that leaves a plug-in shows the user
nothing at all, so each becomes an error with a sentence, and its traceback goes to stderr.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

from gi.repository import Gimp, GLib, GObject

from . import params, patches, region
from .errors import NO_SCREEN, CancelError, error, missing_module, say_once
from .registry import Handler, Registration, handlers, is_collecting, registered
from .values import convert

SENSITIVE_WITH_ONE = Gimp.ProcedureSensitivityMask.DRAWABLE
SENSITIVE_WITH_ANY = (
    Gimp.ProcedureSensitivityMask.DRAWABLE
    | Gimp.ProcedureSensitivityMask.DRAWABLES
    | Gimp.ProcedureSensitivityMask.NO_DRAWABLES
)


class ScriptPlugIn(Gimp.PlugIn):  # type: ignore[misc]
    """The one plug-in of this process, with every procedure that was registered."""

    def do_set_i18n(self, name: str) -> bool:
        """Tell GIMP that the texts are translated already."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Return the names of what was registered."""
        for registration in registered.values():
            if registration.on_query:
                registration.on_query()
        return list(registered)

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """Make the procedure of that name."""
        return create(self, registered[name])


def main() -> None:
    """Hand the process over to GIMP; the last line of a script."""
    if is_collecting():
        return
    Gimp.main(ScriptPlugIn.__gtype__, list(sys.argv))  # scripts change sys.argv


def create(plug_in: Gimp.PlugIn, registration: Registration) -> Gimp.Procedure:
    """Return the Gimp.Procedure that `registration` describes."""
    if registration.file_kind:
        procedure = _file_procedure(plug_in, registration)
    elif registration.leading:
        procedure = _of_kind(Gimp.ImageProcedure, plug_in, _run_on_image, registration)
        procedure.set_sensitivity_mask(
            SENSITIVE_WITH_ONE if registration.leading == 2 else SENSITIVE_WITH_ANY
        )
        procedure.set_image_types(registration.imagetypes or "*")
    else:
        procedure = _of_kind(Gimp.Procedure, plug_in, _run_alone, registration)
        params.add_run_mode(procedure)
    _describe(procedure, registration)
    for param in registration.asked:
        params.add(procedure, param)
    for result in () if registration.file_kind else registration.results:
        params.add_result(procedure, result)
    return procedure


def _of_kind(kind: Any, plug_in: Gimp.PlugIn, run: Any, registration: Registration) -> Gimp.Procedure:
    return kind.new(plug_in, registration.name, Gimp.PDBProcType.PLUGIN, run, registration)


def _describe(procedure: Gimp.Procedure, registration: Registration) -> None:
    """Give the procedure its place in the menus, and its texts in the user's language."""
    translated = registration.translated
    if registration.menu or registration.file_kind:
        procedure.set_menu_label(translated(registration.label))
        if registration.menu and not registration.file_kind:
            procedure.add_menu_path(registration.menu.rstrip("/"))
    procedure.set_documentation(
        translated(registration.blurb), translated(registration.help), registration.name
    )
    procedure.set_attribution(registration.author, registration.copyright, registration.date)


def _file_procedure(plug_in: Gimp.PlugIn, registration: Registration) -> Gimp.Procedure:
    """Make a procedure that GIMP offers for files of some kind; which, the script says in its `on_query`."""
    if registration.name not in handlers and registration.on_query:
        registration.on_query()
    handler = handlers.get(registration.name, Handler(registration.name.split("-")[1]))
    if registration.file_kind == "load":
        procedure = _of_kind(Gimp.LoadProcedure, plug_in, _run_load, registration)
        if handler.magics:
            procedure.set_magics(handler.magics)
    else:
        kind = Gimp.PDBProcType.PLUGIN
        procedure = Gimp.ExportProcedure.new(plug_in, registration.name, kind, False, _run_save, registration)
        procedure.set_image_types(registration.imagetypes or "*")
    procedure.set_extensions(handler.extensions)
    if handler.prefixes:
        procedure.set_prefixes(handler.prefixes)
    return procedure


def _run_load(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    file: Any,
    metadata: Any,
    flags: Any,
    config: Gimp.ProcedureConfig,
    registration: Registration,
) -> tuple[Gimp.ValueArray, Any]:
    names = [file.get_path() or file.get_uri()] * registration.leading
    return _run(procedure, run_mode, config, registration, lambda: names), flags


def _run_save(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    file: Any,
    options: Any,
    metadata: Any,
    config: Gimp.ProcedureConfig,
    registration: Registration,
) -> Gimp.ValueArray:
    name = file.get_path() or file.get_uri()

    def leading() -> list[Any]:
        drawable = next(iter([*image.get_selected_drawables(), *image.get_layers()]), None)
        return [image, drawable, name, name][: registration.leading]

    return _run(procedure, run_mode, config, registration, leading)


def _run_on_image(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: Sequence[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    registration: Registration,
) -> Gimp.ValueArray:
    def leading() -> list[Any]:
        if registration.leading == 1:
            return [image]
        if len(drawables) != 1:
            raise error(f"{_title(registration)} works on exactly one layer; {len(drawables)} are selected.")
        return [image, drawables[0]]

    return _run(procedure, run_mode, config, registration, leading)


def _run_alone(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, registration: Registration
) -> Gimp.ValueArray:
    return _run(procedure, config.get_property("run-mode"), config, registration, list)


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    config: Gimp.ProcedureConfig,
    registration: Registration,
    leading: Any,
) -> Gimp.ValueArray:
    """Run the script's function; `leading` gives the arguments that GIMP itself fills in."""
    try:
        returned = _call(procedure, run_mode, config, registration, leading())
        if run_mode != Gimp.RunMode.NONINTERACTIVE:
            Gimp.displays_flush()
        return _success(procedure, registration, returned)
    except (CancelError, KeyboardInterrupt):
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    except SystemExit as leave:
        if leave.code in (None, 0):
            return _success(procedure, registration, None)
        return _failure(procedure, f"{_title(registration)} ended early: {leave.code}")
    except Exception as fault:  # the last place where the user can be told
        traceback.print_exc()
        return _failure(procedure, _sentence(registration, fault))


def _call(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    config: Gimp.ProcedureConfig,
    registration: Registration,
    first: Sequence[Any],
) -> Any:
    """Return what the script's function gives. Raises what it raises."""
    asked = run_mode == Gimp.RunMode.INTERACTIVE
    params.restore_colours(config, registration.asked)
    if run_mode != Gimp.RunMode.NONINTERACTIVE:
        image = next((one for one in first if isinstance(one, Gimp.Image)), None)
        params.fill_in(config, registration.asked, image)
    if asked and not _prepare_interactive(procedure, config, registration):
        raise CancelError
    patches.apply()
    if registration.on_run:
        registration.on_run()
    spun = registration.is_python_2 and run_mode != Gimp.RunMode.NONINTERACTIVE
    values = [*first, *(params.value(param, config, spun) for param in registration.asked)]
    try:
        if not (asked and registration.interactive):
            return registration.function(*values)
        returned, chosen = registration.interactive(*values)
        params.remember(config, registration.asked, chosen)
        return returned
    finally:
        region.flush()


def _sentence(registration: Registration, fault: Exception) -> str:
    """Return what the user is told of a fault."""
    if isinstance(fault, error):
        return str(fault)
    if "Gtk couldn't be initialized" in str(fault):
        return NO_SCREEN
    if isinstance(fault, ModuleNotFoundError):
        return f"{_title(registration)}: {missing_module(fault)}"
    return f"{_title(registration)} stopped because of a fault in it: {type(fault).__name__}: {fault}"


def _prepare_interactive(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, registration: Registration
) -> bool:
    from . import dialog

    dialog.start(registration)
    if registration.interactive or not registration.asked:
        return True
    return dialog.ask(procedure, config, registration)


def _title(registration: Registration) -> str:
    return registration.translated(registration.label or registration.name).replace("_", "").rstrip(".")


def _failure(procedure: Gimp.Procedure, sentence: str) -> Gimp.ValueArray:
    problem = GLib.Error(sentence, "gimpfu", 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, problem)


def _success(procedure: Gimp.Procedure, registration: Registration, returned: Any) -> Gimp.ValueArray:
    """Return the return values: one result is the function's value, several are its sequence's items.

    Numbers and text become what was declared, as in GIMP 2.
    """
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())
    declared = procedure.get_return_values()
    if len(declared) < 2:
        returned = (returned,)
    elif not isinstance(returned, (list, tuple)):
        returned = ()
    for index, (spec, item) in enumerate(zip(declared, returned, strict=False), start=1):
        try:
            native = convert(spec, item)
            if native is not None:
                put_value(values, index, GObject.Value(spec.value_type, native))
        except (TypeError, ValueError, error) as fault:  # what the script did is done all the same
            say_once(f"{registration.name} returned another value than it declared: {fault}")
    return values


def put_value(values: Gimp.ValueArray, index: int, value: Any) -> Gimp.ValueArray:
    """Put `value` into place `index` of return values."""
    values.remove(index)
    values.insert(index, value)
    return values
