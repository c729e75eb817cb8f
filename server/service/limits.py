"""What the server lets its clients use: every bound has a name, a value and an option.

An error over one of them says which it was, what it stands at and what to do; a
number that nobody can see or change is the kind that is met at the worst moment.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property

from plugin.studio_portrait.link import wire
from plugin.studio_portrait.link.wire import Problem

from . import resources

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def _limit(value: float, about: str, most: float = float("inf"), zero: bool = False) -> float:
    """Seconds. zero: whether 0 is allowed."""
    return field(default=value, metadata={"about": about, "most": most, "zero": zero, "least": 0})


def _count(value: float, about: str, most: float = float("inf")) -> float:
    """Things that are counted: whole numbers from 1."""
    return field(default=value, metadata={"about": about, "most": most, "zero": False, "least": 1})


@dataclass(frozen=True)
class Limits:
    """The names on the command line have hyphens: ``--limit jobs-per-client=4``."""

    connections: float = _count(128, "clients connected at a time")
    greetings: float = _count(128, "connections at a time that have not said HELLO; the oldest gives way")
    greeting_seconds: float = _limit(10, "seconds in which a connection says HELLO")
    idle_seconds: float = _limit(3600, "seconds until a connection without a job and a message is closed")
    open_seconds: float = _limit(1800, "seconds without a message until an analysed picture is dropped")
    stall_seconds: float = _limit(30, "seconds that an upload or a download may stand still")
    header_bytes: float = _count(wire.MAX_HEADER_BYTES, "bytes of a header", most=wire.MAX_HEADER_BYTES)
    pixels: float = _count(wire.MAX_PIXELS, "pixels of a picture", most=wire.MAX_PIXELS)
    jobs: float = _count(64, "pictures in the server")
    jobs_per_client: float = _count(16, "pictures of one connection in the server")
    memory: float = _count(0, "bytes of all pictures in the server; 0: half of the machine's")
    silent_seconds: float = _limit(60, "seconds without a sign of progress until a worker is replaced")
    load_seconds: float = _limit(180, "seconds that a worker may load the network")
    resume_seconds: float = _limit(
        20, "seconds that a job may outlive a connection from another machine; 0: it never does", zero=True
    )

    @cached_property  # asked for with every picture
    def memory_bytes(self) -> int:
        """Return how many bytes all jobs' planes may take."""
        return int(self.memory) or resources.memory_total() // 2

    @classmethod
    def of(cls, settings: list[str]) -> Limits:
        """From ``NAME=VALUE``s, the value perhaps with K, M or G behind it. Raises `Problem`."""
        known = {option.name.replace("_", "-"): option for option in dataclasses.fields(cls)}
        values: dict[str, float] = {}
        for setting in settings:
            name, _, text = setting.partition("=")
            if name not in known:
                names = ", ".join(known)
                raise Problem("bad-setting", f"There is no limit {name!r}.", f"There are: {names}.")
            values[known[name].name] = _value(setting, text, known[name])
        return cls(**values)

    def as_dict(self) -> dict[str, float]:
        """By their names on the command line, for the status."""
        found = {name.replace("_", "-"): value for name, value in dataclasses.asdict(self).items()}
        return {**found, "memory": self.memory_bytes}


def _value(setting: str, text: str, option: dataclasses.Field[float]) -> float:
    number, factor = (text[:-1], UNITS[text[-1]]) if text[-1:] in UNITS else (text, 1)
    most, zero, least = (option.metadata[name] for name in ("most", "zero", "least"))
    try:
        value = float(number) * factor
    except ValueError:
        value = -1.0
    fits = 0 < value <= most or (zero and value == 0)
    if not fits or value == float("inf") or (least and (value < least or value % 1)):
        allowed = "0 or above" if zero else f"from {least}" if least else "above 0"
        allowed += f" and at most {most:.0f}" if most < float("inf") else ""
        kind = "a whole number" if least else "a number"
        raise Problem("bad-setting", f"The limit {setting!r} is not {kind} {allowed}.")
    return value


class OverLimit(Problem):
    """A `Problem` that names the limit and its value, in words and, for programs, as `limit`."""

    def __init__(self, name: str, value: float, sentence: str, code: str = "busy", advice: str = ""):
        advice = advice or "Wait until the jobs before it are done, then try again"
        hint = f"{advice}; or start the server with another --limit {name}=NUMBER."
        super().__init__(code, f"{sentence} (the limit {name} is {value:.0f}).", hint)
        self.limit = {"name": name, "value": value}
