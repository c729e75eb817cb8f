"""The catalogues of the plug-in's words: ``python -m plugin.translations`` brings them up to date.

Collects every text that the user may read, merges it into ``locale/LANGUAGE.po`` and compiles these to the
``.mo`` files that GIMP's Python reads. Sentences with names or numbers filled in (f-strings) become templates
with ``{0}`` in the order of the holes; `translation.sentence` matches the server's against them.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from plugin.studio_portrait.link import hints, wire

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "plugin" / "studio_portrait"
LOCALE = PLUGIN / "locale"
DOMAIN = "studio-portrait"
LANGUAGES = ("de", "es", "fr", "it", "pt", "zh_CN")
# Where sentences come from that can reach GIMP: plug-in, wire, what the server refuses, gimpfu's own.
SOURCES = ("plugin/studio_portrait", "server/imaging", "server/service", "plugin/gimpfu/procedure.py")
# Whose sentences only somebody at a terminal reads.
TERMINAL = {"stopping.py", "limits.py", "listener.py", "endpoints.py", "metrics.py", "handshake.py"}
CALLS = {
    "_": (0,),
    "Problem": (1, 2),
    "BadImage": (0, 1),
    "BadSetting": (0, 1),
    "error": (0,),
    "fill": (0,),
    "_failed": (0,),
    "Slider": (2, 3, 4),
}
NOT_FOR_USERS = {"bad-request", "bad-token", "internal"}  # what only a faulty program is told
INSIDE = {"error", "fill", "_failed"}  # names that mean something else outside of the plug-in


def texts() -> dict[str, list[tuple[str, int]]]:
    """Every text and the places (file, line) where it stands."""
    found: dict[str, list[tuple[str, int]]] = {}
    for path in sorted(path for source in SOURCES for path in _modules(ROOT / source)):
        place = path.relative_to(ROOT).as_posix()
        for text, line in _in_module(ast.parse(path.read_text("utf-8")), place.startswith("plugin")):
            found.setdefault(text, []).append((place, line))
    place = "plugin/studio_portrait/link/wire.py"
    for text in (*wire.STAGES.values(), *map(_numbered, wire.ERRORS.values())):
        found.setdefault(text, []).append((place, 0))
    for file in sorted((PLUGIN / "presets").glob("*.json")):
        found.setdefault(json.loads(file.read_text("utf-8"))["name"], []).append((f"presets/{file.name}", 0))
    return found


def _modules(source: Path) -> list[Path]:
    files = [source] if source.is_file() else sorted(source.rglob("*.py"))
    return [path for path in files if path.name not in TERMINAL]


def _in_module(tree: ast.AST, plugin: bool) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        code = node.args[0] if node.args else None
        if isinstance(code, ast.Constant) and code.value in NOT_FOR_USERS or (name in INSIDE and not plugin):
            continue
        for index in CALLS.get(name, ()):
            if index < len(node.args):
                for text in _templates(node.args[index]):
                    if name in ("_", "fill", "Slider") or re.search(
                        r"[A-Za-z]{2,}\W+[A-Za-z]", text.replace("{", " ")
                    ):
                        yield text, node.lineno


def _templates(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression can be, what varies as ``{0}``, ``{1}``..."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield _numbered(node.value)
    elif isinstance(node, ast.IfExp):
        yield from _templates(node.body)
        yield from _templates(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        holes = 0
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
            else:
                parts.append(f"{{{holes}}}")
                holes += 1
        yield "".join(parts)


def _numbered(text: str) -> str:
    """Return a hint's ``{words}``, for which a command is put in, as ``{0}``."""
    count = iter(range(100))
    return hints.WORDS.sub(lambda _found: f"{{{next(count)}}}", text)


def catalogue(language: str) -> Catalog:
    """Return the language's catalogue as it lies in the tree; empty when there is none yet."""
    path = LOCALE / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(language: str) -> bytes:
    """Return what the language's ``.mo`` file must hold."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue(language))
    return buffer.getvalue()


def update(language: str, found: dict[str, list[tuple[str, int]]]) -> list[str]:
    """Bring one language up to date; returns what is not translated yet."""
    before = catalogue(language)
    after = Catalog(locale=language, domain=DOMAIN, project="Studio Portrait", fuzzy=False)
    missing = []
    for text, places in found.items():
        known = before.get(text)
        locations: Any = [(place, None) for place, _line in places]
        after.add(text, known.string if known else "", locations=locations)
        if not (known and known.string):
            missing.append(text)
    buffer = io.BytesIO()
    write_po(buffer, after, width=110, omit_header=False, sort_output=True)
    dated = re.compile(rb'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Report-Msgid).*\n', re.M)
    (LOCALE / f"{language}.po").write_bytes(dated.sub(b"", buffer.getvalue()))
    target = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(compiled(language))
    return missing


def main() -> int:
    """Update all languages; the exit status is 1 while something is not translated."""
    LOCALE.mkdir(exist_ok=True)
    found = texts()
    left = 0
    for language in LANGUAGES:
        missing = update(language, found)
        left += len(missing)
        print(f"{language}: {len(found) - len(missing)} of {len(found)}")
        for text in missing if "--missing" in sys.argv else ():
            print(f"    {text}")
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
