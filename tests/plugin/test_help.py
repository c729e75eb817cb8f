"""The help page is whole in every language, and calls the controls what the dialog calls them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from plugin import translations

HELP = translations.PLUGIN / "help"
PAGES = {language: HELP / f"{language.split('_')[0]}.html" for language in translations.LANGUAGES}
KEYS = re.compile(r"[A-Z]|F1|[+\-←→]")  # the same everywhere; Ctrl and Shift have names of their own


class Page(HTMLParser):
    """tags: all of them in order. words: (tag, text) of each that holds some."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.words: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append((self._open[-1], " ".join(data.split())))

    def of(self, tag: str) -> list[str]:
        return [text for at, text in self.words if at == tag]


def label(text: str) -> str:
    """Return a label without the mark of its key."""
    return re.sub(r"\(_.\)", "", text).replace("_", "").replace("...", "…")


ENGLISH = Page((HELP / "en.html").read_text("utf-8"))


def test_no_page_is_missing_and_none_is_left_over() -> None:
    assert {path.name for path in HELP.iterdir()} == {"en.html", *(path.name for path in PAGES.values())}


def test_the_page_explains_every_control() -> None:
    """In the dialog's words; each slider, list and tick has its row."""
    known = {label(text) for text in translations.texts()}
    assert set(ENGLISH.of("th")) <= known
    rows = [
        "Preset",
        "Strength",
        "Shine",
        "Light",
        "Colour",
        "Warmth",
        "Brightness",
        "Reach",
        "Faces",
        "Network",
        "Output",
    ]
    assert [name for name in ENGLISH.of("th") if name in rows] == rows
    assert len(ENGLISH.of("th")) == len(rows) + 3


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_a_translation_has_the_same_parts_and_the_dialogs_names(language: str) -> None:
    page = Page(PAGES[language].read_text("utf-8"))
    assert page.tags == ENGLISH.tags
    for tag in ("h1", "h2", "th", "b", "kbd"):
        assert len(page.of(tag)) == len(ENGLISH.of(tag)), tag
    assert [key for key in page.of("kbd") if KEYS.fullmatch(key)] == [
        key for key in ENGLISH.of("kbd") if KEYS.fullmatch(key)
    ]
    names = {label(str(one.id)): label(str(one.string)) for one in translations.catalogue(language) if one.id}
    assert page.of("th") == [names[text] for text in ENGLISH.of("th")]
    for ours, theirs in zip(ENGLISH.of("b"), page.of("b"), strict=True):
        *menus, last = ours.split(" > ")
        found = theirs.split(" > ")
        assert len(found) == len(menus) + 1
        if last in names:  # GIMP's own menus are not ours to name
            assert found[-1] == names[last]
    same = [text for text in page.of("td") + page.of("p") if text in ENGLISH.of("td") + ENGLISH.of("p")]
    assert not [text for text in same if re.search(r"[a-z]{3} [a-z]{3}", text)], "not translated"
    assert f'lang="{language.split("_")[0]}"' in PAGES[language].read_text("utf-8")
