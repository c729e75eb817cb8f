"""What the server tells of itself in numbers, as Prometheus' text on loopback. Imported if asked for.

Prometheus' threads never touch the server: four times a second the server leaves its status here, and what
is asked for is answered from the last one.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from plugin.studio_portrait.link.wire import Problem

MAX_THREADS = 4  # questions that are answered at a time; whoever else asks is hung up on
ANSWER_SECONDS = 5.0  # that a question and its answer may take


class _Question(WSGIRequestHandler):
    timeout = ANSWER_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Anybody on this machine may ask; the log is for what matters."""


class _HttpServer(ThreadingMixIn, WSGIServer):
    """A thread for each question, but no more of them than `MAX_THREADS`, and none for long."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self._free = threading.BoundedSemaphore(MAX_THREADS)
        self._begun: dict[Any, float] = {}
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._begun[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._done(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._done(request)

    def _done(self, request: Any) -> None:
        self._begun.pop(request, None)
        self._free.release()

    def service_actions(self) -> None:
        """Hang up on who asks a byte at a time; called twice a second."""
        late = time.monotonic() - ANSWER_SECONDS
        for request in [request for request, begun in list(self._begun.items()) if begun < late]:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks badly gets no answer, and the log no traceback."""


class Exporter:
    """``http://127.0.0.1:PORT/metrics`` from now until `close`. Raises `Problem` when the port is taken."""

    def __init__(self, port: int):
        from prometheus_client import CollectorRegistry, make_wsgi_app

        self._status: dict[str, Any] = {}
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server = make_server("127.0.0.1", port, make_wsgi_app(registry), _HttpServer, _Question)
        except OSError as error:
            sentence = f"The metrics cannot be told on port {port}: {error.strerror}."
            raise Problem("bad-setting", sentence, "Choose another port with --metrics.") from None
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def update(self, status: dict[str, Any]) -> None:
        """Take over the server's status, as ``status --json`` prints it."""
        self._status = status

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def describe(self) -> Iterator[Any]:
        """Nothing is known before it is asked for."""
        return iter(())

    def collect(self) -> Iterator[Any]:
        """Yield the metrics; prometheus-client calls it in a thread of its own."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

        status = self._status
        if not status:
            return
        for name, about, value in (
            ("queue_length", "Pictures that wait for a worker", status["queue"]),
            ("running", "Whether a picture is being retouched", status["running"]),
            ("connections", "Clients that are connected", status["connections"]),
            ("uptime_seconds", "Since the server was started", status["uptime"]),
        ):
            yield GaugeMetricFamily(f"studio_portrait_{name}", about, value=float(value))
        memory = GaugeMetricFamily("studio_portrait_memory_bytes", "Memory", labels=["part"])
        for part, held in status["memory"].items():
            memory.add_metric([part], held)
        yield memory
        for name, about, label, counts in (
            ("jobs", "Pictures by what became of them", "outcome", status["jobs"]),
            ("errors", "Errors told to clients", "code", status["errors"]),
        ):
            counter = CounterMetricFamily(f"studio_portrait_{name}", about, labels=[label])
            for word, count in counts.items():
                counter.add_metric([word], count)
            yield counter
        stages = SummaryMetricFamily("studio_portrait_stage_seconds", "Time by stage", labels=["stage"])
        for stage, spent in status["stages"].items():
            stages.add_metric([stage], count_value=int(spent["count"]), sum_value=spent["seconds"])
        yield stages
