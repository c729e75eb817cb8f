"""A network between client and server that does what networks do: it delays, cuts up, cuts off, mixes up."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Fault:
    """What is wrong with one connection.

    cut: it ends after so many bytes of both directions. swap: after so many bytes of the client's, two pieces
    change places. piece: bytes that are carried on at a time. delay: seconds at most before each piece.
    """

    cut: int | None = None
    swap: int | None = None
    piece: int = 65_536
    delay: float = 0.0


class Network:
    """Leads to a TCP endpoint. Each connection has the next one of `faults`, then none."""

    def __init__(self, target: str, seed: int = 0):
        self.faults: list[Fault] = []
        self.cuts = self.swaps = 0
        self._dice = random.Random(seed)
        host, port = target.removeprefix("tcp://").split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                fault = self.faults.pop(0) if self.faults else Fault()
                threading.Thread(target=self._connection, args=(near, fault), daemon=True).start()

    def _connection(self, near: socket.socket, fault: Fault) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(self._target) as far:
            self._carry(near, far, fault)

    def _carry(self, near: socket.socket, far: socket.socket, fault: Fault) -> None:
        both = selectors.DefaultSelector()
        both.register(near, selectors.EVENT_READ, far)
        both.register(far, selectors.EVENT_READ, near)
        carried, upward, held, swapped = 0, 0, b"", fault.swap is None
        while fault.cut is None or carried < fault.cut:
            for key, _ in both.select():
                most = fault.piece if fault.cut is None else min(fault.piece, max(1, fault.cut - carried))
                data = cast(socket.socket, key.fileobj).recv(most)
                if not data:
                    return
                time.sleep(self._dice.uniform(0.0, fault.delay))
                carried += len(data)
                if key.fileobj is near:
                    upward += len(data)
                    if not swapped and fault.swap is not None and upward > fault.swap:
                        held, swapped = data, True
                        self.swaps += 1
                        continue
                    data, held = data + held, b""
                key.data.sendall(data)
        self.cuts += 1

    def close(self) -> None:
        self._listener.close()
