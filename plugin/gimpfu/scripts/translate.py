"""Make a Python 3 code object of a GIMP 2 script's file: bytes to text to Python 3 to code.

Syntax (``print``, ``except X, e``, backticks, octal numbers, tuple parameters, ...) is left to
the library fissix, the kept fork of lib2to3, which Python 3.13 no longer has. What Python 2
*did* differently is put in here, on the syntax tree: integer division and the string methods
that took bytes and text alike. Line numbers stay those of the file, so tracebacks fit it.
"""

from __future__ import annotations

import ast
import codecs
import contextlib
import functools
import io
import re
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import PYTHON_2

VERSION = "4"  # part of every kept translation's name: raise it when the outcome changes

FIXERS = (
    "except exec funcattrs getcwdu has_key long metaclass methodattrs ne next nonzero numliterals paren print"
    " raise renames repr sys_exc throw tuple_params xreadlines dict"
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PYTHON_3 = re.compile(r"^#!.*python3")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DIVIDE, _RIGHT = "__divide2__", "__Divisor2__"
# String methods whose Python 2 form took bytes or text alike, or that lists and iterators lost.
_METHODS = {"decode", "encode", "join", "next", "sort", "tostring", "fromstring"}


class Untranslatable(Exception):
    """The script is no Python that can be read; the text is a sentence for its owner."""


def decode(raw: bytes) -> str:
    """Return a script's text: BOM, declared encoding, UTF-8 or Latin-1; line ends are newlines."""
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return _newlines(raw[len(bom) :].decode(encoding, "replace"))
    for line in raw.splitlines()[:2]:
        if found := _COOKIE.match(line):
            try:
                return _newlines(raw.decode(found[1].decode()))
            except (LookupError, UnicodeDecodeError):
                break
    try:
        return _newlines(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return _newlines(raw.decode("latin-1"))


def _newlines(text: str) -> str:
    text = (
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\f", " ")
        .replace("\0", "")
        .rstrip("\x1a \n\t")
    )
    return text.lstrip("\ufeff") + "\n"


def is_python_3(text: str) -> bool:
    """Tell whether the script's first line asks for Python 3: then it is taken as it is."""
    return bool(_PYTHON_3.match(text))


def to_python_3(text: str, fixers: str = FIXERS) -> str:
    """Return `text` in Python 3's syntax, line for line. Raises `Untranslatable`."""
    if is_python_3(text):
        return text
    prepared = _prepared(text, _fissix())
    failures = []
    for statement in (True, False):  # print as a statement first, as Python 2 read it
        try:
            return str(_tool(statement, fixers).refactor_string(prepared, "script"))
        except Exception as fault:  # no Python, tokens of none, or a fixer's own failure
            failures.append(_place(fault))
    try:
        _parse(text)
    except (SyntaxError, ValueError):
        raise Untranslatable(f"It is not Python that can be read: {failures[0]}.") from None
    return text  # newer Python than fissix knows


@functools.cache
def _tool(statement: bool, fixers: str) -> Any:
    """fissix's tool; making one compiles every fixer's pattern."""
    options = {"print_function": not statement, "exec_function": not statement}
    names = [f"fissix.fixes.fix_{name}" for name in fixers.split()]
    tool = _fissix().refactor.RefactoringTool(names, options, explicit=names)
    tool.log_error = _log_nothing
    tool.log_debug = tool.log_message = lambda *args: None
    return tool


def _log_nothing(*args: Any, **named: Any) -> None:
    raise  # noqa: PLE0704 - fissix calls this in its own except clause


def _place(fault: Any) -> str:
    """Return where a parser stopped; any other failure's own words."""
    _, (line, _) = getattr(fault, "context", None) or ("", (0, 0))
    where = f"at {fault.value!r}" if line and str(fault.value).strip() else "its indentation"
    return f"line {line}, {where}" if line else str(fault)


def _fissix() -> Any:
    """Import fissix, which wants appdirs only to learn where it may keep its grammar tables."""
    if "fissix" not in sys.modules:
        stand_in = types.ModuleType("appdirs")
        stand_in.user_cache_dir = lambda *args, **named: str(_tables())  # type: ignore[attr-defined]
        has_own = sys.modules.setdefault("appdirs", stand_in) is not stand_in
        try:
            import fissix.pgen2.parse
            import fissix.refactor  # noqa: F401
        except ModuleNotFoundError as missing:
            raise Untranslatable(
                f"The library {missing.name} that translates Python 2 is not beside the plug-in:"
                " install gimpfu again, with its zip or install.py --gimpfu-only."
            ) from None
        finally:
            if not has_own:
                del sys.modules["appdirs"]
    return sys.modules["fissix"]


_folder: Path | None = None


def keep_tables_in(folder: Path) -> None:
    """Name the folder where fissix may keep its grammar tables."""
    global _folder
    _folder = folder


def _tables() -> Path:
    return _folder or Path(tempfile.mkdtemp(prefix="gimpfu-"))  # what lies there is unpickled


def _prepared(text: str, fissix: Any) -> str:
    """Return `text` with indentation in spaces, eight to a tab as Python 2 counted, and no ``ur""``."""
    lines = text.split("\n")
    inside: set[int] = set()  # the lines that begin within a string
    for row, column, end, token in reversed(list(_strings(text, fissix))):
        inside.update(range(row + 1, end + 1))
        if token[:2].lower() == "ur":
            lines[row - 1] = lines[row - 1][:column] + lines[row - 1][column + 1 :]
    for number, line in enumerate(lines, 1):
        if number not in inside:
            code = line.lstrip(" \t")
            lines[number - 1] = line[: len(line) - len(code)].expandtabs(8) + code
    return "\n".join(lines)


def _strings(text: str, fissix: Any) -> Iterator[tuple[int, int, int, str]]:
    """Yield row, column, last row and text of each string, as far as there are tokens."""
    tokens = fissix.pgen2.tokenize.generate_tokens(io.StringIO(text).readline)
    with contextlib.suppress(fissix.pgen2.tokenize.TokenError):  # the parser says it better
        for kind, token, (row, column), (end, _), _ in tokens:
            if kind == fissix.pgen2.token.STRING:
                yield row, column, end, token


def _parse(text: str, name: str = "script") -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" and its like were fine in Python 2
        return ast.parse(text, name)


def to_code(text: str, name: str, mode: str = "exec", true_division: bool = False) -> types.CodeType:
    """Compile a script's text as file `name`, with Python 2's behaviour unless it asks for Python 3.

    mode: ``eval`` for an expression. true_division: whoever runs it has asked for that.
    Raises `Untranslatable`.
    """
    translated = to_python_3(text)
    try:
        module = _parse(translated, name)
        tree: ast.AST = _expression(module) if mode == "eval" else module
        if not is_python_3(text):
            tree = ast.fix_missing_locations(Python2(module, true_division).visit(tree))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(tree, name, mode, dont_inherit=True)  # type: ignore[call-overload, no-any-return]
    except (SyntaxError, ValueError, RecursionError) as fault:
        line = f" (line {fault.lineno})" if isinstance(fault, SyntaxError) and fault.lineno else ""
        told = fault.msg if isinstance(fault, SyntaxError) else str(fault)
        raise Untranslatable(f"It is not Python that can be read: {told}{line}.") from None


def _expression(module: ast.Module) -> ast.Expression:
    if len(module.body) != 1 or not isinstance(module.body[0], ast.Expr):
        raise SyntaxError("it is no expression")
    return ast.Expression(module.body[0].value)


class Python2(ast.NodeTransformer):
    """Put Python 2's meaning of some expressions into a tree; it calls `python2_expressions`."""

    def __init__(self, tree: ast.Module, true_division: bool = False):
        self._true_division = true_division or any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(name.name == "division" for name in node.names)
            for node in tree.body
        )
        self._caught: list[str] = []

    def visit_Module(self, node: ast.Module) -> ast.AST:  # noqa: N802 - ast's naming
        """Say before anything else runs that this was Python 2."""
        self.generic_visit(node)
        body = node.body
        begin = next((at for at, one in enumerate(body) if not _is_head(one)), len(body))
        body.insert(begin, ast.parse(f"{PYTHON_2} = True").body[0])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: N802
        """Divide whole numbers as Python 2 did."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div) or self._true_division:
            return node
        if any(
            isinstance(side, ast.Constant) and isinstance(side.value, float)
            for side in (node.left, node.right)
        ):
            return node  # a float on either side divides alike
        return ast.copy_location(_call(_DIVIDE, node.left, node.right), node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:  # noqa: N802
        """Put ``<`` and its like, where either side may be None, into Python 2's order of types."""
        self.generic_visit(node)
        helper = _ORDER.get(type(node.ops[0]))
        if helper is None or len(node.ops) > 1 or any(map(_is_number, (node.left, node.comparators[0]))):
            return node
        return ast.copy_location(_call(helper, node.left, node.comparators[0]), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:  # noqa: N802
        """Divide whole numbers as Python 2 did."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Div) and not self._true_division:
            node.value = ast.copy_location(_call(_RIGHT, node.value), node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """Call a helper for methods that Python 3 has no more."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            helper = f"__{node.func.attr}2__"
            call = ast.Call(ast.Name(helper, ast.Load()), [node.func.value, *node.args], node.keywords)
            return ast.copy_location(call, node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:  # noqa: N802
        """Let ``__cmp__`` decide all comparisons; instances keep their hash, as in Python 2."""
        self.generic_visit(node)
        known = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        assigned = [one for one in node.body if isinstance(one, ast.Assign)]
        known |= {name.id for one in assigned for name in one.targets if isinstance(name, ast.Name)}
        if "__cmp__" in known:
            texts = {name: f"def {name}(self, other): return {way}" for name, way in _BY_CMP.items()}
            texts["__hash__"] = "__hash__ = object.__hash__"
            node.body += [ast.parse(text).body[0] for name, text in texts.items() if name not in known]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:  # noqa: N802
        """Remember the name of the exception that is caught."""
        self._caught.append(node.name or "")
        self.generic_visit(node)
        self._caught.pop()
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: N802
        """Mend attributes that exceptions have no more."""
        self.generic_visit(node)
        if node.attr == "message" and isinstance(node.value, ast.Name) and node.value.id in self._caught:
            return ast.copy_location(_call("__message2__", node.value), node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:  # noqa: N802
        """Mend exceptions that are read like tuples."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self._caught and node.value.id:
            arguments = ast.Attribute(node.value, "args", ast.Load())
            return ast.copy_location(ast.Subscript(arguments, node.slice, node.ctx), node)
        return node


def _is_head(node: ast.stmt) -> bool:
    """Whether a statement must stay at a module's head: its docstring, imports of ``__future__``."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


_BY_CMP = {
    f"__{name}__": f"self.__cmp__(other) {sign} 0"
    for name, sign in {"lt": "<", "le": "<=", "eq": "==", "ne": "!=", "gt": ">", "ge": ">="}.items()
}
_ORDER = {ast.Lt: "__less2__", ast.LtE: "__at_most2__", ast.Gt: "__more2__", ast.GtE: "__at_least2__"}


def _is_number(node: ast.expr) -> bool:
    """Whether an expression is a number for certain, seen from its form; a constant is not enough."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("len", "int", "float", "abs", "ord")
    return isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Mod))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
