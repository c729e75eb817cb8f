"""Modules of Python 2's standard library, made of Python 3's: with what those have lost or changed since."""

from __future__ import annotations

import builtins
import collections.abc
import gettext as gettext_native
import importlib
import itertools
import math
import os
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from . import python2_expressions
from .made_modules import copied, module
from .python2_data import whole
from .python2_files import File, StringIO, file

_STRING_METHODS = (
    "capitalize center count expandtabs find index ljust lower lstrip replace rfind rindex rjust rsplit"
    " rstrip split strip swapcase title translate upper zfill startswith endswith"
)


def _string() -> types.ModuleType:
    import string

    def method(name: str) -> Callable[..., Any]:
        return lambda text, *args: getattr(text, name)(*args)

    def join(parts: Any, separator: Any = " ") -> Any:
        return python2_expressions.join(separator, parts)

    return copied(
        "string",
        **{name: method(name) for name in _STRING_METHODS.split()},
        **{name: getattr(string, f"ascii_{name}") for name in ("letters", "lowercase", "uppercase")},
        **dict.fromkeys(("join", "joinfields"), join),
        **dict.fromkeys(("atoi", "atol"), lambda text, base=10: int(text, base)),
        splitfields=method("split"),
        atof=float,
        maketrans=lambda source, target: {ord(a): b for a, b in zip(source, target, strict=True)},
    )


# Python 2's names of types that are builtins.
_TYPES = (
    "String:str Unicode:str Int:int Long:int Float:float Boolean:bool List:list Tuple:tuple Dict:dict"
    " Dictionary:dict Type:type Class:type Instance:object Object:object Slice:slice Complex:complex"
    " XRange:range Buffer:memoryview"
)


def _types() -> types.ModuleType:
    pairs = (entry.split(":") for entry in _TYPES.split())
    kinds: dict[str, Any] = {f"{name}Type": getattr(builtins, kind) for name, kind in pairs}
    kinds |= {"NoneType": type(None), "EllipsisType": type(Ellipsis), "FileType": file}
    return copied("types", **kinds, StringTypes=(str, bytes))


def _os() -> types.ModuleType:
    def popen(command: str, mode: str = "r", *rest: Any) -> Any:
        return os.popen(command, mode.replace("b", "") or "r")

    def fdopen(number: int, mode: str = "r", *rest: Any) -> Any:
        return File(number, mode)

    def walk(top: Any, visit: Callable[[Any, Any, list[Any]], Any], arg: Any) -> None:
        """Python 2's ``os.path.walk``; the names that `visit` takes out are not gone into."""
        try:
            names = os.listdir(top)
        except OSError:
            return
        visit(arg, top, names)
        for path in (os.path.join(top, name) for name in names):
            if os.path.isdir(path) and not os.path.islink(path):
                walk(path, visit, arg)

    path = copied("os.path", walk=walk)
    more = {"getcwdu": os.getcwd, "popen": popen, "fdopen": fdopen, "path": path}
    return copied("os", errno=importlib.import_module("errno"), **more)


def _subprocess() -> types.ModuleType:
    """Output and input are text, as Python 2's strings were."""
    import subprocess

    def as_text(named: dict[str, Any]) -> dict[str, Any]:
        if not {"text", "universal_newlines", "encoding", "errors"} & set(named):
            named.update(encoding="utf-8", errors="surrogateescape")
        return named

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **named: Any):
            super().__init__(*args, **as_text(named))

    return copied(
        "subprocess",
        Popen=Popen,
        check_output=lambda *args, **named: subprocess.check_output(*args, **as_text(named)),
    )


def _commands() -> types.ModuleType:
    import subprocess

    return module("commands", getoutput=subprocess.getoutput, getstatusoutput=subprocess.getstatusoutput)


def _urllib() -> types.ModuleType:
    from urllib import error, parse, request

    names = ("quote", "quote_plus", "unquote", "unquote_plus", "urlencode")
    moved = {name: getattr(parse, name) for name in names}
    failures = {"URLError": error.URLError, "HTTPError": error.HTTPError}
    return copied("urllib", "urllib.request", parse=parse, request=request, error=error, **moved, **failures)


def _install(domain: str, localedir: Any = None, *args: Any, **named: Any) -> None:
    found = gettext_native.translation(domain, localedir or None, fallback=True)
    found.install()
    sys._getframe(1).f_builtins["_"] = found.gettext  # the script's own


def _translation(domain: str, localedir: Any = None, languages: Any = None, **named: Any) -> Any:
    found: Any = gettext_native.translation(
        domain, localedir, languages, fallback=bool(named.get("fallback"))
    )
    found.ugettext = found.lgettext = found.gettext
    found.ungettext = found.ngettext
    return found


def _gettext() -> types.ModuleType:
    """``install`` and ``translation`` with Python 2's arguments; what a converter made of them, too."""
    return copied(
        "gettext",
        install=_install,
        translation=_translation,
        bind_textdomain_codeset=lambda *args: args[-1] if args else None,
        **dict.fromkeys(("lgettext", "ugettext"), gettext_native.gettext),
    )


def _random() -> types.ModuleType:
    """Whole numbers may come as fractions, as Python 2 took them."""
    import random

    def taking_fractions(native: Any) -> Callable[..., Any]:
        return lambda *args, **named: native(*map(whole, args), **named)

    return copied(
        "random",
        randint=taking_fractions(random.randint),
        randrange=taking_fractions(random.randrange),
        sample=lambda population, count: random.sample(list(population), int(count)),
    )


def _imp() -> types.ModuleType:
    import importlib.util

    def load_source(name: str, path: str, file: Any = None) -> Any:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        found = importlib.util.module_from_spec(spec)
        sys.modules[name] = found
        spec.loader.exec_module(found)
        return found

    return module("imp", load_source=load_source, reload=importlib.reload, new_module=types.ModuleType)


gettext = _gettext()  # what ``from gimpfu import *`` brings, as gimpfu did
MAKERS: dict[str, Callable[[], types.ModuleType]] = {
    **dict.fromkeys(("StringIO", "cStringIO"), lambda: module("StringIO", StringIO=StringIO)),
    "collections": lambda: copied(
        "collections", **{name: getattr(collections.abc, name) for name in collections.abc.__all__}
    ),
    "commands": _commands,
    "gettext": lambda: gettext,
    "imp": _imp,
    "itertools": lambda: copied(
        "itertools",
        izip=lambda *sequences: zip(*sequences, strict=False),
        imap=map,
        ifilter=filter,
        ifilterfalse=itertools.filterfalse,
        izip_longest=itertools.zip_longest,
    ),
    "operator": lambda: copied("operator", div=python2_expressions.divide, isCallable=callable),
    "os": _os,
    "platform": lambda: copied(
        "platform", **dict.fromkeys(("linux_distribution", "dist"), lambda **named: ("", "", ""))
    ),
    "random": _random,
    "sets": lambda: module("sets", Set=set, ImmutableSet=frozenset),
    "string": _string,
    "subprocess": _subprocess,
    "time": lambda: copied("time", clock=time.process_time),
    "types": _types,
    **dict.fromkeys(("urllib", "urllib2"), _urllib),
}
# Those that a script in Python 3 has otherwise. Python 2's rounding gave floats, which ``/`` divides as such.
MAKERS_2: dict[str, Callable[[], types.ModuleType]] = {
    "math": lambda: copied(
        "math", floor=lambda number: float(math.floor(number)), ceil=lambda number: float(math.ceil(number))
    ),
}
