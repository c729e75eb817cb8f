"""The key pairs with which two machines know each other, in the state folder's ``keys``.

``own.key_secret`` (0600) is this machine's pair. ``clients`` holds the public keys of those who may
use the server here, ``servers`` those of the servers to which this machine sends pictures: one file
each, in the format of `zmq.auth`. They are two lists, because trusting a server with a picture does
not mean that its machine may use this one. For people a key is 64 hexadecimal digits: libzmq's own
writing has characters that a shell takes for its own.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import zmq.auth
from zmq.utils import z85

from plugin.studio_portrait.link import hints
from plugin.studio_portrait.link.wire import Problem

from . import address

CLIENTS, SERVERS = "clients", "servers"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_KEY = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class KeyPair:
    """Both halves as libzmq takes them (Z85)."""

    public: bytes
    secret: bytes = field(repr=False)


def shown(key: bytes) -> str:
    """Return a public key as people read and type it."""
    return z85.decode(key).hex()


def typed(text: str) -> bytes:
    """Return the key that a person typed, as libzmq takes it. Raises `Problem`."""
    if not _KEY.fullmatch(text):
        raise Problem("bad-setting", "A key is 64 hexadecimal digits.", hints.fill("{keys list} shows it."))
    return z85.encode(bytes.fromhex(text))


class KeyRing:
    """The keys of a state folder. Reads the files anew each time, so that changes count at once."""

    def __init__(self, state_folder: Path):
        self.folder = state_folder / "keys"

    @property
    def _own(self) -> Path:
        return self.folder / "own.key_secret"

    def exists(self) -> bool:
        """Whether this machine has a pair."""
        return self._own.exists()

    def new(self, replace: bool = False) -> bytes:
        """Make this machine's pair; returns its public half. Raises `Problem` when there is one."""
        if self.exists() and not replace:
            words = "{keys list} shows it; {keys new --replace} ends it: nobody will know this machine."
            raise Problem("bad-key", "This machine already has a key pair.", hints.fill(words))
        draft = self.folder / f".new-{secrets.token_hex(4)}"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        try:
            public, secret = zmq.auth.create_certificates(draft, "own")
            os.chmod(secret, 0o600)
            os.replace(secret, self._own)
            os.replace(public, self.folder / "own.key")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return self.own().public

    def own(self) -> KeyPair:
        """Read this machine's pair. Raises `Problem` when there is none or others can read it."""
        try:
            mode = self._own.stat().st_mode
            public, secret = zmq.auth.load_certificate(self._own)
        except (OSError, ValueError):
            hint = hints.fill("Make one: {keys new}")
            raise Problem("bad-key", "This machine has no key pair.", hint) from None
        again = hints.fill("Make a new pair: {keys new --replace}")
        if os.name == "posix" and mode & 0o077:
            raise Problem("bad-key", f"Others can read {self._own}.", again)
        if not _is_key(public) or secret is None or not _is_key(secret):
            raise Problem("bad-key", f"The file {self._own} is damaged.", again)
        return KeyPair(public, secret)

    def allow(self, whom: str, name: str, key: bytes) -> None:
        """Remembers a public key. whom: `CLIENTS` or `SERVERS`. Raises `Problem`."""
        path = self._path(whom, name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b'metadata\ncurve\n    public-key = "%s"\n' % key)
        draft.replace(path)

    def revoke(self, whom: str, name: str) -> None:
        """Forgets a public key. Raises `Problem` when it is not known."""
        try:
            self._path(whom, name).unlink()
        except FileNotFoundError:
            known = ", ".join(sorted(self.known(whom))) or "nobody"
            raise Problem("bad-setting", f"No key is known as {name}.", f"Known: {known}.") from None

    def known(self, whom: str) -> dict[str, bytes]:
        """Public keys by name; a damaged file counts for nothing."""
        found = {}
        for path in sorted((self.folder / whom).glob("*.key")):
            try:
                key, _ = zmq.auth.load_certificate(path)
            except (OSError, ValueError):
                continue
            if _is_key(key):
                found[path.stem] = key
        return found

    def changed(self, whom: str) -> object:
        """Something that is another thing once the list was changed."""
        try:
            with os.scandir(self.folder / whom) as entries:
                return sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries)
        except OSError:
            return None

    def server(self, host: str) -> bytes:
        """Return the key of the server on this host. Raises `Problem`."""
        key = self.known(SERVERS).get(host_name(host))
        if key is None:
            hint = hints.fill("There: {keys list}. Here: {keys allow --server} HOST KEY")
            raise Problem("bad-key", f"The key of the server {host} is not known here.", hint)
        return key

    def _path(self, whom: str, name: str) -> Path:
        name = host_name(_without_port(name)) if whom == SERVERS else name
        if not _NAME.fullmatch(name):
            raise Problem(
                "bad-setting", f"{name!r} is no name for a key.", "Use letters, digits, '.', '-' and '_'."
            )
        return self.folder / whom / f"{name}.key"


def _without_port(name: str) -> str:
    """Return the host of an address as it is typed elsewhere; IPv6 without brackets has no port."""
    return name if name.count(":") > 1 and "]" not in name else address.parse(name)[0]


def host_name(host: str) -> str:
    """Return the host as its key's file is called: not every file system takes an IPv6 address's colons."""
    return host.strip("[]").lower().replace(":", "_")


def _is_key(text: bytes) -> bool:
    try:
        return len(text) == 40 and len(z85.decode(text)) == 32
    except (KeyError, ValueError, OverflowError):
        return False
