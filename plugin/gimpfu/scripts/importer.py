"""What a translated script's ``import`` does: it finds Python 2's modules, gimpfu's own, and files beside it.

A script's ``__import__`` is `importer`, so Python's own modules stay what they are for
everybody else. A module of another name is in `RENAMED`; one that needs more is made by a
function of `_MAKERS` at its first import.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from . import PYTHON_2, python2_builtins, python2_data, python2_modules
from .made_modules import copied, module

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


def _gimpfu_2() -> types.ModuleType:
    """Return gimpfu with the ``math`` that it brings as Python 2's."""
    package = _gimpfu("gimpfu")()
    math = python2_modules.MAKERS_2["math"]()
    return copied("gimpfu", package.__name__, math=math, __all__=package.__all__)


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


_MAKERS: dict[str, Callable[[], types.ModuleType]] = {
    **python2_data.MAKERS,
    **python2_modules.MAKERS,
    **{name: _gimpfu(name) for name in ("gimpfu", "gimp", "gimpcolor", "gimpenums")},
    **{name: _own(name) for name in ("gimpplugin", "gimpshelf", "gimpui")},
    **{name: _gtk(name) for name in ("gtk", "pygtk", "gobject", "glib", "pango", "gio")},
}
# Those that a script in Python 3 has otherwise.
_MAKERS_2 = {**python2_data.MAKERS_2, **python2_modules.MAKERS_2, "gimpfu": _gimpfu_2}
_made: dict[Callable[[], types.ModuleType], types.ModuleType] = {}


def importer(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
    """Import as a Python 2 script expects it; files beside the script that need translation get it."""
    if level:
        return builtins.__import__(name, globals, locals, fromlist, level)
    head, _, rest = name.partition(".")
    if name in RENAMED:
        return importlib.import_module(RENAMED[name])
    make = _MAKERS_2.get(head) if PYTHON_2 in (globals or {}) else None
    make = make or _MAKERS.get(head)
    if make is not None and not _beside(globals, head):
        if make not in _made:
            _made[make] = make()
        found = _made[make]
        if not rest or (head in ("gtk", "os") and not fromlist):
            _fill(found, fromlist)
            return found
        if head in ("gtk", "os"):
            return getattr(found, rest)
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
        sys.modules[key] = module(name, __file__=path, __builtins__=python2_builtins.names(importer))
        try:
            exec(code, vars(sys.modules[key]))
        except BaseException:
            del sys.modules[key]
            raise
    return sys.modules[key]
