"""The server's side of HELLO, where it is not the front that answers."""

from __future__ import annotations

import hmac
from typing import Any

from plugin.studio_portrait.link.session import proof
from plugin.studio_portrait.link.wire import Problem


class Welcome:
    """One client's HELLO. `known`: it has shown that it knows the secret."""

    def __init__(self, secret: str):
        self._secret = secret
        self._nonce: object = None
        self.known = False

    def hear(self, header: dict[str, Any]) -> bytes | None:
        """Takes a HELLO; returns the challenge to answer with, None when the client is known now.

        Raises `Problem` ``bad-token``.
        """
        token = header.get("token")
        if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self._secret.encode()):
            raise Problem("bad-token", "The client does not know this server's token.")
        self._nonce, self.known = header.get("nonce"), True
        return None

    def proof(self) -> dict[str, str]:
        """What HELLO's answer shows to the client in its turn."""
        return {"proof": proof(self._secret, self._nonce)} if isinstance(self._nonce, str) else {}
