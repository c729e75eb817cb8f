"""``register``: what a script says about its procedures, checked and brought to one form."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .constants import PF_DIRNAME, PF_DRAWABLE, PF_FILE, PF_FILENAME, PF_IMAGE, PF_LAYER, PF_STRING
from .errors import error
from .scripts import PYTHON_2

_PREFIXES = ("python-", "extension-", "plug-in-", "file-")
# Menus that GIMP 2 itself put elsewhere, in this order, and the one that GIMP 3 renamed.
_MOVED_MENUS = {
    **{f"<Toolbox>/Xtns/{name}": f"<Image>/Filters/{name}" for name in ("Languages", "Extensions")},
    **{
        f"<Toolbox>/Xtns/{name}": f"<Image>/File/Create/{name}"
        for name in ("Buttons", "Logos", "Misc", "Patterns", "Web Page Themes")
    },
    "<Toolbox>/File/Acquire": "<Image>/File/Create/Acquire",
    "<Image>/File/Acquire": "<Image>/File/Create/Acquire",
    "<Image>/File/New": "<Image>/File/Create",
    "<Toolbox>": "<Image>",
    "<Vectors>": "<Paths>",
}


@dataclass(frozen=True)
class Param:
    """One entry of ``register``'s `params`: gimpfu's tuple, and the argument's name in GIMP."""

    kind: int
    name: str
    label: str
    default: Any
    extra: tuple[Any, ...]
    key: str

    @property
    def nick(self) -> str:
        """The label without the colon and the markup that GIMP 2's dialogs wanted."""
        return self.label.replace("\n", " ").strip().removesuffix(":")


@dataclass(frozen=True)
class Result:
    """One entry of ``register``'s `results`."""

    kind: int
    name: str
    description: str


@dataclass(frozen=True)
class Registration:
    """Everything that ``register`` was told about one procedure."""

    name: str
    blurb: str
    help: str
    author: str
    copyright: str
    date: str
    label: str
    imagetypes: str
    params: tuple[Param, ...]
    results: tuple[Result, ...]
    function: Callable[..., Any]
    menu: str | None
    on_query: Callable[[], Any] | None
    on_run: Callable[[], Any] | None
    interactive: Callable[..., tuple[Any, dict[str, Any]]] | None
    domain: tuple[str, str | None] | None

    def translated(self, text: str) -> str:
        """`text` from the script's own catalogue in the user's language, if there is one."""
        if self.domain is None or not text:
            return text
        return gettext.translation(*self.domain, fallback=True).gettext(text)

    @property
    def is_python_2(self) -> bool:
        """Whether the function comes from a script that was translated."""
        return PYTHON_2 in getattr(self.function, "__globals__", ())

    @property
    def file_kind(self) -> str:
        """``load`` or ``save`` for a procedure that GIMP offers when it opens or exports files."""
        for menu, kind in {"<Load>": "load", "<Save>": "save"}.items():
            if (self.menu or "").startswith(menu):
                return kind
        return ""

    @property
    def leading(self) -> int:
        """How many of the first parameters GIMP itself fills in: image, or image and drawable.

        A loading procedure has the file's name and its raw name there, a saving one all four.
        """
        if self.file_kind:
            return min(len(self.params), 2 if self.file_kind == "load" else 4)
        kinds = [param.kind for param in self.params[:2]]
        if kinds[:1] != [PF_IMAGE]:
            return 0
        return 2 if kinds[1:] in ([PF_DRAWABLE], [PF_LAYER]) else 1

    @property
    def asked(self) -> tuple[Param, ...]:
        """The parameters that the user chooses."""
        return self.params[self.leading :]


@dataclass(frozen=True)
class Handler:
    """The files that a loading or saving procedure is for."""

    extensions: str
    prefixes: str = ""
    magics: str = ""


handlers: dict[str, Handler] = {}
registered: dict[str, Registration] = {}
_collected: list[dict[str, Registration]] = []


@contextmanager
def collecting() -> Iterator[dict[str, Registration]]:
    """Let ``register`` fill the dictionary given, and ``main`` do nothing: another's script is being run."""
    found: dict[str, Registration] = {}
    _collected.append(found)
    try:
        yield found
    finally:
        _collected.pop()


def is_collecting() -> bool:
    """Whether scripts are run for what they register only."""
    return bool(_collected)


def register(
    proc_name: str,
    blurb: str,
    help: str,  # noqa: A002 - gimpfu's own name
    author: str,
    copyright: str,  # noqa: A002
    date: str,
    label: str | None,
    imagetypes: str | None,
    params: Sequence[tuple[Any, ...]],
    results: Sequence[tuple[Any, ...]],
    function: Callable[..., Any],
    menu: str | None = None,
    domain: str | Sequence[str] | None = None,
    on_query: Callable[[], Any] | None = None,
    on_run: Callable[[], Any] | None = None,
    run_mode_param: bool = True,
    interactive: Callable[..., tuple[Any, dict[str, Any]]] | None = None,
) -> None:
    """Declare a procedure, with gimpfu's arguments. `function` gets one value per parameter.

    A label that is a whole menu path ("<Image>/Filters/...") and no `menu` is gimpfu's old
    style: under <Image>, image and drawable are put in front of `params` then. The menus that
    GIMP 2 had in its toolbox go where its last versions showed them. `domain` is the
    catalogue (its name, or name and folder) that the label, `blurb` and `help` are looked
    up in; one that does not exist does no harm. GIMP 3 always has a run mode.
    `interactive` (our own addition, for scripts with a dialog of their own) is called instead of dialog and
    `function` when a user is there, with the same values (the last ones); it returns `function`'s value
    and, by parameter name, what the user chose, which becomes the last values.
    Raises `error` for parameters that make no sense.
    """
    entries = list(params)
    label = label or ""
    if menu and menu.startswith(("<Load>", "<Save>")) and not _takes_files(menu, entries):
        menu = None  # GIMP would not have taken that place, only the label's
    if label.startswith("<"):
        place, _, label = label.rpartition("/")
        if menu is None:
            menu = place
            entries = [*_old_style_head(menu), *entries]
    name = proc_name.replace("_", "-")
    if not name.startswith(_PREFIXES):
        name = f"python-fu-{name}"
    target = _collected[-1] if _collected else registered
    declared = tuple(_keyed([_param(entry) for entry in entries]))
    given = tuple(_result(entry) for entry in results or ())
    about = (name, blurb, help, author, copyright, date, label, imagetypes or "")
    calls = (on_query, on_run, interactive, _domain(domain))
    target[name] = Registration(*about, declared, given, function, _place(menu), *calls)


def _takes_files(menu: str, entries: Sequence[tuple[Any, ...]]) -> bool:
    """Whether parameters are those of a procedure that loads or saves files."""
    kinds = [entry[0] for entry in entries]
    names = [PF_STRING, PF_STRING]
    head = names[:1] if menu.startswith("<Load>") else [PF_IMAGE, PF_DRAWABLE, *names[:1]]
    files = (PF_STRING, PF_FILE, PF_FILENAME)
    given = [PF_STRING if kind in files else PF_DRAWABLE if kind == PF_LAYER else kind for kind in kinds]
    return given[: len(head)] == head


def _old_style_head(menu: str) -> list[tuple[Any, ...]]:
    """Return the parameters that gimpfu put in front for a label that was a whole menu path."""
    image: list[tuple[Any, ...]] = [
        (PF_IMAGE, "image", "Image", None),
        (PF_DRAWABLE, "drawable", "Drawable", None),
    ]
    names: list[tuple[Any, ...]] = [
        (PF_STRING, "filename", "File name", ""),
        (PF_STRING, "raw-filename", "File name", ""),
    ]
    heads: dict[str, list[tuple[Any, ...]]] = {"<Image>": image, "<Save>": [*image, *names], "<Load>": names}
    return next((head for place, head in heads.items() if menu.startswith(place)), [])


def _domain(domain: str | Sequence[str] | None) -> tuple[str, str | None] | None:
    if not domain:
        return None
    name, folder = (domain, None) if isinstance(domain, str) else (*domain, None)[:2]
    return str(name), folder


def _place(menu: str | None) -> str | None:
    """Where GIMP 3 has `menu`."""
    if not menu:
        return None
    for old, new in _MOVED_MENUS.items():
        if f"{menu}/".startswith(f"{old}/"):
            return new + menu[len(old) :]
    return menu


def _param(entry: tuple[Any, ...]) -> Param:
    if not 3 <= len(entry) <= 5:
        raise error(f"a parameter has 4 or 5 parts, not {len(entry)}: {entry!r}")
    kind, name, label, *rest = entry
    default = rest[0] if rest else None
    if kind in (PF_FILE, PF_FILENAME) and str(default or "").endswith("/"):
        kind = PF_DIRNAME  # gimpfu chose a folder then
    extra = tuple(rest[1]) if len(rest) > 1 and rest[1] else ()
    return Param(kind, name, label, default, extra, canonical(name))


def _result(entry: tuple[Any, ...]) -> Result:
    kind, name, description = (*entry, "")[:3]
    return Result(kind, canonical(name), description)


def canonical(name: str) -> str:
    """Return a name as GIMP wants an argument's: lower-case letters, digits and hyphens, a letter first."""
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return key if key[:1].isalpha() else f"arg-{key}".rstrip("-")


def _keyed(params: list[Param]) -> list[Param]:
    """Return the parameters with keys of their own where two names fell together or GIMP has taken one."""
    taken = {"run-mode", "procedure"}
    unique = []
    for param in params:
        key, number = param.key, 2
        while key in taken:
            key, number = f"{param.key}-{number}", number + 1
        taken.add(key)
        unique.append(Param(param.kind, param.name, param.label, param.default, param.extra, key))
    return unique
