"""How long the stages of all jobs took, for the status and for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping


class StageTimes:
    """Seconds that the stages of all jobs took, as results tell them."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, float]] = {}

    def add(self, ms: Mapping[str, float]) -> None:
        """Add the milliseconds by stage of one result."""
        for stage, spent in ms.items():
            about = self._found.setdefault(stage, {"count": 0, "seconds": 0.0, "last": 0.0})
            about["count"] += 1
            about["last"] = round(spent / 1e3, 4)
            about["seconds"] = round(about["seconds"] + spent / 1e3, 4)

    def as_dict(self) -> dict[str, dict[str, float]]:
        """By stage: how many, how long together, how long the last."""
        return {stage: dict(about) for stage, about in self._found.items()}
