"""Modules that a translated script imports: Python 2's names and what those modules lost since.

A script's ``__import__`` is `importer`, so Python's own modules stay what they are for
everybody else. A module of another name is in `RENAMED`; one that needs more is made by a
function of `_MADE` at its first import.
"""

from __future__ import annotations

import array
import builtins
import gettext as gettext_native
import importlib
import io
import math
import os
import struct
import sys
import types
from collections.abc import Callable
from typing import Any

from . import PYTHON_2, python2_builtins, python2_expressions
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
    native = importlib.import_module(source or name)
    own = {key: value for key, value in vars(native).items() if not key.startswith("__")}
    module = _module(name, **{**own, **more})
    module.__getattr__ = lambda key: getattr(native, key)  # type: ignore[method-assign]
    return module


def _module(name: str, /, **names: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(names)
    return module


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

    return _copy(
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
    kinds |= {"NoneType": type(None), "EllipsisType": type(Ellipsis), "FileType": python2_builtins.file}
    return _copy("types", **kinds, StringTypes=(str, bytes))


def _itertools() -> types.ModuleType:
    import itertools

    return _copy(
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
        return python2_builtins.File(number, mode)

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

    path = _copy("os.path", walk=walk)
    more = {"getcwdu": os.getcwd, "popen": popen, "fdopen": fdopen, "path": path}
    return _copy("os", errno=importlib.import_module("errno"), **more)


def _math() -> types.ModuleType:
    """``floor`` and ``ceil`` gave floats, which ``/`` divides as such."""
    return _copy(
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

    return _copy(
        "subprocess",
        Popen=Popen,
        check_output=lambda *args, **named: subprocess.check_output(*args, **as_text(named)),
    )


def _commands() -> types.ModuleType:
    import subprocess

    return _module("commands", getoutput=subprocess.getoutput, getstatusoutput=subprocess.getstatusoutput)


class StringIO(python2_builtins.Stream):
    """Text or bytes in memory."""

    def __init__(self, value: Any = ""):
        self._file = io.BytesIO(to_bytes(value))
        self._bytes = isinstance(value, bytes)

    def _out(self, data: bytes) -> Any:
        return ByteString(data) if self._bytes else str(ByteString(data))

    def write(self, data: Any) -> None:
        """Write text or bytes."""
        self._bytes |= isinstance(data, bytes)
        self._file.write(bytes(data) if isinstance(data, bytes) else data.encode("utf-8"))

    def getvalue(self) -> Any:
        """Return everything that was written."""
        return self._out(self._file.getvalue())


def _pickle() -> types.ModuleType:
    import pickle

    def binary(file: Any) -> Any:
        raw = getattr(file, "_file", file)
        return getattr(raw, "buffer", raw)

    return _copy(
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
    return _copy("urllib", "urllib.request", parse=parse, request=request, error=error, **moved, **failures)


def _hash(name: str) -> Callable[[], types.ModuleType]:
    def make() -> types.ModuleType:
        import hashlib

        new = _taking_text(getattr(hashlib, {"sha": "sha1"}.get(name, name)))
        return _module(name, **{"new": new, name: new})

    return make


def _taking_text(native: Any) -> Callable[..., Any]:
    return lambda data=b"": native(to_bytes(data))


def _hashlib() -> types.ModuleType:
    import hashlib

    kinds = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    return _copy("hashlib", **{kind: _taking_text(getattr(hashlib, kind)) for kind in kinds})


def _time() -> types.ModuleType:
    import time

    return _copy("time", clock=time.process_time)


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
    return _copy(
        "gettext",
        install=_install,
        translation=_translation,
        bind_textdomain_codeset=lambda *args: args[-1] if args else None,
        **dict.fromkeys(("lgettext", "ugettext"), gettext_native.gettext),
    )


def _collections() -> types.ModuleType:
    import collections.abc

    more = {name: getattr(collections.abc, name) for name in collections.abc.__all__}
    return _copy("collections", **more)


def _random() -> types.ModuleType:
    """Whole numbers may come as fractions, as Python 2 took them."""
    import random

    def whole(native: Any) -> Callable[..., Any]:
        return lambda *args, **named: native(*map(_whole, args), **named)

    return _copy(
        "random",
        randint=whole(random.randint),
        randrange=whole(random.randrange),
        sample=lambda population, count: random.sample(list(population), int(count)),
    )


def _platform() -> types.ModuleType:
    unknown = dict.fromkeys(("linux_distribution", "dist"), lambda **named: ("", "", ""))
    return _copy("platform", **unknown)


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

    return _module("imp", load_source=load_source, reload=importlib.reload, new_module=types.ModuleType)


def _gimpfu_2() -> types.ModuleType:
    """Return gimpfu with the ``math`` that it brings as Python 2's."""
    package = _gimpfu("gimpfu")()
    return _copy("gimpfu", package.__name__, math=_math(), __all__=package.__all__)


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
    **{name: lambda: _module("StringIO", StringIO=StringIO) for name in ("StringIO", "cStringIO")},
    "array": lambda: _copy("array", array=Array, ArrayType=Array),
    "cPickle": _pickle,
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
    "sets": lambda: _module("sets", Set=set, ImmutableSet=frozenset),
    "sha": _hash("sha"),
    "string": _string,
    "struct": lambda: _copy("struct", pack=_pack, unpack=_unpack),
    "subprocess": _subprocess,
    "time": _time,
    "types": _types,
    "urllib": _urllib,
    "urllib2": _urllib,
    **{name: _gimpfu(name) for name in ("gimpfu", "gimp", "gimpcolor", "gimpenums")},
    **{name: _own(name) for name in ("gimpplugin", "gimpshelf", "gimpui")},
    **{name: _gtk(name) for name in ("gtk", "pygtk", "gobject", "glib", "pango", "gio")},
}
# Those that a script in Python 3 has otherwise.
_MADE_2: dict[str, Callable[[], types.ModuleType]] = {"gimpfu": _gimpfu_2, "math": _math}
gettext = _gettext()  # what ``from gimpfu import *`` brings, as gimpfu did
_made: dict[Callable[[], types.ModuleType], types.ModuleType] = {_gettext: gettext}


def importer(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
    """Import as a Python 2 script expects it; files beside the script that need translation get it."""
    if level:
        return builtins.__import__(name, globals, locals, fromlist, level)
    head, _, rest = name.partition(".")
    if name in RENAMED:
        return importlib.import_module(RENAMED[name])
    make = _MADE_2.get(head) if PYTHON_2 in (globals or {}) else None
    make = make or _MADE.get(head)
    if make is not None and not _beside(globals, head):
        if make not in _made:
            _made[make] = make()
        module = _made[make]
        if not rest or (head in ("gtk", "os") and not fromlist):
            _fill(module, fromlist)
            return module
        if head in ("gtk", "os"):
            return getattr(module, rest)
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
    return not head.startswith("gimp") and head not in sys.builtin_module_names and bool(_file(names, head))


def _file(names: Any, name: str) -> str:
    """Return the path of a module beside the script with these names, "" where there is none."""
    folder = os.path.dirname((names or {}).get("__file__") or "")
    path = os.path.join(folder, f"{name}.py")
    return path if folder and os.path.isfile(path) else ""


def _helper(names: Any, name: str) -> Any:
    """Return a module beside the script, translated like the script itself; None if there is none."""
    from . import translate

    path = _file(names, name)
    if not path or "." in name or name in sys.stdlib_module_names:
        return None
    key = f"gimpfu-script-helper:{path}"
    if key not in sys.modules:
        with open(path, "rb") as file:
            code = translate.to_code(translate.decode(file.read()), path)
        sys.modules[key] = _module(name, __file__=path, __builtins__=python2_builtins.names(importer))
        try:
            exec(code, vars(sys.modules[key]))
        except BaseException:
            del sys.modules[key]
            raise
    return sys.modules[key]
