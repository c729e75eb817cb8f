"""Who may come in from other machines: CURVE, and the list of keys that are allowed.

libzmq encrypts and proves both keys; `zmq.auth` asks us about each client's. Its key then stands in every
message's properties, where no client can write. A key that is taken off the list is refused within a
quarter of a second, without a restart.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import zmq
from zmq.auth.thread import ThreadAuthenticator

from .keys import CLIENTS, KeyRing, shown

_DOMAIN = "studio-portrait"  # with it libzmq refuses everybody should the authenticator be gone
_REASONS = {int(zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC): "wrong server key, or bytes that changed on the way"}

log = logging.getLogger("guard")


class Guard:
    """Raises `Problem` when this machine has no keys."""

    def __init__(self, folder: Path):
        self._ring = KeyRing(folder)
        self._pair = self._ring.own()
        self._seen: object = None
        self._allowed: dict[str, str] = {}
        self._refused: Counter[str] = Counter()
        self._authenticator: ThreadAuthenticator | None = None
        self._watch()

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Make what this socket binds from now on CURVE; what it has bound stays as it is."""
        quiet = logging.getLogger("zmq.auth")
        quiet.setLevel(logging.ERROR)
        self._authenticator = ThreadAuthenticator(socket.context, log=quiet)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(_DOMAIN, self)
        socket.curve_server = True
        socket.curve_secretkey = self._pair.secret
        socket.zap_domain = _DOMAIN.encode()
        socket.zap_enforce_domain = True

    def callback(self, domain: str, key: bytes) -> bool:
        """Asked by the authenticator, in its thread, about each client that has proven its key."""
        name = next((name for name, known in self._ring.known(CLIENTS).items() if known == key), None)
        if name is None:
            log.warning("refused a client: the key %s is not allowed", shown(key))
        else:
            log.info("let in a client with the key of %s", name)
        return name is not None

    def allows(self, user: str) -> bool:
        """Whether this public key was on the list at the last `beat`, or is by now."""
        if user not in self._allowed:
            self._watch()
        return user in self._allowed

    def refused(self, reason: int) -> None:
        """Count a connection that did not come through the handshake, by libzmq's reason."""
        self._refused[_REASONS.get(reason, "no encryption, or not ZeroMQ")] += 1

    def beat(self) -> None:
        """Read the list of keys again when it was changed, and log who could not come in."""
        self._watch()
        for reason, count in self._refused.items():
            log.warning("refused %d connection%s: %s", count, "s" if count > 1 else "", reason)
        self._refused.clear()

    def _watch(self) -> None:
        seen = self._ring.changed(CLIENTS)
        if seen == self._seen:
            return
        allowed = {key.decode(): name for name, key in self._ring.known(CLIENTS).items()}
        for user in self._allowed.keys() - allowed.keys():
            log.warning("the key of %s is no longer allowed", self._allowed[user])
        self._seen, self._allowed = seen, allowed

    def close(self) -> None:
        """End the authenticator, before its context ends."""
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None
