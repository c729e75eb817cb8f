"""Takes out of a text what belongs to nobody else: names, paths, addresses, secrets.

What is known of this machine is replaced first, exactly; then whatever has the form of a path, an
address or a key, for a log also holds what no list foresees. When in doubt something goes that could
have stayed: who reads a report misses less than who sent it.
"""

from __future__ import annotations

import getpass
import re
import socket
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

_PICTURES = "jpe?g|png|tiff?|xcf|heic|webp|psd|icc|dng|cr2|nef"
_SYSTEM = "usr|lib|lib64|proc|sys|dev|etc|opt|bin|run|Applications|System|Library"  # nobody's own
_MORE = r"(?:[/\\][^/\\\n'\"<>|:]*(?=[/\\]))*[/\\][^\s/\\'\"<>|:,;)]*"  # only the last part ends at a space
_FORMS = (
    (rf"""(?i)(['"])[^'"\n]*[/\\][^'"\n]*\.(?:{_PICTURES})\1""", "<file>"),
    (rf"<home>{_MORE}", "<home>/..."),
    (rf"(?<![\w/<>.:])(?=/[^\s/]+/)(?!/(?:{_SYSTEM})/){_MORE}", "<path>"),
    (r"(?<!\w)[A-Za-z]:\\[^\s'\"<>|]*", "<path>"),
    (r"\\\\[\w.$-]+\\[^\s'\"<>|]*", "<path>"),
    (rf"(?i)[^\s'\"=<>/\\]+\.(?:{_PICTURES})\b", "<file>"),
    (r"[\w.+-]+@[\w-]+\.[\w.-]+", "<mail>"),
    (r"\b[0-9a-fA-F]{32,}\b", "<secret>"),
    (r"(?<![=\w.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}\b", "<address>"),
    (r"(?i)\[(?!::1\])[0-9a-f]*:[0-9a-f:.]+(?:%\w+)?\]", "<address>"),
    # Of the log, which may be older than the list of keys.
    (r"\b(the key of )[\w.-]+", r"\1<name>"),
    (r"\b(connected with )\S+", r"\1<address>"),
    (r"(tcp://)(?!127\.|localhost|0\.0\.0\.0|\[::1\]|<)[^\s:/]+", r"\1<address>"),
)


class Redactor:
    """secrets: exact words. folders: by what stands for them. names: of people and machines."""

    def __init__(self, secrets: Iterable[str], folders: Mapping[str, Path], names: Iterable[str]):
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        spelled = {text: sign for sign, folder in folders.items() for text in _spellings(folder)}
        self._folders = sorted(spelled.items(), key=lambda pair: -len(pair[0]))
        self._names = [name for name in names if name]

    def __call__(self, text: str) -> str:
        """Return the text without what belongs to nobody else."""
        for secret in self._secrets:
            text = text.replace(secret, "<secret>")
        for folder, sign in self._folders:
            text = re.sub(rf"(?<![\w.-]){re.escape(folder)}(?![\w.-])", sign, text, flags=re.IGNORECASE)
        for form, sign in _FORMS:
            text = re.sub(form, sign, text)
        for name in self._names:
            text = re.sub(rf"(?<![\w<]){re.escape(name)}(?!\w)", "<name>", text, flags=re.IGNORECASE)
        return text


def _spellings(folder: Path) -> set[str]:
    """As programs write it: with links and without, with either slash, with the backslash doubled."""
    found = {str(folder), str(folder.resolve())}
    found |= {text.replace("\\", other) for text in set(found) for other in ("/", "\\\\")}
    return {text for text in found if len(text) > 1}  # a home may be /, which is in every path


def of_this_machine(secrets: Iterable[str], folders: Mapping[str, Path], names: Iterable[str]) -> Redactor:
    """With what is known without asking: user, machine, home and temporary folder."""
    home = Path.home()
    known = {"<home>": home, "<tmp>": Path(tempfile.gettempdir()), **folders}
    return Redactor(secrets, known, [*names, *_people(), socket.gethostname(), home.name])


def _people() -> list[str]:
    """Return the user's login name and full name, as far as the system tells."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError, ImportError):
        return []
    try:
        import pwd

        full = pwd.getpwnam(login).pw_gecos.split(",")[0]
    except (ImportError, KeyError):
        full = ""
    return [full, *full.split(), login]
