"""Every text that a GIMP user may read is in every catalogue, and what GIMP's Python reads is up to date."""

from __future__ import annotations

import gettext
import io
import re

import pytest

from plugin import translations

HOLES = re.compile(r"\{\d\}")
TEXTS = translations.texts()


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    """Bring them up to date with ``python -m plugin.translations``, then translate what it names.

    All of the plug-in's own; of the server's sentences nearly all, for these change with the server.
    """
    catalogue = translations.catalogue(language)
    missing = {text for text in TEXTS if not (message := catalogue.get(text)) or not message.string}
    ours = {
        text for text, places in TEXTS.items() if any(place.startswith("plugin") for place, _line in places)
    }
    assert not missing & ours
    theirs = TEXTS.keys() - ours
    assert len(missing & theirs) <= 0.2 * len(theirs), missing & theirs


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_holes_and_mnemonics_stay(language: str) -> None:
    for message in translations.catalogue(language):
        if message.id:
            text, said = str(message.id), str(message.string)
            assert sorted(HOLES.findall(text)) == sorted(HOLES.findall(said)), text
            assert text.count("_") == said.count("_") or "studio-portrait" in text or "-" in text, text
            assert text.endswith("...") == said.endswith("..."), text


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_compiled_catalogue_is_up_to_date(language: str) -> None:
    path = translations.LOCALE / language / "LC_MESSAGES" / f"{translations.DOMAIN}.mo"
    shipped = gettext.GNUTranslations(io.BytesIO(path.read_bytes()))
    for message in translations.catalogue(language):
        if message.id:
            assert shipped.gettext(str(message.id)) == message.string


def test_texts_from_everywhere_are_known() -> None:
    """Plug-in, wire, pipeline, worker, gimpfu and presets each have some."""
    for text in (
        "Re_touch",
        "Looking for faces",
        "There is no network named {0}.",
        "The picture holds samples that are not numbers (the first at x {0}, y {1}).",
        "{0} works on exactly one layer; {1} are selected.",
        "Colour only",
    ):
        assert text in TEXTS


@pytest.mark.parametrize("language", ("en", *translations.LANGUAGES))
def test_each_key_of_the_dialog_leads_to_one_place(language: str) -> None:
    """Of two with the same key GTK would press neither."""
    places = ("ui/controls.py", "ui/portrait_chooser.py", "ui/tools.py", "ui/window.py", "link/sliders.py")
    texts = [text for text, found in TEXTS.items() if any(place.endswith(places) for place, _line in found)]
    catalogue = translations.catalogue(language)
    said = [text if language == "en" else str(getattr(catalogue.get(text), "string", "")) for text in texts]
    of_the_dialog = [words for text, words in zip(texts, said, strict=True) if text not in ("_Save", "_Name")]
    keys = [found[1].casefold() for words in of_the_dialog if (found := re.search("_(.)", words))]
    assert len(keys) > 15 and len(keys) == len(set(keys)), sorted(keys)
