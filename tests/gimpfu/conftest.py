from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gimp.harness import Gimp

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "plugin" / "studio_portrait" / "gimpfu"


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


@pytest.fixture(scope="module")
def kinds(gimp: Gimp) -> Iterator[Path]:
    """The script ``kinds`` installed as a plug-in, with gimpfu beside it; its folder."""
    folder = gimp.profile / "plug-ins" / "kinds"
    shutil.copytree(PACKAGE, folder / "gimpfu", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "inside" / "kinds.py", folder)
    (folder / "kinds.py").chmod(0o755)
    catalogue = folder / "locale" / "C.UTF-8" / "LC_MESSAGES" / "kinds.mo"
    write_catalogue(catalogue, {"Sharper": "Schärfer", "Blurb": "Kurz"})
    yield folder
    shutil.rmtree(folder)
