"""The wire contract from the server's side, spoken to by plain libzmq."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.wire import proof
from plugin.studio_portrait.link.zmtp import connect_socket

from .plain_worker import CHATTY, FAULTS, FAULTY, SLOW
from .running import Client, Server, wait_for

SELECTION = {"x": 1, "y": 1, "width": 2, "height": 2}
IMAGE = {"width": 4, "height": 4, "channels": 1, "sample": "u8"}


@pytest.fixture
def job() -> str:
    return secrets.token_hex(16)


def test_hello_tells_of_the_server_and_proves_that_it_knows_the_token(shared_server: Server) -> None:
    with Client(shared_server, hello=False) as client:
        client.send("HELLO", token=shared_server.runtime.token, client="test", nonce="abc")
        hello = client.receive()
    assert hello["proof"] == proof(shared_server.runtime.token, "abc")
    assert hello["device"] == "cpu"
    assert hello["networks"][0] == {"name": "plain", "sha256": "0" * 64, "default": True}
    assert [network["name"] for network in hello["networks"][1:]] == list(FAULTS)


@pytest.mark.parametrize("token", ["", "0" * 64, "ü", None, 5])
def test_wrong_token(shared_server: Server, token: object) -> None:
    with Client(shared_server, hello=False) as client:
        client.send("HELLO", token=token, client="test")
        client.refused("bad-token")
        client.send("STATUS", token=token)
        client.refused("bad-token")
        client.send("SHUTDOWN", token=token)
        client.refused("bad-token")
    with Client(shared_server) as client:
        assert client.status()["pid"] == shared_server.process.pid


@pytest.mark.parametrize("command", sorted(wire.COMMANDS - {"HELLO", "PING"}))
def test_nothing_without_hello(shared_server: Server, command: str) -> None:
    with Client(shared_server, hello=False) as client:
        client.send(command, job="0" * 32)
        client.refused("bad-token")


NONCE = "0123456789abcdef" * 2


def challenged(client: Client) -> dict[str, Any]:
    client.send("HELLO", client="test", nonce=NONCE)
    challenge = client.receive()
    assert challenge["cmd"] == "CHALLENGE"
    return challenge


def test_both_sides_show_that_they_know_the_token_without_sending_it(shared_server: Server) -> None:
    token = shared_server.runtime.token
    with Client(shared_server, hello=False) as client:
        challenge = challenged(client)
        nonces = f"{NONCE}:{challenge['nonce']}"
        assert challenge["proof"] == proof(token, f"server:{nonces}")
        client.send("SUBMIT", job="0" * 32, image=IMAGE, settings={}, selection=None)
        client.refused("bad-token")  # not yet
        client.send("HELLO", client="test", proof=proof(token, f"client:{nonces}"))
        assert client.receive()["cmd"] == "HELLO"
        client.submit(secrets.token_hex(16))


@pytest.mark.parametrize("wrong", ["servers own", "of another nonce", "used before", "unasked", "no text"])
def test_a_client_that_cannot_know_the_token_is_refused(shared_server: Server, wrong: str) -> None:
    token = shared_server.runtime.token
    with Client(shared_server, hello=False) as client:
        challenge = {"nonce": "", "proof": ""} if wrong == "unasked" else challenged(client)
        right = proof(token, f"client:{NONCE}:{challenge['nonce']}")
        given: object = right
        if wrong == "servers own":
            given = challenge["proof"]
        elif wrong == "of another nonce":
            given = proof(token, f"client:{NONCE}:{NONCE}")
        elif wrong == "used before":
            client.send("HELLO", client="test", proof="0" * 64)
            client.refused("bad-token")
        elif wrong == "no text":
            given = 5
        client.send("HELLO", client="test", proof=given)
        client.refused("bad-token")
        client.send("SUBMIT", job="0" * 32, image=IMAGE, settings={}, selection=None)
        client.refused("bad-token")


def test_ping_needs_nothing(shared_server: Server) -> None:
    with Client(shared_server, hello=False) as client:
        client.send("PING")
        assert client.receive()["cmd"] == "PONG"


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"\xff\xfe"],
        [b"[]"],
        [b"{}"],
        [b"{" * 60_000],
        [b" " * (wire.MAX_HEADER_BYTES + 1)],
        [wire.encode("PING"), b"", b""],
        [json.dumps({"v": 1, "cmd": "DANCE"}).encode()],
        [json.dumps({"v": 1, "cmd": ["PING"]}).encode()],
        [wire.encode("RESULT", job="0" * 32)],
        [wire.encode("PONG")],
    ],
)
def test_garbage_is_answered_and_the_server_goes_on(client: Client, frames: list[bytes]) -> None:
    client.send_raw(*frames)
    client.refused("bad-request")
    assert client.status()["worker"]["state"] == "ready"


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_protocol_version(client: Client, version: object) -> None:
    client.send_raw(json.dumps({"v": version, "cmd": "PING"}).encode())
    client.refused("bad-version")


def test_random_bytes_never_end_the_server(client: Client) -> None:
    for size in range(200):
        client.send_raw(secrets.token_bytes(size), secrets.token_bytes(size))
    for _ in range(200):
        client.refused("bad-request")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
FIELDS = ("job", "image", "settings", "selection", "plane", "row", "rows", "client", "nonce")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    command=st.sampled_from(sorted(wire.COMMANDS - {"SHUTDOWN"})),
    fields=st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANYTHING)),
    right=st.sets(st.sampled_from(("job", "image", "settings", "selection", "plane", "row", "rows"))),
    payload=st.none() | st.binary(max_size=40),
)
def test_no_header_whatsoever_ends_the_server(
    client: Client, command: str, fields: dict[str, Any], right: set[str], payload: bytes | None
) -> None:
    fine = {
        "job": "c" * 32,
        "image": IMAGE,
        "settings": {},
        "selection": None,
        "plane": "pixels",
        "row": 0,
        "rows": 4,
    }
    header = {**fields, **{name: fine[name] for name in right}}
    client.send(command, *([] if payload is None else [payload]), **header)
    client.send("CANCEL", job="c" * 32)
    client.send("PING")
    while (answer := client.receive())["cmd"] != "PONG" or command == "PING":
        assert answer["cmd"] in ("PONG", "ERROR", "ACCEPT", "STATUS", "HELLO")
        assert answer.get("code") != "internal"
        if answer["cmd"] == "PONG":
            command = ""
    status = client.status()
    assert status["memory"]["pictures"] == 0 and status["worker"]["state"] == "ready"


def test_an_oversize_frame_costs_only_its_own_connection(shared_server: Server, client: Client) -> None:
    with Client(shared_server) as other:
        other.send("DATA", bytes(wire.MAX_FRAME_BYTES + 1), job="0" * 32, plane="pixels", row=0, rows=1)
        with pytest.raises(AssertionError):
            other.receive(timeout=0.3)
    assert client.status()["memory"]["pictures"] == 0


def test_bytes_that_are_not_zeromq(shared_server: Server, client: Client) -> None:
    for text in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" + bytes(200), bytes(100)):
        with connect_socket(shared_server.runtime.endpoints[0], 5.0) as foreign:
            foreign.sendall(text)
    assert client.status()["worker"]["state"] == "ready"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"job": "short"}, "bad-request"),
        ({"job": "G" * 32}, "bad-request"),
        ({"job": None}, "bad-request"),
        ({"image": None}, "bad-request"),
        ({"image": {}}, "bad-request"),
        ({"image": {**IMAGE, "width": 0}}, "bad-request"),
        ({"image": {**IMAGE, "width": True}}, "bad-request"),
        ({"image": {**IMAGE, "width": 4.0}}, "bad-request"),
        ({"image": {**IMAGE, "channels": 5}}, "bad-request"),
        ({"image": {**IMAGE, "sample": "f16"}}, "bad-request"),
        ({"image": {**IMAGE, "colour": "red"}}, "bad-request"),
        ({"image": {**IMAGE, "width": 100_001, "height": 1}}, "too-large"),
        ({"image": {**IMAGE, "width": 10_001, "height": 10_000}}, "too-large"),
        ({"settings": {"strength": 1.5}}, "bad-setting"),
        ({"settings": {"strength": "1"}}, "bad-setting"),
        ({"settings": {"faces": "none"}}, "bad-setting"),
        ({"settings": {"hue": 1}}, "bad-request"),
        ({"settings": {"strength": 10**400}}, "bad-setting"),
        ({"settings": {"strength": -(10**4000)}}, "bad-setting"),
        ({"settings": {"network": "unheard-of"}}, "unknown-network"),
        ({"settings": {"network": "../../etc/passwd"}}, "unknown-network"),
        ({"selection": {**SELECTION, "x": 3}}, "bad-request"),
        ({"selection": {**SELECTION, "width": 0}}, "bad-request"),
        ({"selection": [1, 1, 2, 2]}, "bad-request"),
    ],
)
def test_bad_submissions(client: Client, job: str, fields: dict[str, Any], code: str) -> None:
    whole = {"job": job, "image": IMAGE, "settings": {}, "selection": None, **fields}
    client.send("SUBMIT", **whole)
    client.refused(code)
    assert client.status()["memory"]["pictures"] == 0


def test_an_oversize_profile(client: Client, job: str) -> None:
    profile = bytes(wire.MAX_ICC_BYTES + 1)
    client.send("SUBMIT", profile, job=job, image=IMAGE, settings={}, selection=None)
    client.refused("bad-image")


def test_a_submission_that_is_sent_again_is_the_same_job(client: Client, job: str) -> None:
    client.submit(job)
    client.send("DATA", bytes(8), job=job, plane="pixels", row=0, rows=2)
    client.send("SUBMIT", job=job, image=IMAGE, settings={}, selection=None)
    again = client.receive()
    assert (again["cmd"], again["state"], again["filled"]) == ("ACCEPT", "uploading", 8)
    client.send("DATA", bytes(8), job=job, plane="pixels", row=2, rows=2)
    assert client.receive()["cmd"] == "RESULT"
    client.send("SUBMIT", job=job, image=IMAGE, settings={}, selection=None)
    assert client.receive()["state"] == "done"
    assert client.receive()["cmd"] == "RESULT"
    done = client.status()["jobs"]["done"]
    client.send("DONE", job=job)
    client.send("SUBMIT", job=job, image=IMAGE, settings={}, selection=None)
    client.refused("unknown-job")
    assert client.status()["jobs"]["done"] == done


def test_a_job_name_belongs_to_one_picture(client: Client, job: str) -> None:
    client.submit(job)
    client.send("SUBMIT", job=job, image={**IMAGE, "width": 5}, settings={}, selection=None)
    client.refused("bad-request")
    client.send("CANCEL", job=job)


def test_a_job_name_belongs_to_one_task(client: Client, job: str) -> None:
    """Who asked again for other colours of a series got the colours of before."""
    asked = {"image": IMAGE, "settings": {"network": ""}, "selection": None}
    client.upload(job, series=[[0.1, 0, 0]])
    assert client.receive()["cmd"] == "RESULT"
    for cmd, other in (
        ("SUBMIT", {"series": [[0.2, 0, 0]]}),
        ("SUBMIT", {"series": "measure"}),
        ("SUBMIT", {}),
        ("ANALYSE", {}),
    ):
        client.send(cmd, job=job, **asked, **other)
        client.refused("bad-request")
    client.send("SUBMIT", job=job, **asked, series=[[0.1, 0, 0]])
    assert [client.receive()["cmd"] for _ in range(2)] == ["ACCEPT", "RESULT"]
    client.send("DONE", job=job)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"row": 0, "rows": 4}, 15),
        ({"row": 0, "rows": 4}, 17),
        ({"row": 0, "rows": 0}, 0),
        ({"row": 0, "rows": 5}, 20),
        ({"row": 1, "rows": 3}, 12),
        ({"row": -1, "rows": 4}, 16),
        ({"row": 0, "rows": 10**30}, 16),
        ({"row": "0", "rows": 4}, 16),
        ({"row": 0, "rows": 4, "plane": "mask"}, 16),
        ({"row": 0, "rows": 4, "plane": "selection"}, 16),
        ({"row": 0, "rows": 4, "plane": None}, 16),
    ],
)
def test_rows_that_do_not_fit_drop_the_job(
    client: Client, job: str, fields: dict[str, Any], size: int
) -> None:
    client.submit(job)
    client.send("DATA", bytes(size), **{"job": job, "plane": "pixels", **fields})
    assert client.refused("bad-request")["job"] == job
    client.send("DATA", bytes(16), job=job, plane="pixels", row=0, rows=4)
    client.refused("unknown-job")


def test_rows_without_a_payload(client: Client, job: str) -> None:
    client.submit(job)
    client.send("DATA", job=job, plane="pixels", row=0, rows=4)
    client.refused("bad-request")


def test_result_and_fetch(client: Client, job: str) -> None:
    client.upload(job, 8, 6)
    result = client.receive()
    assert result["cmd"] == "RESULT"
    assert result["box"] == {"x": 2, "y": 1, "width": 4, "height": 3}
    assert (result["network"], result["engine"], result["device"]) == ("plain", "numpy", "cpu")
    client.send("FETCH", job=job, plane="pixels", row=1, rows=2)
    rows = client.receive()
    assert (rows["cmd"], rows["row"], rows["rows"], rows["payload"]) == ("DATA", 1, 2, b"\xff" * 8)
    for bad in ({"rows": 3}, {"rows": 0}, {"row": -1}, {"plane": "mask"}, {"plane": "selection"}):
        client.send("FETCH", **{"job": job, "plane": "pixels", "row": 1, "rows": 2, **bad})
        client.refused("bad-request")
    client.send("DATA", bytes(8), job=job, plane="pixels", row=0, rows=1)
    client.refused("bad-request")


def test_done_forgets_the_job(client: Client, job: str) -> None:
    client.upload(job)
    assert client.receive()["cmd"] == "RESULT"
    client.send("DONE", job=job)
    assert wait_for(lambda: client.status()["memory"]["pictures"] == 0)


def test_done_before_the_result(client: Client, job: str) -> None:
    client.submit(job)
    client.send("DONE", job=job)
    client.refused("bad-request")
    client.send("CANCEL", job=job)
    client.refused("cancelled")


@pytest.mark.parametrize("command", ["DATA", "FETCH", "CANCEL", "DONE"])
def test_a_job_of_another_connection(shared_server: Server, client: Client, job: str, command: str) -> None:
    client.submit(job)
    with Client(shared_server) as other:
        other.send(command, bytes(16), job=job, plane="pixels", row=0, rows=4)
        other.refused("unknown-job")
    client.send("DATA", bytes(16), job=job, plane="pixels", row=0, rows=4)
    assert client.receive()["cmd"] == "RESULT"
    client.send("DONE", job=job)


def test_the_number_of_jobs_is_bounded(client: Client) -> None:
    names = [secrets.token_hex(16) for _ in range(17)]
    for name in names[:16]:
        client.submit(name)
    client.send("SUBMIT", job=names[16], image=IMAGE, settings={}, selection=None)
    client.refused("busy")
    for name in names[:16]:
        client.send("CANCEL", job=name)
        client.refused("cancelled")


def test_progress_is_repeated_as_a_heartbeat(client: Client, job: str) -> None:
    client.upload(job, fault=SLOW)
    client.running(job)
    beats = [client.receive(skip="") for _ in range(3)]
    assert {(beat["cmd"], beat["stage"], beat["fraction"]) for beat in beats} == {
        ("PROGRESS", "predict", 0.5)
    }
    client.send("CANCEL", job=job)
    client.refused("cancelled")


def test_a_queued_job_knows_its_place_and_can_be_cancelled(client: Client) -> None:
    first, second, third = (secrets.token_hex(16) for _ in range(3))
    client.upload(first, fault=SLOW)
    client.running(first)
    client.upload(second)
    client.upload(third)
    places: dict[str, int] = {}
    while len(places) < 3 or places[third] != 2:
        beat = client.receive(skip="")
        if beat["cmd"] == "PROGRESS":
            places[beat["job"]] = beat["position"]
    assert places == {first: 0, second: 1, third: 2}
    client.send("CANCEL", job=second)
    assert client.refused("cancelled")["job"] == second
    client.send("CANCEL", job=first)
    assert client.refused("cancelled")["job"] == first
    result = client.receive()
    assert (result["cmd"], result["job"]) == ("RESULT", third)
    client.send("DONE", job=third)


def test_a_client_that_vanishes_frees_the_worker(shared_server: Server, client: Client) -> None:
    other = Client(shared_server)
    job = secrets.token_hex(16)
    other.upload(job, fault=SLOW)
    other.running(job)
    assert client.status()["running"]
    other._socket.close()
    wait_for(lambda: not client.status()["running"])
    assert client.status()["memory"]["pictures"] == 0


def test_a_fault_of_the_pipeline_is_told(client: Client, job: str) -> None:
    client.upload(job, fault=FAULTY)
    assert "RuntimeError" in client.refused("internal")["message"]
    assert client.status()["memory"]["pictures"] == 0


def test_a_worker_that_tells_too_much_drowns_nobody(client: Client, job: str) -> None:
    client.upload(job, fault=CHATTY)
    told = 0
    while (answer := client.receive(skip=""))["cmd"] == "PROGRESS":
        told += 1
    assert answer["cmd"] == "RESULT" and told < 200
    client.send("DONE", job=job)


def test_a_client_that_reads_late_gets_everything_in_order(shared_server: Server, client: Client) -> None:
    with Client(shared_server, unread=1) as late:
        job = secrets.token_hex(16)
        late.upload(job, 2048, 2048)
        late.receive()
        for row in range(80):
            late.send("FETCH", job=job, plane="pixels", row=row, rows=900)
        assert client.status()["worker"]["state"] == "ready"
        time.sleep(1.0)
        for row in range(80):
            answer = late.receive()
            assert (answer["cmd"], answer["row"], len(answer["payload"])) == ("DATA", row, 900 * 1024)
        late.send("DONE", job=job)


def test_a_client_that_reads_nothing_does_not_stop_the_others(shared_server: Server, client: Client) -> None:
    deaf = Client(shared_server, unread=1)
    job = secrets.token_hex(16)
    deaf.upload(job, 4096, 4096)
    deaf.receive()
    for _ in range(200):
        deaf.send("FETCH", job=job, plane="pixels", row=0, rows=2048)
    assert client.status()["worker"]["state"] == "ready"
    deaf._socket.close()
    wait_for(lambda: client.status()["memory"]["pictures"] == 0)
