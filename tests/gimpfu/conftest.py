from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gimp.harness import Gimp

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "plugin" / "gimpfu"


def write_catalogue(path: Path, messages: dict[str, str]) -> None:
    """A compiled gettext catalogue, as msgfmt writes it."""
    texts = {"": "Content-Type: text/plain; charset=UTF-8\n", **messages}
    encoded = [(key.encode(), texts[key].encode()) for key in sorted(texts)]
    tables, data, start = [b"", b""], b"", 28 + 16 * len(encoded)
    for entry in encoded:
        for side, text in enumerate(entry):
            tables[side] += struct.pack("<II", len(text), start + len(data))
            data += text + b"\0"
    sizes = (0x950412DE, 0, len(encoded), 28, 28 + 8 * len(encoded), 0, 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(struct.pack("<7I", *sizes) + b"".join(tables) + data)


def install(gimp: Gimp, name: str) -> Path:
    """Script ``inside/<name>.py`` as a plug-in, with gimpfu and a catalogue beside it; its folder."""
    folder = gimp.profile / "plug-ins" / name
    shutil.copytree(PACKAGE, folder / "gimpfu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "inside" / f"{name}.py", folder)
    (folder / f"{name}.py").chmod(0o755)
    catalogue = folder / "locale" / "C.UTF-8" / "LC_MESSAGES" / "kinds.mo"
    write_catalogue(catalogue, {"Sharper": "Schärfer", "Blurb": "Kurz"})
    return folder


@pytest.fixture(scope="module")
def kinds(gimp: Gimp) -> Iterator[Path]:
    """The folder of script ``kinds``, installed."""
    folder = install(gimp, "kinds")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def gimp_first(gimp: Gimp) -> Iterator[Path]:
    """The folder of script ``gimp_first``, installed with the file that it needs."""
    folder = install(gimp, "gimp_first")
    (folder / "gimp.py").write_text("import gimpfu\n")
    yield folder
    shutil.rmtree(folder)
