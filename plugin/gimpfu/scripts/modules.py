"""Modules that a translated script imports: Python 2's names and what those modules lost since.

A script's ``__import__`` is `importer`, so Python's own modules stay what they are for
everybody else. A module of another name is in `RENAMED`; one that needs more is made by a
function of `_MADE` at its first import.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

from . import python2
from .byte_string import ByteString, to_bytes

RENAMED = {
    "BaseHTTPServer": "http.server",
    "ConfigParser": "configparser",
    "DocXMLRPCServer": "xmlrpc.server",
    "Cookie": "http.cookies",
    "HTMLParser": "html.parser",
    "Queue": "queue",
    "SimpleHTTPServer": "http.server",
    "SimpleXMLRPCServer": "xmlrpc.server",
    "SocketServer": "socketserver",
    "Tkinter": "tkinter",
    "__builtin__": "builtins",
    "_winreg": "winreg",
    "anydbm": "dbm",
    "copy_reg": "copyreg",
    "cookielib": "http.cookiejar",
    "dummy_thread": "_thread",
    "exceptions": "builtins",
    "htmlentitydefs": "html.entities",
    "httplib": "http.client",
    "robotparser": "urllib.robotparser",
    "thread": "_thread",
    "tkColorChooser": "tkinter.colorchooser",
    "tkFileDialog": "tkinter.filedialog",
    "tkFont": "tkinter.font",
    "tkMessageBox": "tkinter.messagebox",
    "tkSimpleDialog": "tkinter.simpledialog",
    "ttk": "tkinter.ttk",
    "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}


def _copy(name: str, source: Any = None, **more: Any) -> types.ModuleType:
    """Return a module with everything of `source` (or of `name` itself), and `more`."""
    module = types.ModuleType(name)
    native = importlib.import_module(source or name)
    vars(module).update(
        {key: value for key, value in vars(native).items() if not key.startswith("__")}, **more
    )
    module.__getattr__ = lambda key: getattr(native, key)  # type: ignore[method-assign]
    return module


def _array() -> types.ModuleType:
    import array

    class Array(array.array):  # type: ignore[type-arg]
        """With the methods that were renamed, and letters for kind ``c``."""

        def __new__(cls, kind: str, values: Any = ()) -> Any:
            if kind == "c":
                kind = "B"
            if isinstance(values, str):
                values = to_bytes(values)
            elif isinstance(values, bytes):
                values = bytes(values)
            elif kind not in "fdu":
                values = [ord(item) if isinstance(item, (str, bytes)) else int(item) for item in values]
            return super().__new__(cls, kind, values)

        def tostring(self) -> Any:
            return ByteString(self.tobytes())

        def fromstring(self, data: Any) -> None:
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

    return _copy("array", array=Array, ArrayType=Array)


def _struct() -> types.ModuleType:
    import struct

    def unpack(form: Any, data: Any) -> tuple[Any, ...]:
        return tuple(
            ByteString(one) if isinstance(one, bytes) else one for one in struct.unpack(form, to_bytes(data))
        )

    def pack(form: Any, *values: Any) -> Any:
        given = [to_bytes(one) if isinstance(one, str) else one for one in values]
        try:
            return ByteString(struct.pack(form, *given))
        except struct.error:  # Python 2 took fractions where it wanted whole numbers
            return ByteString(
                struct.pack(form, *(int(one) if isinstance(one, float) else one for one in given))
            )

    return _copy("struct", pack=pack, unpack=unpack)


def _string() -> types.ModuleType:
    import string

    methods = (
        "capitalize center count expandtabs find index ljust lower lstrip replace rfind rindex rjust rsplit"
    )
    methods += " rstrip split strip swapcase title translate upper zfill startswith endswith"

    def method(name: str) -> Callable[..., Any]:
        return lambda text, *args: getattr(text, name)(*args)

    def maketrans(source: str, target: str) -> dict[int, str]:
        return {ord(a): b for a, b in zip(source, target, strict=True)}

    made = {name: method(name) for name in methods.split()}
    return _copy(
        "string",
        **made,
        join=lambda parts, separator=" ": python2._join(separator, parts),
        joinfields=lambda parts, separator=" ": python2._join(separator, parts),
        splitfields=made["split"],
        atoi=lambda text, base=10: int(text, base),
        atol=lambda text, base=10: int(text, base),
        atof=float,
        letters=string.ascii_letters,
        lowercase=string.ascii_lowercase,
        uppercase=string.ascii_uppercase,
        maketrans=maketrans,
    )


def _types() -> types.ModuleType:
    kinds: dict[str, Any] = {
        "StringType": str,
        "UnicodeType": str,
        "StringTypes": (str, bytes),
        "IntType": int,
        "LongType": int,
        "FloatType": float,
        "BooleanType": bool,
        "ListType": list,
        "TupleType": tuple,
        "DictType": dict,
        "DictionaryType": dict,
        "NoneType": type(None),
        "TypeType": type,
        "ClassType": type,
        "InstanceType": object,
        "ObjectType": object,
        "FileType": python2.file,
        "SliceType": slice,
        "ComplexType": complex,
        "XRangeType": range,
        "BufferType": memoryview,
        "EllipsisType": type(Ellipsis),
    }
    return _copy("types", **kinds)


def _itertools() -> types.ModuleType:
    import itertools

    def izip(*sequences: Any) -> Any:
        return zip(*sequences, strict=False)

    return _copy(
        "itertools",
        izip=izip,
        imap=map,
        ifilter=filter,
        ifilterfalse=itertools.filterfalse,
        izip_longest=itertools.zip_longest,
    )


def _os() -> types.ModuleType:
    import os

    def popen(command: str, mode: str = "r", *rest: Any) -> Any:
        return os.popen(command, mode.replace("b", "") or "r")

    def fdopen(number: int, mode: str = "r", *rest: Any) -> Any:
        return python2.File(number, mode)

    return _copy("os", getcwdu=os.getcwd, popen=popen, fdopen=fdopen, errno=importlib.import_module("errno"))


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

    return _copy(
        "subprocess",
        Popen=Popen,
        check_output=lambda *args, **named: subprocess.check_output(*args, **as_text(named)),
    )


def _commands() -> types.ModuleType:
    import subprocess

    module = types.ModuleType("commands")
    vars(module).update(getoutput=subprocess.getoutput, getstatusoutput=subprocess.getstatusoutput)
    return module


def _string_io() -> types.ModuleType:
    class StringIO:
        """Text or bytes in memory."""

        def __init__(self, value: Any = ""):
            import io

            self._file: Any = io.BytesIO(to_bytes(value))
            self._bytes = isinstance(value, bytes)

        def _out(self, data: bytes) -> Any:
            return ByteString(data) if self._bytes else str(ByteString(data))

        def write(self, data: Any) -> None:
            self._bytes |= isinstance(data, bytes)
            self._file.write(bytes(data) if isinstance(data, bytes) else data.encode("utf-8"))

        def read(self, *size: int) -> Any:
            return self._out(self._file.read(*size))

        def readline(self, *size: int) -> Any:
            return self._out(self._file.readline(*size))

        def readlines(self) -> list[Any]:
            return [self._out(line) for line in self._file.readlines()]

        def getvalue(self) -> Any:
            return self._out(self._file.getvalue())

        def __iter__(self) -> Any:
            return (self._out(line) for line in self._file)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

    module = types.ModuleType("StringIO")
    vars(module).update(StringIO=StringIO)
    return module


def _pickle() -> types.ModuleType:
    import pickle

    def load(file: Any) -> Any:
        raw = getattr(file, "_file", file)
        return pickle.load(getattr(raw, "buffer", raw), encoding="latin-1")

    def dump(value: Any, file: Any, protocol: int = 0) -> None:
        raw = getattr(file, "_file", file)
        getattr(raw, "buffer", raw).write(pickle.dumps(value, protocol))

    return _copy(
        "cPickle",
        "pickle",
        load=load,
        dump=dump,
        loads=lambda data: pickle.loads(to_bytes(data), encoding="latin-1"),
        dumps=lambda value, protocol=0: ByteString(pickle.dumps(value, protocol)),
    )


def _urllib() -> types.ModuleType:
    import urllib.error
    import urllib.parse
    import urllib.request

    def urlencode(*args: Any, **named: Any) -> str:
        return urllib.parse.urlencode(*args, **named)

    return _copy(
        "urllib",
        "urllib.request",
        parse=urllib.parse,
        request=urllib.request,
        error=urllib.error,
        **{name: getattr(urllib.parse, name) for name in ("quote", "quote_plus", "unquote", "unquote_plus")},
        urlencode=urlencode,
        URLError=urllib.error.URLError,
        HTTPError=urllib.error.HTTPError,
    )


def _hash(name: str) -> Callable[[], types.ModuleType]:
    def make() -> types.ModuleType:
        import hashlib

        module = types.ModuleType(name)

        def new(data: Any = b"") -> Any:
            return getattr(hashlib, {"sha": "sha1"}.get(name, name))(to_bytes(data))

        vars(module).update({"new": new, name: new})
        return module

    return make


def _hashlib() -> types.ModuleType:
    import hashlib

    def taking_text(native: Any) -> Callable[..., Any]:
        return lambda data=b"": native(to_bytes(data))

    kinds = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    return _copy("hashlib", **{kind: taking_text(getattr(hashlib, kind)) for kind in kinds})


def _sets() -> types.ModuleType:
    module = types.ModuleType("sets")
    vars(module).update(Set=set, ImmutableSet=frozenset)
    return module


def _time() -> types.ModuleType:
    import time

    return _copy("time", clock=time.process_time)


def _gettext() -> types.ModuleType:
    """``install`` and ``translation`` with Python 2's arguments; what a converter made of them, too."""
    import gettext

    def install(domain: str, localedir: Any = None, *args: Any, **named: Any) -> None:
        found = gettext.translation(domain, localedir or None, fallback=True)
        found.install()
        sys._getframe(1).f_builtins["_"] = found.gettext  # the script's own

    def translation(domain: str, localedir: Any = None, languages: Any = None, **named: Any) -> Any:
        found = gettext.translation(domain, localedir, languages, fallback=bool(named.get("fallback")))
        found.ugettext = found.gettext  # type: ignore[attr-defined]
        found.ungettext = found.ngettext  # type: ignore[attr-defined]
        found.lgettext = found.gettext  # type: ignore[attr-defined]
        return found

    nothing = lambda *args: args[-1] if args else None  # noqa: E731
    return _copy(
        "gettext",
        install=install,
        translation=translation,
        bind_textdomain_codeset=nothing,
        lgettext=gettext.gettext,
        ugettext=gettext.gettext,
    )


def _collections() -> types.ModuleType:
    import collections.abc

    more = {name: getattr(collections.abc, name) for name in collections.abc.__all__}
    return _copy("collections", **more)


def _random() -> types.ModuleType:
    """Whole numbers may come as fractions, as Python 2 took them."""
    import random

    def whole(native: Any) -> Callable[..., Any]:
        return lambda *args, **named: native(
            *(int(one) if isinstance(one, float) else one for one in args), **named
        )

    def sample(population: Any, count: int) -> list[Any]:
        return random.sample(list(population), int(count))

    return _copy("random", randint=whole(random.randint), randrange=whole(random.randrange), sample=sample)


def _platform() -> types.ModuleType:
    return _copy(
        "platform", linux_distribution=lambda **named: ("", "", ""), dist=lambda **named: ("", "", "")
    )


def _imp() -> types.ModuleType:
    import importlib.util

    def load_source(name: str, path: str, file: Any = None) -> Any:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    module = types.ModuleType("imp")
    vars(module).update(load_source=load_source, reload=importlib.reload, new_module=types.ModuleType)
    return module


def _gimpfu(name: str) -> Callable[[], types.ModuleType]:
    def make() -> types.ModuleType:
        package = importlib.import_module(__name__.rpartition(".scripts")[0])
        return package if name == "gimpfu" else getattr(package, name)

    return make


def _gtk(name: str) -> Callable[[], types.ModuleType]:
    def make() -> types.ModuleType:
        from . import gtk2

        return gtk2.module(name)

    return make


def _own(name: str) -> Callable[[], types.ModuleType]:
    return lambda: importlib.import_module(f"{__name__.rpartition('.scripts')[0]}.{name}")


_MADE: dict[str, Callable[[], types.ModuleType]] = {
    "StringIO": _string_io,
    "array": _array,
    "cPickle": _pickle,
    "cStringIO": _string_io,
    "collections": _collections,
    "commands": _commands,
    "gettext": _gettext,
    "hashlib": _hashlib,
    "imp": _imp,
    "itertools": _itertools,
    "md5": _hash("md5"),
    "os": _os,
    "pickle": _pickle,
    "platform": _platform,
    "random": _random,
    "sets": _sets,
    "sha": _hash("sha"),
    "string": _string,
    "struct": _struct,
    "subprocess": _subprocess,
    "time": _time,
    "types": _types,
    "urllib": _urllib,
    "urllib2": _urllib,
    **{name: _gimpfu(name) for name in ("gimpfu", "gimp", "gimpcolor", "gimpenums")},
    **{name: _own(name) for name in ("gimpplugin", "gimpshelf", "gimpui")},
    **{name: _gtk(name) for name in ("gtk", "pygtk", "gobject", "glib", "pango", "gio")},
}
gettext = _gettext()  # what ``from gimpfu import *`` brings, as gimpfu did
_made: dict[str, types.ModuleType] = {"gettext": gettext}


def importer(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
    """Import as a Python 2 script expects it; files beside the script that need translation get it."""
    if level:
        return builtins.__import__(name, globals, locals, fromlist, level)
    head, _, rest = name.partition(".")
    if name in RENAMED:
        return importlib.import_module(RENAMED[name])
    if head in _MADE and not _beside(globals, head):
        if head not in _made:
            _made[head] = _MADE[head]()
        if not rest:
            _fill(_made[head], fromlist)
            return _made[head]
        if head == "gtk":
            return getattr(_made[head], rest) if fromlist else _made[head]
    if (helper := _helper(globals, name)) is not None:
        return helper
    return builtins.__import__(name, globals, locals, fromlist, level)


def _fill(module: types.ModuleType, fromlist: Any) -> None:
    """``from x import y`` looks into the module itself before it asks ``__getattr__``."""
    for name in fromlist or ():
        if name != "*" and not hasattr(module, name):
            raise ImportError(f"cannot import name {name!r} from {module.__name__!r}")


def _beside(names: Any, head: str) -> bool:
    """Whether the script has a file of its own of that name; GIMP's modules cannot be replaced."""
    import os

    if head.startswith("gimp") or head in sys.builtin_module_names:
        return False
    folder = os.path.dirname((names or {}).get("__file__") or "")
    return bool(folder) and os.path.isfile(os.path.join(folder, f"{head}.py"))


def _helper(names: Any, name: str) -> Any:
    """Return a module beside the script, translated like the script itself; None if there is none."""
    import os

    from . import translate

    folder = os.path.dirname((names or {}).get("__file__") or "")
    path = os.path.join(folder, f"{name}.py")
    if not folder or "." in name or not os.path.isfile(path) or name in sys.stdlib_module_names:
        return None
    key = f"gimpfu-script-helper:{path}"
    if key in sys.modules:
        return sys.modules[key]
    with open(path, "rb") as file:
        code = translate.to_code(translate.decode(file.read()), path)
    module = types.ModuleType(name)
    module.__file__ = path
    vars(module)["__builtins__"] = python2.names(importer)
    sys.modules[key] = module
    try:
        exec(code, vars(module))
    except BaseException:
        del sys.modules[key]
        raise
    return module
