"""Where a server on another machine is: what a person types, as host and port."""

from __future__ import annotations

import re

from plugin.studio_portrait.link.wire import Problem

DEFAULT_PORT = 47310

_ADDRESS = re.compile(r"(?:tcp://)?(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?/?")


def parse(text: str) -> tuple[str, int]:
    """``HOST``, ``HOST:PORT`` or ``tcp://HOST:PORT``; an IPv6 address in brackets. Raises `Problem`."""
    found = _ADDRESS.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if found is None or not 0 < port < 65536:
        hint = f"Write it as HOST:PORT; without a port it is {DEFAULT_PORT}."
        raise Problem("bad-setting", f"{text!r} is not an address.", hint)
    return found["host"], port
