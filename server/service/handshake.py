"""The server's side of HELLO, for the server and the relay alike.

Each side shows that it knows the secret without sending it, and the one who asks does so last.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.wire import Problem, proof


class Handshake:
    """One client's HELLO, as PROTOCOL.md tells. `known`: it has shown that it knows the secret."""

    def __init__(self, secret: str):
        self._secret = secret
        self._nonces = ("", "")  # the client's and ours
        self._last_nonce: object = None
        self.known = False

    def hear(self, header: dict[str, Any]) -> bytes | None:
        """Take a HELLO; returns the challenge to answer with, None when the client is known now.

        Raises `Problem` ``bad-token``.
        """
        nonce = header.get("nonce")
        if "token" in header:
            check_token(header["token"], self._secret)
        elif "proof" in header:
            nonces, self._nonces = self._nonces, ("", "")
            check_token(header["proof"] if nonces[1] else None, self._proof("client", *nonces))
        elif isinstance(nonce, str) and re.fullmatch("[0-9a-f]{32}", nonce):
            self._nonces = (nonce, secrets.token_hex(16))
            known = self._proof("server", *self._nonces)
            return wire.encode("CHALLENGE", nonce=self._nonces[1], proof=known)
        else:
            raise Problem("bad-token", "The client shows no sign of knowing this server's token.")
        self._last_nonce, self.known = nonce, True
        return None

    def proof(self) -> dict[str, str]:
        """Return what HELLO's answer shows to the client in its turn."""
        return {"proof": proof(self._secret, self._last_nonce)} if isinstance(self._last_nonce, str) else {}

    def _proof(self, *parts: str) -> str:
        return proof(self._secret, ":".join(parts))


def check_token(given: object, right: str) -> None:
    """Raise `Problem` ``bad-token`` unless both are the same; takes equally long either way.

    A text that is not Unicode (a lone surrogate) is no token, and no error of its own.
    """
    known = isinstance(given, str) and hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), right.encode()
    )
    if not known:
        raise Problem("bad-token", "The client does not know this server's token.")
