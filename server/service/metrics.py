"""What the server tells of itself in numbers: stage times for the status, and Prometheus' text on loopback.

Prometheus' threads never touch the front: four times a second the front leaves its status here, and what
is asked for is answered from the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from plugin.studio_portrait.link.wire import Problem

DEFAULT_PORT = 47311


class StageTimes:
    """Seconds that the stages of all jobs took, as results tell them."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, float]] = {}

    def add(self, ms: Mapping[str, float]) -> None:
        """The milliseconds by stage of one result."""
        for stage, spent in ms.items():
            about = self._found.setdefault(stage, {"count": 0, "seconds": 0.0, "last": 0.0})
            about["count"] += 1
            about["last"] = round(spent / 1e3, 4)
            about["seconds"] = round(about["seconds"] + spent / 1e3, 4)

    def as_dict(self) -> dict[str, dict[str, float]]:
        """By stage: how many, how long together, how long the last."""
        return {stage: dict(about) for stage, about in self._found.items()}


class Exporter:
    """``http://127.0.0.1:PORT/metrics`` from now until `close`. Raises `Problem` when the port is taken."""

    def __init__(self, port: int):
        from prometheus_client import CollectorRegistry, start_http_server

        self._status: dict[str, Any] = {}
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, "127.0.0.1", registry)
        except OSError as error:
            sentence = f"The metrics cannot be told on port {port}: {error.strerror}."
            raise Problem("bad-setting", sentence, "Choose another port with --metrics.") from None

    def update(self, status: dict[str, Any]) -> None:
        """The front's status, as ``status --json`` prints it."""
        self._status = status

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def describe(self) -> Iterator[Any]:
        """Nothing is known before it is asked for."""
        return iter(())

    def collect(self) -> Iterator[Any]:
        """Called by prometheus-client, in a thread of its own."""
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
