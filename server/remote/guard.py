"""Who may come in from other machines: CURVE, and the list of keys that are allowed.

libzmq encrypts and proves both keys; `zmq.auth` asks us about each client's. Its key then stands in every
message's properties, where no client can write. A key that is taken off the list is refused at the next
message, without a restart.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import parse_monitor_message

from plugin.studio_portrait.link.wire import Problem

from .keys import CLIENTS, KeyRing, shown

_DOMAIN = "studio-portrait"  # with it libzmq refuses everybody should the authenticator be gone
_EVENTS = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_MONITOR = "inproc://guard"
_REASONS = {
    int(zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC): "wrong server key, or bytes that changed on the way",
}

log = logging.getLogger("guard")


class Guard:
    """Authenticator and log of one ROUTER socket, which is bound after this.

    Raises `Problem` when this machine has no keys.
    """

    def __init__(self, context: zmq.Context[Any], socket: zmq.Socket[bytes], folder: Path):
        self._ring = KeyRing(folder)
        pair = self._ring.own()
        self._seen: object = None
        self._allowed: dict[str, str] = {}
        self._watch()
        quiet = logging.getLogger("zmq.auth")
        quiet.setLevel(logging.ERROR)
        self._authenticator = ThreadAuthenticator(context, log=quiet)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(_DOMAIN, self)
        self._socket = socket
        socket.monitor(_MONITOR, _EVENTS)
        self._monitor = context.socket(zmq.PAIR)
        self._monitor.rcvhwm = 0  # libzmq's own thread would wait for us to read
        self._monitor.connect(_MONITOR)
        socket.curve_server = True
        socket.curve_secretkey = pair.secret
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

    def user_of(self, frame: zmq.Frame) -> str:
        """The public key with which this message's client came in.

        Raises `Problem` ``bad-key`` when it was taken off the list since.
        """
        user = str(frame.get("User-Id"))
        if not self.allows(user):
            self._watch()  # perhaps it was just put on the list
        if not self.allows(user):
            raise Problem(
                "bad-key", "The server does not allow this machine's key any more.", "Ask who runs it."
            )
        return user

    def allows(self, user: str) -> bool:
        """Whether this key was on the list at the last `beat`."""
        return user in self._allowed

    def beat(self) -> None:
        """Reads the list of keys again when it was changed, and logs who could not come in."""
        self._watch()
        refused: Counter[str] = Counter()
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())
            refused[_REASONS.get(int(event["value"]), "no encryption, or not ZeroMQ")] += 1
        for reason, count in refused.items():
            log.warning("refused %d connection%s: %s", count, "s" if count > 1 else "", reason)

    def _watch(self) -> None:
        seen = self._ring.changed(CLIENTS)
        if seen == self._seen:
            return
        allowed = {key.decode(): name for name, key in self._ring.known(CLIENTS).items()}
        for user in self._allowed.keys() - allowed.keys():
            log.warning("the key of %s is no longer allowed", self._allowed[user])
        self._seen, self._allowed = seen, allowed

    def close(self) -> None:
        """Before the socket is closed."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._authenticator.stop()
