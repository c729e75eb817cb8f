"""A language that nobody speaks, in the real dialog: what is not in brackets was never translated."""

from __future__ import annotations

import io
import json
import re
import subprocess

import numpy as np
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from plugin import translations
from tests.gimp import screen
from tests.gimp.harness import Gimp

GTK = re.compile(r"[\d\s%.+-]*|\(None\)")  # numbers, and what GTK itself says where no file is chosen


def catalogue() -> bytes:
    """Every text in double brackets."""
    pseudo = Catalog(domain=translations.DOMAIN)
    for text in translations.texts():
        pseudo.add(text, f"⟦{text}⟧")
    buffer = io.BytesIO()
    write_mo(buffer, pseudo)
    return buffer.getvalue()


def test_no_text_of_the_dialog_and_no_sentence_is_left_untranslated(windowed: Gimp) -> None:
    folder = windowed.profile / "plug-ins/studio_portrait/locale/xx/LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{translations.DOMAIN}.mo").write_bytes(catalogue())
    (windowed.work / "templates.json").write_text(json.dumps(list(translations.texts())), "utf-8")
    (windowed.work / "grey.raw").write_bytes(np.full((64, 48, 3), 128, np.uint8).tobytes())
    photo = {"samples": "grey.raw", "width": 48, "height": 64, "base": "RGB"}
    photo |= {"precision": "U8_NON_LINEAR", "type": "RGB_IMAGE"}
    result = windowed.work / "words.json"
    with screen.Screen() as shown:
        templates = windowed.inside(windowed.work / "templates.json")
        job = windowed.job(result, photo=photo, templates=templates)
        command = windowed.command(
            "gimp",
            "-n",
            "--no-splash",
            *windowed.batch("dialog_words"),
            DISPLAY=shown.display,
            LANGUAGE="xx",
            **job,
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    (folder / f"{translations.DOMAIN}.mo").unlink()
    assert result.exists(), done.stdout + done.stderr
    told = json.loads(result.read_text("utf-8"))
    assert len(told["shown"]) > 60
    bare = [text for text in told["shown"] if not text.strip().startswith("⟦") and not GTK.fullmatch(text)]
    assert not bare
    assert not [text for text, said in told["sentences"].items() if not said.startswith("⟦")]
