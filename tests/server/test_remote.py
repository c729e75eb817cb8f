"""Two machines, played by two state folders: the guarded listener, the command line's client, the relay."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin.studio_portrait.link import runtime, wire, zmtp
from plugin.studio_portrait.link.conversation import Conversation
from plugin.studio_portrait.link.hints import typed
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Problem, Settings
from plugin.studio_portrait.link.zmtp import GREETING, TransportError
from server.remote import remote_session
from server.remote.dealer import Dealer
from server.remote.keys import CLIENTS, SERVERS, KeyRing
from tests.link.network import Fault, Network
from tests.link.test_session import Picture
from tests.sample import CHECKOUT, SELFIE

from .plain_worker import SLOW
from .running import PATIENCE, Client, Server, started, wait_for
from .test_attacks import headers

HOST = "127.0.0.1"


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home)}
    whole = [sys.executable, "-m", "server", *words]
    return subprocess.run(
        whole, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


class Machines:
    """`there` serves at `where`, `here` may use it."""

    def __init__(self, folder: Path, resume: float = 6):
        self.there, self.here = folder / "there", folder / "here"
        self.ring_there, self.ring_here = KeyRing(self.there), KeyRing(self.here)
        self.ring_there.new()
        self.ring_here.new()
        self.introduce()
        self.server = Server(self.there, "--listen", "tcp://0.0.0.0:*", "--limit", f"resume-seconds={resume}")
        self.server.wait_ready()
        with Client(self.server) as client:
            self.where = f"{HOST}:{client.status()['remote'].rpartition(':')[2]}"

    def introduce(self) -> None:
        self.ring_there.allow(CLIENTS, "here", self.ring_here.own().public)
        self.ring_here.allow(SERVERS, HOST, self.ring_there.own().public)

    def session(self, home: Path | None = None) -> Session:
        return remote_session.connect(self.where, home or self.here)

    def log(self) -> str:
        return (self.there / "server.log").read_text(encoding="utf-8")

    def logged(self, words: str) -> None:
        wait_for(lambda: words in self.log())

    @contextmanager
    def relay(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
        """``connect`` here; sessions of this process then find it as they would find a server."""
        monkeypatch.setenv(runtime.HOME_VARIABLE, str(self.here))
        words = [sys.executable, "-m", "server", "connect", self.where]
        with (
            tempfile.TemporaryFile("a+") as said,  # a pipe that nobody reads would stop the relay
            started(words, cwd=CHECKOUT, stderr=said) as process,
        ):
            wait_for(
                lambda: (
                    process.poll() is not None
                    or ((found := runtime.Runtime.read(self.here)) and found.pid == process.pid)
                ),
            )
            assert process.poll() is None, (said.seek(0), said.read())
            yield process


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    machines = Machines(tmp_path_factory.mktemp("machines"))
    yield machines
    machines.server.end()
    assert "Traceback" not in machines.log()


@pytest.fixture
def machines(shared: Machines) -> Machines:
    """With the keys as they should be, whatever the last test did to them."""
    shared.introduce()
    return shared


def retouched(session: Session, width: int = 500, height: int = 300) -> bool:
    """Whether a job of this session gives the right pixels."""
    picture = Picture(width, height)
    session.retouch(picture.spec, picture.read, picture.write)
    return np.array_equal(picture.out, picture.expected())


def refused(machines: Machines, code: str = "bad-key", home: Path | None = None) -> str:
    with pytest.raises(Problem) as caught:
        machines.session(home)
    assert caught.value.code == code and caught.value.hint
    return caught.value.message


def test_a_job_over_the_network(machines: Machines) -> None:
    with machines.session() as session:
        assert session.networks[0]["name"] == "plain"
        assert retouched(session, 3000, 2000)
        status = session.status()
        assert status["jobs"]["done"] >= 1
        assert str(machines.there) not in str(status)
    machines.logged("guard: let in a client with the key of here")


def test_a_key_that_is_not_allowed(machines: Machines, tmp_path: Path) -> None:
    stranger = KeyRing(tmp_path)
    key = stranger.new()
    stranger.allow(SERVERS, HOST, machines.ring_there.own().public)
    assert "does not allow this machine's key" in refused(machines, home=tmp_path)
    machines.logged("refused a client: the key")
    assert key.decode() not in machines.log()


def test_a_server_with_another_key(machines: Machines, tmp_path: Path) -> None:
    machines.ring_here.allow(SERVERS, HOST, KeyRing(tmp_path).new())
    assert "or has another" in refused(machines)
    machines.logged("refused 1 connection: wrong server key")


def test_a_client_without_a_key(machines: Machines) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as plain:
        plain.linger = 0
        plain.reconnect_ivl = -1
        plain.connect(f"tcp://{machines.where}")
        with contextlib.suppress(zmq.Again):  # refused before it could be sent
            plain.send(b"hello", zmq.DONTWAIT)
        machines.logged("no encryption")
        assert not plain.poll(0)
    machines.ring_here.revoke(SERVERS, HOST)
    assert "is not known here" in refused(machines)


def test_revoking_counts_at_once_and_ends_the_running_job(machines: Machines) -> None:
    with machines.session() as session:
        assert retouched(session)
        picture = Picture(300, 200)

        def progress(stage: str, share: float) -> None:
            if stage == "predict" and "here" in machines.ring_there.known(CLIENTS):
                machines.ring_there.revoke(CLIENTS, "here")

        with pytest.raises(Problem) as caught:
            session.retouch(
                picture.spec, picture.read, picture.write, settings=Settings(network=SLOW), progress=progress
            )
        assert caught.value.code == "bad-key"
    with Client(machines.server) as client:
        wait_for(lambda: not client.status()["running"])
    assert "does not allow" in refused(machines)
    machines.logged("the key of here is no longer allowed")
    machines.introduce()
    with machines.session() as session:
        assert retouched(session)


def test_a_remote_client_cannot_end_the_server(machines: Machines) -> None:
    with machines.session() as session:
        with pytest.raises(Problem, match="on its own machine only"):
            session.shutdown()
        assert retouched(session)


VICTIM = """
import sys
from pathlib import Path
from typing import Any
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import ImageSpec, Settings
from server.remote import remote_session
from server.remote.dealer import Dealer
remote = sys.argv[1:]
session = remote_session.connect(remote[0], Path(remote[1])) if remote else Session.open(start=False)
session.retouch(ImageSpec(64, 64, 1, "u8"), lambda p, r, n: bytes(64 * n), None,
    settings=Settings(network="slow"), progress=lambda stage, share: print(stage, flush=True))
"""


def killed_at_work(*where: str) -> None:
    """Starts a client, kills it while the worker has its job, which would never end."""
    words = [sys.executable, "-c", VICTIM, *where]
    with started(words, cwd=CHECKOUT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while (line := process.stdout.readline()) != b"predict\n":
            assert line
        process.kill()


def wait_until_free(server: Server) -> None:
    with Client(server) as client:
        wait_for(lambda: not client.status()["running"])
        wait_for(lambda: client.status()["memory"]["pictures"] == 0)


def test_a_vanished_client_may_come_back_for_a_while_and_no_longer(machines: Machines) -> None:
    killed_at_work(machines.where, str(machines.here))
    begin = time.monotonic()
    wait_until_free(machines.server)
    assert time.monotonic() - begin > 4.0  # resume-seconds is 6


def test_a_vanished_clients_job_ends_at_once_where_none_may_come_back(tmp_path: Path) -> None:
    machines = Machines(tmp_path, resume=0)
    with machines.session() as session:
        assert session.keep == 0
    killed_at_work(machines.where, str(machines.here))
    wait_until_free(machines.server)
    machines.server.end()


def test_a_client_of_the_relay_that_vanishes_cannot_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = Machines(tmp_path, resume=3600)
    with machines.relay(monkeypatch):
        killed_at_work()
        wait_until_free(machines.server)
    machines.server.end()


def test_strangers_on_the_network_harm_nobody(machines: Machines) -> None:
    host, port = machines.where.split(":")
    crowd = [socket.create_connection((host, int(port)), timeout=10.0) for _ in range(200)]
    dice = random.Random(3)
    for number, peer in enumerate(crowd):
        with contextlib.suppress(OSError):
            peer.sendall(
                (b"", b"GET / HTTP/1.1\r\n\r\n", GREETING, GREETING[:40], dice.randbytes(500))[number % 5]
            )
    with machines.session() as session:
        assert retouched(session)
    for peer in crowd:
        peer.close()
    assert machines.server.process.poll() is None


def test_nobody_there(machines: Machines) -> None:
    with pytest.raises(Problem, match="No server answers"):
        remote_session.connect(f"{HOST}:9", machines.here)


@contextmanager
def few_handles(pid: int, more: int) -> Iterator[None]:
    """Let a process have so many file descriptors more than it has, and no further one."""
    listed = list(Path(f"/proc/{pid}/fd").iterdir())  # perhaps with that of the listing itself
    taken = {int(path.name) for path in listed if path.is_symlink()}
    lowest = itertools.islice((number for number in itertools.count() if number not in taken), more, None)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (next(lowest), before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit and /proc")
@pytest.mark.parametrize("more", [0, 1, 2])
def test_a_connection_without_its_monitor_is_closed_at_once(machines: Machines, more: int) -> None:
    """Left to Python's own time, they added up until the relay had none left."""
    endpoint, keys = remote_session.route(f"{HOST}:9", machines.here)
    own = psutil.Process()

    def refused() -> Problem | None:
        """None while libzmq still closes what others have left, so that there are more than `more`."""
        with few_handles(own.pid, more):
            try:
                Dealer(endpoint, keys).close()
            except Problem as problem:
                return problem
        time.sleep(0.2)
        return None

    Dealer(endpoint, keys).close()  # libzmq's own threads have theirs
    time.sleep(0.5)
    before = own.num_fds()
    told = wait_for(refused)
    assert told.code == "busy" and "file descriptor" in told.message
    wait_for(lambda: own.num_fds() <= before)  # while the error's frames still hold all they had


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit and /proc")
def test_a_relay_without_a_further_file_descriptor(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes then hears of it; who is there goes on; and all is well when there are some again."""
    with machines.relay(monkeypatch) as process, Session.open(start=False) as session:
        found = runtime.Runtime.read(machines.here)
        assert found is not None

        def refused() -> Problem | None:
            """None while libzmq still closes something there, so that there are more than one."""
            with (
                contextlib.closing(zmtp.Connection(found.endpoints[0])) as other,
                few_handles(process.pid, 1),
                contextlib.suppress(TransportError),
            ):
                try:
                    Conversation(other, found.token, machines.here)
                except Problem as problem:
                    return problem if problem.code == "busy" else None
            return None

        assert "file descriptor" in wait_for(refused).message
        with few_handles(process.pid, 1):
            assert retouched(session)
        with Session.open(start=False) as again:
            assert retouched(again) and retouched(session)


def test_the_command_line(machines: Machines) -> None:
    status = command(machines.here, "status", "--server", machines.where)
    assert status.returncode == 0 and "plain" in status.stdout
    wrong = command(machines.here, "status", "--server", "a:b")
    assert wrong.returncode == 2 and "is not an address" in wrong.stderr
    retouch = command(
        machines.here,
        *("retouch", "--server", machines.where, "--reach", "frame"),
        *(str(SELFIE), "-o", str(machines.here / "out.png")),
    )
    assert retouch.returncode == 0, retouch.stderr
    assert (machines.here / "out.png").stat().st_size > 100_000
    assert not runtime.server_lives(machines.here)


def test_the_relay_looks_like_a_server(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    with machines.relay(monkeypatch) as process:
        with Session.open(start=False) as session, Session.open(start=False) as second:
            assert retouched(session, 3000, 2000) and retouched(second) and retouched(session)
            assert session.status()["relay"] == machines.where
            with pytest.raises(Problem) as caught:
                session.retouch(
                    Picture(50, 50).spec,
                    Picture(50, 50).read,
                    Picture(50, 50).write,
                    settings=Settings(network=SLOW),
                    progress=lambda stage, share: session.cancel(),
                )
            assert caught.value.code == "cancelled"
            assert retouched(second)
            refused = command(machines.here, "connect", machines.where).stderr
            assert "has a picture at work" in refused and typed("stop") in refused, "a client is connected"
        stopped = command(machines.here, "stop")
        assert stopped.returncode == 0 and process.wait(PATIENCE) == 0
    assert runtime.Runtime.read(machines.here) is None
    with Client(machines.server) as client:
        assert client.status()["worker"]["state"] == "ready"


def test_stop_ends_a_relay_that_does_not_understand_us(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machines.relay(monkeypatch) as process:
        found = runtime.Runtime.read(machines.here)
        assert found is not None
        runtime.Runtime(found.endpoints, found.pid, "another token", found.started).write(machines.here)
        stopped = command(machines.here, "stop")
        assert stopped.returncode == 0, stopped.stderr
        assert process.wait(PATIENCE) == 0


def test_connect_takes_an_idle_servers_place(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIMP starts a server by itself, which is in nobody's way; with a picture at work it goes on."""
    with Server(machines.here) as local:
        local.wait_ready()
        with Client(local) as client:
            client.submit("a" * 32)
            refused = command(machines.here, "connect", machines.where)
            assert refused.returncode == 1 and "has a picture at work" in refused.stderr
            assert typed("status") in refused.stderr and typed("stop") in refused.stderr
            assert client.status()["pid"] == local.runtime.pid, "it goes on"
        with Client(local) as other:
            wait_for(lambda: other.status()["memory"]["pictures"] == 0)
        with machines.relay(monkeypatch), Session.open(start=False) as session:
            assert session.status()["relay"] == machines.where and retouched(session)
        assert local.process.wait(PATIENCE) == 0
    wrong = command(machines.here, "connect", "nowhere.invalid")
    assert wrong.returncode == 1 and "at work" not in wrong.stderr


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_network_behind_the_relay(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Cut anywhere, or out of order: the relay connects anew, and the picture is right all the same."""
    dice = random.Random(seed)
    between = Network(f"tcp://{machines.where}")
    monkeypatch.setattr(machines, "where", between.endpoint.removeprefix("tcp://"))
    with machines.relay(monkeypatch):
        places = [dice.randrange(20_000, 12_000_000) for _ in range(3)]
        between.faults = [Fault(swap=places[0], piece=4000), *(Fault(cut=place) for place in places[1:])]
        with Session.open(start=False) as faulty:
            assert faulty.keep > 0
            assert retouched(faulty, 1500, 3000)
        assert between.swaps == 1
    between.close()


def test_the_command_lines_client_connects_anew(machines: Machines) -> None:
    between = Network(f"tcp://{machines.where}")
    between.faults = [Fault(cut=5_000_000), Fault(cut=3_000_000)]
    session = remote_session.connect(between.endpoint.removeprefix("tcp://"), machines.here)
    with session:
        assert retouched(session, 1500, 3000)
    assert between.cuts == 2
    between.close()


@contextmanager
def plain_client(machines: Machines) -> Iterator[tuple[zmq.Socket[bytes], runtime.Runtime]]:
    """Yield a socket at the relay that has said nothing yet, and what the relay tells of itself."""
    found = runtime.Runtime.read(machines.here)
    assert found is not None
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(found.endpoints[-1])
        yield socket, found


def test_the_relay_takes_nobody_without_the_token(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machines.relay(monkeypatch):
        with plain_client(machines) as (socket, _):
            for header in (
                b'{"v":1,"cmd":"HELLO","token":"0"}',
                b'{"v":1,"cmd":"HELLO","proof":"0"}',
                b'{"v":1,"cmd":"HELLO","nonce":"0"}',
                b'{"v":1,"cmd":"STATUS","token":"0"}',
                b'{"v":1,"cmd":"SHUTDOWN"}',
                b'{"v":1,"cmd":"FETCH","job":"0"}',
            ):
                socket.send(header)
                assert socket.poll(5000) and b"bad-token" in socket.recv()
            for garbage in ([b""], [b"{"], [b'{"v":1,"cmd":"PING"}'] * 3, [b'{"v":2,"cmd":"PING"}']):
                socket.send_multipart(garbage)
                assert socket.poll(5000) and b"ERROR" in socket.recv()
        with Session.open(start=False) as session:
            assert retouched(session)


def test_the_relay_answers_status_without_hello_and_every_hello(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the server does, by PROTOCOL.md."""
    with machines.relay(monkeypatch), plain_client(machines) as (socket, found):

        def asked(command: str, **fields: object) -> dict[str, Any]:
            socket.send(wire.encode(command, token=found.token, **fields))
            assert socket.poll(10_000), command
            return wire.decode(socket.recv())

        assert asked("STATUS")["status"]["relay"] == machines.where
        socket.send(wire.encode("FETCH", job="0"))
        assert socket.poll(5000) and b"bad-token" in socket.recv(), "that was no HELLO"
        for nonce in ("1" * 32, "2" * 32):
            hello = asked("HELLO", client="test", nonce=nonce)
            assert hello["proof"] == wire.proof(found.token, nonce) and hello["resume"] > 0
        assert asked("STATUS")["status"]["relay"] == machines.where
        assert not socket.poll(300), "nothing is answered twice"


def test_the_relay_says_why_it_cannot_connect(machines: Machines) -> None:
    machines.ring_there.revoke(CLIENTS, "here")
    refused = command(machines.here, "connect", machines.where)
    assert refused.returncode == 1 and "does not allow this machine's key" in refused.stderr
    assert not runtime.server_lives(machines.here)


def test_a_server_that_goes_while_the_relay_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machines = Machines(tmp_path, resume=1)
    with machines.relay(monkeypatch):
        session = Session.open(start=False)
        machines.server.process.send_signal(signal.SIGKILL)
        machines.server.process.communicate()
        with session, pytest.raises(Problem) as caught:
            retouched(session)
        assert caught.value.code == "lost-server"
        with pytest.raises(Problem, match="No server answers"):
            Session.open(start=False)


# Last, for its relay lives until the module ends.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(headers(), max_size=4))
def test_no_message_whatsoever_ends_the_relay(relayed: str, messages: list[bytes]) -> None:
    """A token of half a surrogate pair did once, and GIMP's next picture went to a server here instead."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.linger = 0
        peer.connect(relayed)
        for header in (*messages, b'{"v":1,"cmd":"HELLO","token":"\\ud800"}', b'{"v":1,"cmd":"PING"}'):
            peer.send(header)
        while peer.poll(20_000):
            if b'"PONG"' in peer.recv_multipart()[0]:
                return
    raise AssertionError("the relay does not answer")


@pytest.fixture(scope="module")
def relayed(shared: Machines) -> Iterator[str]:
    """A relay's endpoint. In the end it still carries pictures, and its log tells of no fault."""
    shared.introduce()
    with pytest.MonkeyPatch.context() as patch, shared.relay(patch):
        found = runtime.Runtime.read(shared.here)
        assert found is not None
        yield found.endpoints[0]
        with Session.open(start=False) as session:
            assert retouched(session)
    assert "Traceback" not in (shared.here / "server.log").read_text(encoding="utf-8")
