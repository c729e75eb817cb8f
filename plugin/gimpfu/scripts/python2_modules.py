"""Modules of Python 2's standard library, made of Python 3's: with what those have lost or changed since."""

from __future__ import annotations

import array
import builtins
import gettext as gettext_native
import importlib
import math
import os
import struct
import sys
import types
from collections.abc import Callable
from typing import Any

from . import python2_expressions
from .byte_string import ByteString, to_bytes
from .python2_files import File, StringIO, file


def copied(name: str, source: Any = None, **more: Any) -> types.ModuleType:
    """Return a module with everything of `source` (or of `name` itself), and `more`."""
    native = importlib.import_module(source or name)
    own = {key: value for key, value in vars(native).items() if not key.startswith("__")}
    made = module(name, **{**own, **more})
    made.__getattr__ = lambda key: getattr(native, key)  # type: ignore[method-assign]
    return made


def module(name: str, /, **names: Any) -> types.ModuleType:
    """Make a module that holds these names."""
    made = types.ModuleType(name)
    vars(made).update(names)
    return made


class Array(array.array):  # type: ignore[type-arg]
    """With the methods that were renamed, and letters for kind ``c``."""

    def __new__(cls, kind: str, values: Any = ()) -> Any:
        """Make an array of numbers, letters or bytes."""
        if isinstance(values, (str, bytes)):
            values = to_bytes(values)
        elif kind not in "fdu":
            values = [ord(item) if isinstance(item, (str, bytes)) else int(item) for item in values]
        return super().__new__(cls, "B" if kind == "c" else kind, values)

    def tostring(self) -> Any:
        """Return the items' bytes."""
        return ByteString(self.tobytes())

    def fromstring(self, data: Any) -> None:
        """Append items, given as bytes."""
        self.frombytes(to_bytes(data))

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Array(self.typecode, part) if isinstance(index, slice) else part

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice) and not isinstance(value, array.array):
            value = array.array(self.typecode, value)
        elif isinstance(value, float) and self.typecode not in "fd":
            value = int(value)
        super().__setitem__(index, value)


def _unpack(form: Any, data: Any) -> tuple[Any, ...]:
    found = struct.unpack(form, to_bytes(data))
    return tuple(ByteString(one) if isinstance(one, bytes) else one for one in found)


def _pack(form: Any, *values: Any) -> Any:
    given = [to_bytes(one) if isinstance(one, str) else one for one in values]
    try:
        return ByteString(struct.pack(form, *given))
    except struct.error:  # Python 2 took fractions where it wanted whole numbers
        return ByteString(struct.pack(form, *map(_whole, given)))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value


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


def _itertools() -> types.ModuleType:
    import itertools

    return copied(
        "itertools",
        izip=lambda *sequences: zip(*sequences, strict=False),
        imap=map,
        ifilter=filter,
        ifilterfalse=itertools.filterfalse,
        izip_longest=itertools.zip_longest,
    )


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


def _math() -> types.ModuleType:
    """``floor`` and ``ceil`` gave floats, which ``/`` divides as such."""
    return copied(
        "math", floor=lambda number: float(math.floor(number)), ceil=lambda number: float(math.ceil(number))
    )


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


def _pickle() -> types.ModuleType:
    import pickle

    def binary(file: Any) -> Any:
        raw = getattr(file, "_file", file)
        return getattr(raw, "buffer", raw)

    return copied(
        "cPickle",
        "pickle",
        load=lambda file: pickle.load(binary(file), encoding="latin-1"),
        dump=lambda value, file, protocol=0: binary(file).write(pickle.dumps(value, protocol)),
        loads=lambda data: pickle.loads(to_bytes(data), encoding="latin-1"),
        dumps=lambda value, protocol=0: ByteString(pickle.dumps(value, protocol)),
    )


def _urllib() -> types.ModuleType:
    from urllib import error, parse, request

    names = ("quote", "quote_plus", "unquote", "unquote_plus", "urlencode")
    moved = {name: getattr(parse, name) for name in names}
    failures = {"URLError": error.URLError, "HTTPError": error.HTTPError}
    return copied("urllib", "urllib.request", parse=parse, request=request, error=error, **moved, **failures)


def _on_strings(name: str) -> Callable[[], types.ModuleType]:
    """Return a module whose functions take text for bytes and give Python 2's strings."""

    def taking_text(native: Any) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            found = native(*(to_bytes(one) if isinstance(one, str) else one for one in args), **named)
            return ByteString(found) if isinstance(found, bytes) else found

        return call

    def make() -> types.ModuleType:
        native = vars(importlib.import_module(name)).items()
        functions = {key: taking_text(one) for key, one in native if callable(one) and type(one) is not type}
        renamed = {"encodestring": "encodebytes", "decodestring": "decodebytes"}
        return copied(
            name, **functions, **{old: functions[new] for old, new in renamed.items() if new in functions}
        )

    return make


def _csv() -> types.ModuleType:
    """Readers take files that were opened as binary, as Python 2 wanted."""
    import csv

    def lines(rows: Any) -> Any:
        return (str(ByteString(row)) if isinstance(row, bytes) else row for row in rows)

    class DictReader(csv.DictReader):  # type: ignore[type-arg]
        def __init__(self, rows: Any, *args: Any, **named: Any):
            super().__init__(lines(rows), *args, **named)

    def reader(rows: Any, *args: Any, **named: Any) -> Any:
        return csv.reader(lines(rows), *args, **named)

    return copied("csv", reader=reader, DictReader=DictReader)


def _hash(name: str) -> Callable[[], types.ModuleType]:
    def make() -> types.ModuleType:
        import hashlib

        new = _taking_text(getattr(hashlib, {"sha": "sha1"}.get(name, name)))
        return module(name, **{"new": new, name: new})

    return make


def _taking_text(native: Any) -> Callable[..., Any]:
    return lambda data=b"": native(to_bytes(data))


def _hashlib() -> types.ModuleType:
    import hashlib

    kinds = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    return copied("hashlib", **{kind: _taking_text(getattr(hashlib, kind)) for kind in kinds})


def _time() -> types.ModuleType:
    import time

    return copied("time", clock=time.process_time)


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


def _collections() -> types.ModuleType:
    import collections.abc

    more = {name: getattr(collections.abc, name) for name in collections.abc.__all__}
    return copied("collections", **more)


def _random() -> types.ModuleType:
    """Whole numbers may come as fractions, as Python 2 took them."""
    import random

    def whole(native: Any) -> Callable[..., Any]:
        return lambda *args, **named: native(*map(_whole, args), **named)

    return copied(
        "random",
        randint=whole(random.randint),
        randrange=whole(random.randrange),
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
    **{name: lambda: module("StringIO", StringIO=StringIO) for name in ("StringIO", "cStringIO")},
    "array": lambda: copied("array", array=Array, ArrayType=Array),
    "cPickle": _pickle,
    "collections": _collections,
    "commands": _commands,
    "gettext": lambda: gettext,
    "hashlib": _hashlib,
    "imp": _imp,
    "itertools": _itertools,
    "md5": _hash("md5"),
    "operator": lambda: copied("operator", div=python2_expressions.divide, isCallable=callable),
    "os": _os,
    "pickle": _pickle,
    "platform": lambda: copied(
        "platform", **dict.fromkeys(("linux_distribution", "dist"), lambda **named: ("", "", ""))
    ),
    "random": _random,
    "sets": lambda: module("sets", Set=set, ImmutableSet=frozenset),
    "sha": _hash("sha"),
    "string": _string,
    "struct": lambda: copied("struct", pack=_pack, unpack=_unpack),
    "subprocess": _subprocess,
    "time": _time,
    "types": _types,
    "urllib": _urllib,
    "urllib2": _urllib,
}
# Those that a script in Python 3 has otherwise.
MAKERS_2: dict[str, Callable[[], types.ModuleType]] = {
    **{name: _on_strings(name) for name in ("base64", "binascii", "zlib")},
    "csv": _csv,
    "math": _math,
}
