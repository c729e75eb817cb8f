"""The server's front: one thread, one poll loop, nothing heavy imported.

Takes pictures from clients, keeps them in a queue, gives them one by one to the
worker process, tells the clients how far it is and sends the result back. It never
waits for the worker, so it answers within milliseconds whatever the network does.
A client that cannot be reached any more loses its jobs at the next beat.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import math
import os
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import zmq

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.session import proof
from plugin.studio_portrait.link.version import PROTOCOL, VERSION
from plugin.studio_portrait.link.wire import Problem

from .door import Door
from .jobs import Job, Jobs, State
from .supervisor import Event, Supervisor

BEAT_SECONDS = 0.25
REPORT_SECONDS = 0.05  # the worker may tell of its progress more often; the clients hear it so often
STALL_SECONDS = 30.0  # an upload or a download that stands still so long is dropped
SPARE_SECONDS = 10.0  # so long the memory of the last picture is kept for the next
DEAF_SECONDS = 10.0  # so is a client that takes nothing any more
MAX_PEERS = 1024
MAX_UNSENT = 64  # messages that wait for a peer which takes nothing

log = logging.getLogger("front")

Networks = Callable[[], list[dict[str, Any]]]


class Front:
    """The service, from `bind` to `run`'s return.

    folder: the state folder. lock: its lock, which the caller holds. worker: the command
    that starts the worker. listen: an endpoint in place of the private TCP port.
    networks: ``{name, sha256, default}`` of those installed. idle_exit: seconds
    without a job after which the server ends.
    """

    def __init__(
        self,
        folder: Path,
        lock: runtime.Lock,
        worker: Sequence[str],
        networks: Networks,
        *,
        listen: str | None = None,
        idle_exit: float | None = None,
        device: str = "auto",
    ):
        self._folder = folder
        self._lock = lock
        self._networks = networks
        self._idle_exit = idle_exit
        self._token = secrets.token_hex(32)
        self._started = time.time()
        self._peers: OrderedDict[bytes, None] = OrderedDict()  # those that said HELLO, longest silent first
        self._unsent: dict[bytes, deque[list[Any]]] = {}
        self._jobs = Jobs(folder)
        self._counts = {"done": 0, "failed": 0, "cancelled": 0}
        self._ending = False
        self._active = time.monotonic()
        self._context = zmq.Context[Any]()
        self._door = Door(self._context, folder, listen)
        self._socket = self._door.socket
        self.endpoints = self._door.endpoints
        self._runtime = runtime.Runtime(self.endpoints, os.getpid(), self._token, self._started)
        self._worker = Supervisor(worker, folder, self._context, device)

    def stop(self) -> None:
        """Makes `run` return soon. May be called from a signal handler."""
        self._ending = True

    def run(self) -> None:
        """Serves until told to stop, then cleans up everything it made.

        Raises `Problem` ``bad-setting`` when the worker cannot use the device or engine that was named.
        """
        try:
            self._worker.start()
            self._runtime.write(self._folder)
            log.info("version %s listens on %s", VERSION, ", ".join(self.endpoints))
            self._serve()
        finally:
            self._clean_up()
        if self._worker.misled is not None:
            raise self._worker.misled

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._worker.socket, zmq.POLLIN)
        next_beat = time.monotonic()
        while not self._ending:
            wait = max(0, math.ceil(1000 * (next_beat - time.monotonic())))
            ready = dict(poller.poll(wait))
            if self._worker.socket in ready:
                self._take_event()
            if self._socket in ready:
                self._take_message()
            if time.monotonic() >= next_beat:
                self._beat()
                next_beat = time.monotonic() + BEAT_SECONDS

    def _clean_up(self) -> None:
        if runtime.Runtime.read(self._folder) == self._runtime:  # not that of a server after us
            runtime.Runtime.remove(self._folder)
        for job in self._jobs.all():
            self._refuse(job.peer, job.id, Problem("shutting-down", "The server was told to end."))
            self._jobs.forget(job)
        self._jobs.trim()
        self._worker.stop()
        self._door.close()
        self._context.term()
        log.info("ended")

    # From and to the clients.

    def _take_message(self) -> None:
        peer, *frames = self._socket.recv_multipart(copy=False)
        job_id: str | None = None
        try:
            if not 1 <= len(frames) <= 2:
                raise Problem("bad-request", "A message has one or two frames.")
            header = wire.decode(frames[0].buffer)
            named = header.get("job")
            job_id = named if isinstance(named, str) and len(named) <= 64 else None
            self._answer(peer.bytes, header, frames[1].buffer if len(frames) == 2 else None)
        except Problem as problem:
            self._refuse(peer.bytes, job_id, problem)
        except Exception:
            log.exception("a message could not be answered")
            self._refuse(peer.bytes, job_id, Problem("internal", "The server met a fault of its own."))

    def _answer(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        command = header["cmd"]
        if command == "PING":
            self._send(peer, wire.encode("PONG"))
            return
        if command == "HELLO":
            self._hello(peer, header)
            return
        own_token = command in ("STATUS", "SHUTDOWN") and "token" in header
        if own_token:
            self._check_token(header)
        elif peer not in self._peers:
            raise Problem("bad-token", "The client did not say HELLO.")
        else:
            self._peers.move_to_end(peer)
        handler = {
            "STATUS": self._status,
            "SHUTDOWN": self._shutdown,
            "SUBMIT": self._submit,
            "DATA": self._data,
            "FETCH": self._fetch,
            "DONE": self._done,
            "CANCEL": self._cancel,
        }.get(command)
        if handler is None:
            raise Problem("bad-request", f"{command} is not for a client to send.")
        handler(peer, header, payload)

    def _check_token(self, header: dict[str, Any]) -> None:
        token = header.get("token")
        if not isinstance(token, str) or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Problem("bad-token", "The client does not know this server's token.")

    def _hello(self, peer: bytes, header: dict[str, Any]) -> None:
        self._check_token(header)
        self._peers[peer] = None
        self._peers.move_to_end(peer)
        if len(self._peers) > MAX_PEERS:
            self._peers.popitem(last=False)
        nonce = header.get("nonce")
        known = {"proof": proof(self._token, nonce)} if isinstance(nonce, str) else {}
        about = self._worker.about
        device = about["device"] if about["state"] == "ready" else ""
        self._send(
            peer,
            wire.encode("HELLO", server=VERSION, device=device, networks=self._networks(), **known),
        )

    def _submit(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        if header.get("job") == self._worker.busy:
            raise Problem("bad-request", "The worker still has a cancelled job of this name.")
        job = self._jobs.submit(peer, header, payload, time.monotonic())
        wanted = job.settings.network
        if wanted and wanted not in [network["name"] for network in self._networks()]:
            self._jobs.forget(job)
            raise Problem("unknown-network", f"There is no network named {wanted}.")
        self._send(peer, wire.encode("ACCEPT", job=job.id))

    def _data(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        job = self._jobs.of(peer, header.get("job"))
        job.touched = time.monotonic()
        try:
            rows = memoryview(b"") if payload is None else payload
            job.take(header.get("plane"), header.get("row"), header.get("rows"), rows)
        except Problem:
            self._drop(job, "failed")
            raise
        if job.state is State.QUEUED:
            self._jobs.enqueue(job)
            self._dispatch()

    def _fetch(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        job = self._jobs.of(peer, header.get("job"))
        job.touched = time.monotonic()
        plane, row, rows = header.get("plane"), header.get("row"), header.get("rows")
        data = job.give(plane, row, rows)
        self._send(peer, wire.encode("DATA", job=job.id, plane=plane, row=row, rows=rows), data)

    def _done(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        job = self._jobs.of(peer, header.get("job"))
        if job.state is not State.DONE:
            raise Problem("bad-request", "The job is not done; CANCEL ends it.")
        self._jobs.finish(job)

    def _cancel(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        job = self._jobs.of(peer, header.get("job"))
        self._drop(job, "cancelled")
        raise Problem("cancelled", "The retouching was cancelled.")

    def _status(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        self._send(peer, wire.encode("STATUS", status=self.status()))

    def _shutdown(self, peer: bytes, header: dict[str, Any], payload: memoryview | None) -> None:
        log.info("told to end")
        self._send(peer, wire.encode("BYE"))
        self._ending = True

    def status(self) -> dict[str, Any]:
        """What ``studio-portrait status --json`` prints. Memory in bytes, times in seconds."""
        about = self._worker.about
        return {
            "server": "running",
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "endpoint": self.endpoints[0],
            "endpoints": list(self.endpoints),
            **{name: about[name] for name in ("device", "engine", "network", "weights")},
            "networks": self._networks(),
            "worker": {"state": about["state"], "pid": self._worker.pid},
            "queue": self._jobs.waiting,
            "running": self._worker.busy is not None,
            "jobs": dict(self._counts),
            "memory": {
                "front": psutil.Process().memory_info().rss,
                "worker": self._worker.rss(),
                "pictures": self._jobs.bytes_held,
            },
            "uptime": round(time.time() - self._started, 1),
            "log": str(runtime.log_path(self._folder)),
        }

    def _send(self, peer: bytes, header: bytes, payload: memoryview | bytes | None = None) -> None:
        """Sends, or keeps for the next beat when the peer takes nothing now. It gets everything in order."""
        frames = [peer, header] if payload is None else [peer, header, payload]
        waiting = self._unsent.get(peer)
        if waiting is None:
            if not self._try_to_send(frames):
                self._unsent[peer] = deque([frames])
        elif len(waiting) < MAX_UNSENT:
            waiting.append(frames)
        else:
            self._peer_gone(peer)

    def _try_to_send(self, frames: Sequence[Any]) -> bool:
        """False when the peer takes nothing now. A peer that has gone loses its jobs."""
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._peer_gone(frames[0])
        return True

    def _send_the_rest(self) -> None:
        for peer, waiting in list(self._unsent.items()):
            while waiting and self._try_to_send(waiting[0]):
                waiting.popleft()
            if not waiting:
                self._unsent.pop(peer, None)

    def _refuse(self, peer: bytes, job_id: str | None, problem: Problem) -> None:
        fields = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        self._send(peer, wire.encode("ERROR", job=job_id, **fields))

    def _peer_gone(self, peer: bytes) -> None:
        self._peers.pop(peer, None)
        self._unsent.pop(peer, None)
        for job in self._jobs.all():
            if job.peer == peer:
                log.info("job %.8s: the client has gone", job.id)
                self._drop(job, "cancelled")

    def _drop(self, job: Job, count: str) -> None:
        """Ends a job before its time, in the worker as well. Nothing happens when it ended already."""
        if self._jobs.find(job.id) is not job:
            return
        self._counts[count] += 1
        self._worker.cancel(job.id)
        self._jobs.forget(job)

    def _beat(self) -> None:
        """Every 0.25 s: tells all clients how far their jobs are, and drops what stands still."""
        now = time.monotonic()
        self._send_the_rest()
        if len(self._jobs) or self._worker.busy:
            self._active = now
        self._rest(now - self._active)
        for job in self._jobs.all():
            self._report(job, now)
            waits_for_client = job.state in (State.UPLOADING, State.DONE)
            if waits_for_client and now - job.touched > STALL_SECONDS:
                log.info("job %.8s: stalled", job.id)
                self._drop(job, "failed")
                text = f"The picture was dropped: nothing came for {STALL_SECONDS:.0f} seconds."
                self._refuse(job.peer, job.id, Problem("unknown-job", text))
        self._worker.beat()
        self._stay_reachable()

    def _stay_reachable(self) -> None:
        """Writes a deleted runtime file anew. Ends when the lock was deleted: another server may start."""
        if self._lock.holds():
            if not runtime.Runtime.exists(self._folder):
                with contextlib.suppress(OSError):  # a full disk: the next beat tries again
                    self._runtime.write(self._folder)
                    log.warning("the runtime file was missing and is there again")
        elif not len(self._jobs):
            log.error("the lock %s was deleted", self._folder)
            self._ending = True

    def _rest(self, idle: float) -> None:
        """What happens after so many seconds without a job."""
        if idle > SPARE_SECONDS:
            self._jobs.trim()
        if self._idle_exit is not None and idle > self._idle_exit:
            log.info("idle for %.0f seconds", self._idle_exit)
            self._ending = True

    def _report(self, job: Job, now: float) -> None:
        progress = {"stage": job.stage, "fraction": job.fraction, "position": self._jobs.position(job)}
        header = wire.encode("PROGRESS", job=job.id, **progress)
        job.reported = now
        if job.peer not in self._unsent and self._try_to_send([job.peer, header]):
            job.unheard_since = None
        elif job.unheard_since is None:
            job.unheard_since = now
        elif now - job.unheard_since > DEAF_SECONDS:
            self._peer_gone(job.peer)

    def _dispatch(self) -> None:
        """Gives the worker its next job when it has none."""
        while self._worker.busy is None and (job := self._jobs.next()) is not None:
            job.state = State.RUNNING
            job.stage = "faces" if self._worker.about["state"] == "ready" else "load"
            try:
                self._worker.give(job)
            except Problem as problem:
                self._fail(job, problem)

    def _take_event(self) -> None:
        event = self._worker.take()
        self._ending |= self._worker.misled is not None
        job = self._jobs.find(event.job) if event else None
        if event is not None and job is not None:
            self._tell(job, event)
        self._dispatch()

    def _tell(self, job: Job, event: Event) -> None:
        if event.kind == "progress":
            now, before = time.monotonic(), job.stage
            job.stage, job.fraction = event.fields["stage"], event.fields["fraction"]
            if job.stage != before or now - job.reported > REPORT_SECONDS:
                self._report(job, now)
        elif event.kind == "result":
            self._counts["done"] += 1
            log.info("job %.8s: %s, %s ms", job.id, vars(job.image), event.fields["ms"].get("total"))
            job.state, job.stage, job.fraction = State.DONE, "download", 0.0
            job.touched, job.result = time.monotonic(), event.fields
            self._send(job.peer, wire.encode("RESULT", job=job.id, mask=job.settings.mask, **event.fields))
        elif event.problem is not None:
            self._fail(job, event.problem)

    def _fail(self, job: Job, problem: Problem) -> None:
        log.info("job %.8s: %s: %s", job.id, problem.code, problem.message)
        self._counts["failed"] += 1
        self._jobs.forget(job)
        self._refuse(job.peer, job.id, problem)
