"""Spoiled input for everything that parses: the short form of `python -m tests.fuzz`."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.wire import Problem
from server.files import pictures
from server.files.errors import PictureError
from tests.fuzz import campaign, file_targets, messages, talk_targets
from tests.fuzz.live_server import LiveServer
from tests.server.running import COMMAND

SEED = 2  # the long run's is 1


@pytest.fixture(scope="module")
def server() -> talk_targets.Server:
    return talk_targets.Server()


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    live = LiveServer([*COMMAND, "serve"])
    yield live
    live.close()


@pytest.mark.parametrize(("name", "count"), [("header", 6000), ("client", 2000), ("answers", 3000)])
def test_parsers(name: str, count: int) -> None:
    for index in range(count):
        getattr(talk_targets, name)(random.Random(f"{SEED}:{name}:{index}"))


def test_the_servers_conversation(server: talk_targets.Server) -> None:
    for index in range(1000):
        server(random.Random(f"{SEED}:server:{index}"))


def test_the_relays_conversation() -> None:
    relayed = talk_targets.Relayed()
    try:
        for index in range(300):
            relayed(random.Random(f"{SEED}:relay:{index}"))
        # The client has asked for STATUS only, and the server says HELLO.
        relayed(random.Random("7:relay:534"))
    finally:
        relayed.close()


def test_a_real_server(live: LiveServer) -> None:
    for index in range(500):
        live(random.Random(f"{SEED}:live:{index}"))


def test_a_server_that_waits_for_the_rest_of_a_message_does_not_hang(live: LiveServer) -> None:
    """That input ends in the middle of a frame."""
    begin = time.monotonic()
    live(random.Random("7:live:648"))
    assert time.monotonic() - begin < campaign.HANG_SECONDS


def test_a_valid_conversation_is_understood(server: talk_targets.Server) -> None:
    """Else the spoiled ones would be refused at the door and find nothing."""
    told = messages.conversation(server.token, "f" * 32)[:6]
    state = server.talk([[wire.encode(c, **f), *([] if p is None else [p])] for c, f, p in told])
    assert state == {"known": True, "jobs": ["queued"], "errors": 0}


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists), st.binary()
)
def test_any_value_anywhere_in_a_header(value: object, data: bytes) -> None:
    for field in ("v", "cmd", "image", "settings", "selection"):
        try:
            header = json.dumps({"v": 1, "cmd": "SUBMIT", field: value}).encode()
            wire.decode(header + data[:1])
        except Problem as problem:
            assert problem.message and problem.hint


def test_an_input_can_be_repeated_by_its_number() -> None:
    assert campaign.main(["--only", "header:17"]) == 0
    first, again = (messages.spoiled_conversation(random.Random("1:server:5"), "t") for _ in range(2))
    assert first == again and len(first[0]) > 50


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("tags", 4000),
        ("markers", 4000),
        ("jpeg", 400),
        ("png", 400),
        ("tiff", 150),
        ("description", 150),
        ("wire", 4000),
    ],
)
def test_files(name: str, count: int) -> None:
    for index in range(count):
        data = file_targets.spoil(name, random.Random(f"{SEED}:{name}:{index}"))
        file_targets.TARGETS[name](data)


@pytest.mark.parametrize("name", file_targets.TARGETS)
def test_sound_files_are_understood(name: str) -> None:
    """Else the spoiled ones would be refused at their first byte and find nothing."""
    found = file_targets.seeds(name)
    assert len(found) >= 4
    for data in found:
        file_targets.TARGETS[name](data)
    if name in ("jpeg", "png", "tiff"):
        assert sum(_is_read(data) for data in found) >= 4


def _is_read(data: bytes) -> bool:
    try:
        return pictures.decode(data).pixels.size > 0
    except PictureError:
        return False
