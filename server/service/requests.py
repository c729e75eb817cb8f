"""The conversation with the clients: each message's answers, and what is told of jobs.

Nothing here sends or waits: methods return answers, which the server gives to its listener.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import Problem

from . import anonymous, resources
from .connections import Connection, Message
from .handshake import Handshake, check_token
from .job import Job, State, Task
from .job_service import ANSWERS, Event, JobService
from .limits import Limits, OverLimit

MAX_REFUSALS = 16  # of a connection that has not said HELLO

log = logging.getLogger("requests")

Networks = Callable[[], list[dict[str, Any]]]


@dataclass(frozen=True)
class Answer:
    """One message to a client. optional: may be left out when the client does not read.

    dismiss: the connection ends after it. end: so does the server.
    """

    connection: Connection
    frames: list[Any]
    optional: bool = False
    dismiss: bool = False
    end: bool = False


@dataclass(frozen=True)
class Request:
    """A message whose header makes sense."""

    connection: Connection
    header: dict[str, Any]
    payload: memoryview | None


class RequestHandler:
    """errors: those told to clients, by code. status: what STATUS answers. known: clients that said HELLO."""

    def __init__(
        self,
        token: str,
        limits: Limits,
        service: JobService,
        networks: Networks,
        status: Callable[[], dict[str, Any]],
        known: Callable[[], int],
        device: Callable[[], str],
        grace: float,
    ):
        self._token = token
        self._limits = limits
        self._service = service
        self._networks = networks
        self._status_of_server = status
        self._known = known
        self._device = device
        self._grace = grace
        self.errors: Counter[str] = Counter()
        self._handlers: dict[str, Callable[[Request], list[Answer]]] = {
            "PING": self._ping,
            "HELLO": self._hello,
            "SUBMIT": self._submit,
            "ANALYSE": self._submit,
            "DATA": self._data,
            "FETCH": self._fetch,
            "PREVIEW": self._order,
            "RENDER": self._order,
            "DONE": self._done,
            "CANCEL": self._cancel,
            "STATUS": self._status,
            "SHUTDOWN": self._shutdown,
        }

    def answers(self, message: Message) -> list[Answer]:
        """Answer a message; whatever is wrong with it costs at most its own connection."""
        connection, fields = message.connection, dict[str, Any]()
        try:
            return self._answers(connection, message.frames, fields)
        except Problem as raised:
            problem = raised
        except Exception as error:
            problem = _fault(error)
        named = fields.get("job")
        answer = self.refusal(
            connection, named if isinstance(named, str) and len(named) <= 64 else None, problem
        )
        connection.refusals += 1
        too_many = not connection.known and connection.refusals >= MAX_REFUSALS
        full = isinstance(problem, OverLimit) and problem.limit["name"] == "connections"
        return [Answer(connection, answer.frames, dismiss=too_many or full)]

    def _answers(self, connection: Connection, frames: Any, fields: dict[str, Any]) -> list[Answer]:
        if not 1 <= len(frames) <= 2:
            raise Problem("bad-request", "A message has one or two frames.")
        if len(frames[0]) > self._limits.header_bytes:
            text = "The message's header is too long"
            limit = self._limits.header_bytes
            raise OverLimit("header-bytes", limit, text, "bad-request", "Send less in a header")
        fields.update(wire.decode(frames[0].buffer))
        command = fields["cmd"]
        if command in ("STATUS", "SHUTDOWN") and "token" in fields:
            check_token(fields["token"], self._secret(connection))
        elif command not in ("PING", "HELLO") and not connection.known:
            raise Problem("bad-token", "The client did not say HELLO.")
        handler = self._handlers.get(command)
        if handler is None:
            raise Problem("bad-request", f"{command} is not for a client to send.")
        return handler(Request(connection, fields, frames[1].buffer if len(frames) > 1 else None))

    def _secret(self, connection: Connection) -> str:
        """Return what HELLO must show knowledge of; other machines: the key that libzmq has proven."""
        return connection.user or self._token

    def _ping(self, request: Request) -> list[Answer]:
        return [_answer(request.connection, "PONG")]

    def _hello(self, request: Request) -> list[Answer]:
        """Who shows that it knows the token is let in, if there is room."""
        request.connection.handshake = request.connection.handshake or Handshake(
            self._secret(request.connection)
        )
        challenge = request.connection.handshake.hear(request.header)
        if challenge is not None:
            return [Answer(request.connection, [challenge])]
        if not request.connection.known and self._known() >= self._limits.connections:
            text = "Too many programs are connected to the server"
            advice = "End some of them, then try again"
            raise OverLimit("connections", self._limits.connections, text, advice=advice)
        request.connection.known = True
        about: dict[str, Any] = {"server": VERSION, "device": self._device(), "networks": self._networks()}
        if request.connection.user and self._limits.resume_seconds:
            about["resume"] = self._limits.resume_seconds
        return [_answer(request.connection, "HELLO", **about, **request.connection.handshake.proof())]

    # Jobs.

    def _submit(self, request: Request) -> list[Answer]:
        """Where a job stands that was sent once more is told, too; its result comes again."""
        networks = [network["name"] for network in self._networks()]
        task = Task("analyse" if request.header["cmd"] == "ANALYSE" else "retouch")
        job = self._service.submit(request.connection, request.header, request.payload, networks, task)
        accepted = _answer(request.connection, "ACCEPT", job=job.id, state=job.state.value, filled=job.filled)
        if job.analysed is not None:
            return [accepted, self._answer(request.connection, job, task, job.analysed)]
        if job.state is State.DONE:
            return [accepted, self._answer(request.connection, job, task, job.result)]
        return [accepted]

    def _data(self, request: Request) -> list[Answer]:
        return self.news(
            self._service.rows(request.connection, request.header, request.payload or memoryview(b""))
        )

    def _order(self, request: Request) -> list[Answer]:
        return self.news(
            self._service.order(request.connection, request.header, request.header["cmd"].lower())
        )

    def _fetch(self, request: Request) -> list[Answer]:
        parts = self._service.fetch(request.connection, request.header)
        told = {name: request.header[name] for name in ("job", "plane", "row", "rows")}
        return [_answer(request.connection, "DATA", parts[0] if len(parts) == 1 else b"".join(parts), **told)]

    def _done(self, request: Request) -> list[Answer]:
        nothing_waits = not request.connection.outbox and all(
            tracker.done for tracker, _ in request.connection.unsent
        )
        self._service.done(request.connection, request.header, keep_memory=nothing_waits)
        return []

    def _cancel(self, request: Request) -> list[Answer]:
        self._service.cancel(request.connection, request.header)
        raise Problem("cancelled", "The retouching was cancelled.")

    # The server itself.

    def _status(self, request: Request) -> list[Answer]:
        status = self._status_of_server()
        if request.connection.user:
            status |= {"endpoint": "", "endpoints": [], "remote": "", "log": ""}
        return [_answer(request.connection, "STATUS", status=status)]

    def _shutdown(self, request: Request) -> list[Answer]:
        if request.connection.user:
            raise Problem("bad-request", "A server is ended on its own machine only.", "Ask who runs it.")
        if request.header.get("idle") and len(self._service):
            raise Problem("busy", "The server has pictures to work on and goes on.")
        log.info("told to end")
        return [Answer(request.connection, [wire.encode("BYE", grace=self._grace)], end=True)]

    # What is told without being asked.

    def news(self, events: list[Event]) -> list[Answer]:
        """Tells the clients what happened to their jobs."""
        return [self._told(event, event.peer) for event in events if isinstance(event.peer, Connection)]

    def _told(self, event: Event, connection: Connection) -> Answer:
        job = event.job
        if event.problem is not None:
            return self.refusal(connection, job.id, event.problem, **event.fields)
        if event.kind == "answer":
            return self._answer(connection, job, event.task, event.fields, event.rows)
        place = {"stage": job.stage, "fraction": job.fraction, "position": self._service.position(job)}
        return Answer(connection, [wire.encode("PROGRESS", job=job.id, **place)], optional=True)

    def _answer(
        self, connection: Connection, job: Job, task: Task, fields: dict[str, Any], rows: bytes | None = None
    ) -> Answer:
        """Return a task's answer."""
        if ANSWERS[task.kind] == "RESULT":
            settings = task.fields.get("settings") or job.settings.as_dict()
            fields = {**fields, "mask": settings["mask"]}
        return _answer(connection, ANSWERS[task.kind], rows, job=job.id, **fields)

    def refusal(self, connection: Connection, job_id: str | None, problem: Problem, **more: Any) -> Answer:
        """Return an ERROR. Another machine's client is told no paths of this one. more: further fields."""
        self.errors[problem.code] += 1
        fields = {"code": problem.code, "message": problem.message, "hint": problem.hint, **more}
        if connection.user:
            fields |= {name: anonymous.without_folders(fields[name]) for name in ("message", "hint")}
        if isinstance(problem, OverLimit):
            fields["limit"] = problem.limit
        return _answer(connection, "ERROR", job=job_id, **fields)


def _fault(error: Exception) -> Problem:
    """Return what a client hears of an error that no handler foresaw."""
    if resources.is_out_of_handles(error):
        log.warning("no file descriptor is left")
        return Problem("busy", "The server has no file descriptor left at the moment.", "Try again soon.")
    log.error("a message could not be answered", exc_info=error)
    return Problem("internal", "The server met a fault of its own.")


def _answer(connection: Connection, command: str, payload: Any = None, **fields: Any) -> Answer:
    header = wire.encode(command, **fields)
    return Answer(connection, [header] if payload is None else [header, payload])
