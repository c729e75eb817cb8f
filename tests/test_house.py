"""The rooms of the house import in one direction: no circles, and `model/` knows nothing of the other two."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomllib

from tests.sample import CHECKOUT

ROOMS = ("plugin", "server", "model")


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for room in ROOMS:
        for path in sorted((CHECKOUT / room).rglob("*.py")):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str, path: Path) -> Iterator[str]:
    """The product's modules that `name` imports, also inside functions and for the type checker only."""
    tree = ast.parse(path.read_text("utf-8"))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = parts[: len(parts) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                if whole in MODULES:
                    yield whole
                elif base in MODULES:
                    yield base


def test_model_imports_nothing_of_plugin_and_server() -> None:
    arrows = {
        f"{name} -> {target}"
        for name, path in MODULES.items()
        if name.startswith("model")
        for target in imports(name, path)
        if not target.startswith("model")
    }
    assert not arrows


def test_plugin_imports_nothing_of_the_others() -> None:
    arrows = {
        f"{name} -> {target}"
        for name, path in MODULES.items()
        if name.startswith("plugin")
        for target in imports(name, path)
        if not target.startswith("plugin")
    }
    assert not arrows


def test_server_imports_the_wire_contract_only() -> None:
    arrows = {
        f"{name} -> {target}"
        for name, path in MODULES.items()
        if name.startswith("server") and not name.startswith("server.setup")
        for target in imports(name, path)
        if target.startswith("plugin") and not target.startswith("plugin.studio_portrait.link")
    }
    assert not arrows


@pytest.mark.parametrize("room", ["files", "imaging", "remote", "service"])
def test_batch_and_commands_stand_above_the_service(room: str) -> None:
    arrows = {
        f"{name} -> {target}"
        for name, path in MODULES.items()
        if name.startswith(f"server.{room}.")
        for target in imports(name, path)
        if target.startswith(("server.batch", "server.cli"))
    }
    assert not arrows


def test_no_module_imports_itself_in_a_circle() -> None:
    """Nor by an import inside a function, which only hides a circle."""
    graph = {name: set(imports(name, path)) - {name} for name, path in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


HOMES = {
    r"1\.055": {"model/paper/colour.py", "plugin/gimpfu/pixels.py"},
    r"0\.7152": {"model/paper/colour.py"},
    r"10 \* \w+\.log10": {"model/psnr.py"},
    r"def (guided_filter|_guided)\b": {"model/guided_filter.py"},
    r"dup2\(2, 1\)": {"server/child.py"},
}


def test_one_thing_has_one_home() -> None:
    places = [CHECKOUT / "benchmarks", *(CHECKOUT / room for room in ROOMS)]
    texts = {
        path.relative_to(CHECKOUT).as_posix(): path.read_text("utf-8")
        for place in places
        for path in place.rglob("*.py")
    }
    for pattern, homes in HOMES.items():
        assert {name for name, text in texts.items() if re.search(pattern, text)} == homes, pattern


def test_types_are_strict_without_exceptions() -> None:
    """But for libraries that have none."""
    options = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    overrides = options.pop("overrides")
    assert options["strict"] is True
    assert all(set(one) == {"module", "ignore_missing_imports"} for one in overrides)
    assert not {name for name, value in options.items() if value is False}
