"""Opens sessions with a server on another machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem
from plugin.studio_portrait.link.zmtp import Connection, TransportError

from . import address
from .dealer import Dealer, Keys
from .keys import KeyRing


class RemoteSession(Session):
    """A session whose server does not start by itself. again: opens another with the same server."""

    def __init__(self, dealer: Dealer, secret: str, folder: Path, again: Callable[[], Session]):
        super().__init__(cast(Connection, dealer), secret, folder)
        self._open_another = again

    def again(self) -> Session | None:
        """Connect anew to the same server, for a job that goes on."""
        return self._open_another()

    def lost(self) -> Problem:
        """Make the problem of a server that does not answer any more."""
        sentence = "The server does not answer any more."
        return Problem("lost-server", sentence, "Try again; if that does not help, see that it runs there.")


def route(where: str, folder: Path) -> tuple[str, Keys]:
    """Return the endpoint of the server at ``HOST[:PORT]``, and the keys to speak with it.

    Raises `Problem`.
    """
    host, port = address.parse(where)
    ring = KeyRing(folder)
    return f"tcp://{host}:{port}", Keys(ring.own(), ring.server(host))


def connect(where: str, folder: Path) -> Session:
    """Return a session with the server at ``HOST[:PORT]``, over CURVE. Raises `Problem`.

    HELLO's token is our public key: libzmq has proven both sides' already.
    """
    endpoint, keys = route(where, folder)
    dealer = Dealer(endpoint, keys)
    try:
        dealer.wait_until_open()
        return RemoteSession(dealer, keys.own.public.decode(), folder, lambda: connect(where, folder))
    except TransportError as error:
        dealer.close()
        raise Problem("lost-server", f"{error}", "Try again.") from None
    except BaseException:
        dealer.close()
        raise


def open_remote(where: str) -> Session:
    """For the command line: a session with a server of our own version. Raises `Problem`."""
    session = connect(where, runtime.state_folder())
    if session.server != VERSION:
        session.close()
        sentence = f"The server at {where} has version {session.server:.20}, this program {VERSION}."
        raise Problem("bad-version", sentence, "Install the same version on both machines.")
    return session
