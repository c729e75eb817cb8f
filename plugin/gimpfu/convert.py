"""Write the Python 3 version of a GIMP 2 script: ``python3 -m gimpfu.convert SCRIPT [-o FILE]``.

For maintainers who want to move on: the result is a plug-in of its own for GIMP 3 with
gimpfu beside it, with a list of what needs an eye. The original is never changed.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .scripts import translate
from .scripts.translate import Untranslatable

# Everything that 2to3 knows, where the loader puts Python 2's own behaviour in instead.
_MORE = "apply basestring execfile filter imports imports2 input intern itertools itertools_imports long map"
_MORE += " operator raw_input reduce standarderror types unicode urllib xrange zip"


def convert(raw: bytes) -> tuple[str, list[str]]:
    """Return the Python 3 text of a script, and sentences on what needs an eye. Raises `Untranslatable`."""
    old = translate.decode(raw)
    text = translate.to_python_3(old, f"{translate.FIXERS} {_MORE}")
    text, changed = _floor_divisions(text, old)
    lines = text.split("\n")
    if lines[0].startswith("#!"):
        lines[0] = "#!/usr/bin/env python3"
    else:
        lines.insert(0, "#!/usr/bin/env python3")
    text = "\n".join(line for line in lines if not re.match(r"#.*coding[:=]\s*(?!utf-8)", line))
    notes = dict.fromkeys([*changed, *_notes(text)])
    return text, sorted(notes, key=lambda note: int(re.sub(r"^line (\d+).*", r"\1", note)))


def _floor_divisions(text: str, old: str) -> tuple[str, list[str]]:
    """Write ``//`` where both sides are surely whole; say where that cannot be known."""
    if "import division" in old:
        return text, []
    notes, places = [], []
    for node in ast.walk(translate._parse(text)):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
            if any(_is_fraction(side) for side in sides):
                continue
            if all(_is_whole(side) for side in sides) and isinstance(node, ast.BinOp):
                places.append((node.left.end_lineno or 0, node.left.end_col_offset or 0))
            else:
                notes.append(f"line {node.lineno}: two whole numbers gave a whole one; use // if these are.")
    lines = text.split("\n")
    for line, column in sorted(places, reverse=True):
        raw = lines[line - 1].encode()
        lines[line - 1] = (raw[:column] + raw[column:].replace(b"/", b"//", 1)).decode()
    return "\n".join(lines), notes


def _is_fraction(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "float"
    return isinstance(node, ast.BinOp) and (_is_fraction(node.left) or _is_fraction(node.right))


def _is_whole(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("int", "len", "ord")
    return isinstance(node, ast.Attribute) and node.attr in ("width", "height", "bpp")


_WARNINGS: list[tuple[str, str]] = [
    (
        r"\bimport (gtk|pygtk|gobject|gimpui)\b|from gtk\b",
        "PyGTK is gone: write the window with GTK 3 and gi.",
    ),
    (r"\.decode\(", "text has no decode; only bytes have."),
    (r"\bopen\([^)]*['\"][rwa]b", "files opened as binary give and take bytes."),
    (r"\bord\(|\bchr\(", "pixels and struct.pack are bytes: an item of them is a number already."),
    (r"\bround\(", "round gives a whole number, and halves go to the even one."),
    (r"\.sort\((?!\)|key|reverse)|sorted\([^)]*,\s*(?!key|reverse)\w", "sort takes key=, no comparison."),
    (r"unicode\s*=\s*True|str\s*=\s*True", "gettext.install has no argument unicode."),
    (r"\bos\.popen\(|subprocess\.", "what programs print is bytes unless text=True is given."),
]


def _notes(text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), 1):
        code = line.partition("#")[0]
        for pattern, sentence in _WARNINGS:
            if re.search(pattern, code):
                yield f"line {number}: {sentence}"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 written, 1 the script cannot be read."""
    parser = argparse.ArgumentParser(prog="python3 -m gimpfu.convert", description=__doc__)
    parser.add_argument("script", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="the new file (default: standard output)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="gimpfu-") as tables:
        translate.keep_tables_in(Path(tables))
        try:
            if options.output and options.output.resolve() == options.script.resolve():
                raise Untranslatable("The original is never changed: name another file.")
            text, notes = convert(options.script.read_bytes())
        except (Untranslatable, OSError) as fault:
            print(f"{options.script}: {fault}", file=sys.stderr)
            return 1
    if options.output:
        options.output.write_text(text, "utf-8")
    else:
        print(text, end="")
    for note in notes:
        print(f"{options.output or options.script.name}: {note}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
