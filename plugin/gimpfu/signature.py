"""What is told of a procedure's arguments and results, where its function itself takes others."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any


def shown(
    function: Callable[..., Any], arguments: Iterable[str], returned: str = "Any"
) -> Callable[..., Any]:
    """Let a function be seen with these arguments, ``*`` before one of which there may be any number.

    returned: the kind of its result, "None" for none.
    """
    kinds = {True: inspect.Parameter.VAR_POSITIONAL, False: inspect.Parameter.POSITIONAL_OR_KEYWORD}
    parameters = [inspect.Parameter(name.lstrip("*"), kinds[name.startswith("*")]) for name in arguments]
    function.__signature__ = inspect.Signature(parameters, return_annotation=returned)  # type: ignore[attr-defined]
    return function


def without_result(procedures: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., None]]:
    """Return procedures that give no value, whatever their functions give."""
    return {name: _silent(function) for name, function in procedures.items()}


def _silent(function: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(function)
    def call(*args: Any) -> None:
        function(*args)

    seen = inspect.signature(function)
    call.__signature__ = seen.replace(return_annotation="None")  # type: ignore[attr-defined]
    return call
