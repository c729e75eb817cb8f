"""Which picture becomes which file: folders are walked one at a time and nothing else is remembered."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin.studio_portrait.link.wire import Problem

from ..files.names import ENDINGS, HEIC, RAW, SUFFIXES, mask_beside
from .item import Item


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a run, by the pictures' names: the same part whatever else is added."""

    index: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """From ``I/N``, counted from 1. Raises `Problem` ``bad-setting``."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            sentence = f"--shard {text:.20} is not a part of a whole."
            raise Problem("bad-setting", sentence, "For the first of four machines: --shard 1/4")
        return cls(int(found[1]), int(found[2]))

    def has(self, name: str) -> bool:
        """Return whether the picture of this name belongs to this part of the run."""
        digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class Listing:
    """The pictures of files and folders, in a fixed order.

    sources: as named by the user. recursive: folders in folders too. suffix: put behind each name's stem.
    kind: ``jpeg``, ``png`` or ``tiff`` for every result, "" to keep each file's own (a RAW file
    becomes a TIFF, a HEIC a JPEG). mask: each result has its mask beside it, whose name is taken, too.
    reference: a file that is read, and must not be a result either. failed(path, sentence): hears of folders
    that cannot be read, and of what must not be.
    Raises `Problem` ``bad-setting`` or ``bad-output`` when results could meet sources.
    """

    def __init__(
        self,
        sources: Sequence[str],
        destination: str,
        *,
        recursive: bool = False,
        suffix: str = "",
        kind: str = "",
        shard: Shard | None = None,
        mask: bool = False,
        reference: str | None = None,
    ):
        if not destination or not sources or not all(sources):
            raise Problem("bad-setting", "A name is empty.", "Name the pictures, and where they go (-o).")
        if re.search(r"[/\\\0]", suffix):
            hint = "Such as: --suffix=-studio"
            raise Problem("bad-setting", f"--suffix {suffix} is no part of a file's name.", hint)
        self.destination = Path(os.path.abspath(destination))
        self._suffix, self._kind, self._shard, self._recursive = suffix, kind, shard, recursive
        self._mask = mask
        self._here = Path(os.path.realpath(destination))
        self._sources = [Path(os.path.abspath(source)) for source in sources]
        self._check([*self._sources, *([Path(reference)] if reference else [])])

    def _check(self, read: Sequence[Path]) -> None:
        if os.path.exists(self.destination) and not os.path.isdir(self.destination):
            raise Problem("bad-output", f"{self.destination} is a file.", "Name a folder for the results.")
        for source in read:
            if any(map(self._is_below, [source] if os.path.isdir(source) else [source, source.parent])):
                sentence = f"The results would go to where the pictures of {source} are."
                raise Problem("bad-output", sentence, "Name another folder: originals are never changed.")

    def items(self, failed: Callable[[Path, str], None] = lambda path, sentence: None) -> Iterator[Item]:
        """Walk once. May be called again, also while another walk goes on."""
        names: set[str] = set()
        alone = len(self._sources) == 1
        for source in self._sources:
            if not os.path.isdir(source):  # which raises for no name, however strange
                yield from self._item(str(source), self._name(source.name, names))
                continue
            label = "" if alone else _free(source.name or "pictures", names)
            left = [(source, label)]  # no recursion: an archive may hold thousands of folders in each other
            while left:
                yield from self._folder(*left.pop(), left, failed)

    def _folder(
        self, folder: Path, label: str, left: list[tuple[Path, str]], failed: Callable[[Path, str], None]
    ) -> Iterator[Item]:
        """One folder's own pictures. left: gets the folders in it, the first of them last."""
        inner: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        inner.append(entry.name)
                    elif _is_picture(entry.name) and not os.path.isdir(entry.path):
                        if entry.is_symlink() and self._is_below(entry.path):
                            failed(Path(entry.path), "It is a link into the folder for results.")
                        else:
                            files.append(entry.name)
        except OSError as error:
            failed(folder, f"The folder cannot be read ({error.strerror or type(error).__name__}).")
            return
        if files and not self._is_below(self.destination / label):
            failed(folder, "The folder's results would leave the folder for results by a link in there.")
            files = []
        names: set[str] = set()
        below = [
            (folder / name, self._joined(label, _free(name, names)))
            for name in (sorted(inner) if self._recursive else ())
            if not self._is_destination(folder / name)
        ]
        left += reversed(below)
        for name in sorted(files):
            yield from self._item(os.path.join(folder, name), self._joined(label, self._name(name, names)))

    @staticmethod
    def _joined(label: str, name: str) -> str:
        return f"{label}/{name}" if label else name

    def _is_destination(self, folder: Path) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samefile(folder, self.destination)
        return False

    def _is_below(self, path: str | Path) -> bool:
        """Whether this is, or leads to, the folder for results or what is in it."""
        place = Path(os.path.realpath(path))
        return place == self._here or self._here in place.parents

    def _item(self, source: str, name: str) -> Iterator[Item]:
        if self._shard is None or self._shard.has(name):
            yield Item(source, os.path.join(self.destination, name.replace("/", os.sep)), name)

    def _name(self, name: str, taken: set[str]) -> str:
        """Return the result's name in its folder, unlike all of `taken` to any file system (`_plain`)."""
        stem, ending = os.path.splitext(name)
        kind = SUFFIXES.get(ending.lower(), "")
        wanted = self._kind or kind or ("tiff" if ending.lower() in RAW else "jpeg")
        new = ending if kind == wanted else ENDINGS[wanted]
        plain = f"{stem}{self._suffix}"
        if _plain(f"{plain}{new}") in taken and new != ending:
            plain = f"{name}{self._suffix}"
        return _free(plain, taken, new, self._beside)

    def _beside(self, name: str) -> list[str]:
        """Return the names of what is written beside the result of this name."""
        return [mask_beside(Path(name)).name] if self._mask else []


def _is_picture(name: str) -> bool:
    ending = os.path.splitext(name)[1].lower()
    return ending in SUFFIXES or ending in RAW or ending in HEIC


def _free(
    stem: str, taken: set[str], ending: str = "", beside: Callable[[str], list[str]] = lambda name: []
) -> str:
    """Return the name, with a number behind it if need be; it and all that goes beside it is taken then."""
    name, number = f"{stem}{ending}", 1
    while not taken.isdisjoint(files := set(map(_plain, (name, *beside(name))))):
        number += 1
        name = f"{stem}-{number}{ending}"
    taken |= files
    return name


def _plain(name: str) -> str:
    """Return what two names share that some file system takes for one: capitals, accents in another form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
