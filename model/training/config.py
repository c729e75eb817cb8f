"""What a training run is told by a TOML file: checked before anything is loaded.

A misspelt name or a share of 9 instead of 0.9 would cost hours; so every name, type and range
is looked at first, and the error is a sentence.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomllib

from model.data.synthesize.flash import named

from ..networks.registry import NETWORKS, find

KINDS: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
}


@dataclass(frozen=True)
class Finish:
    """Another size for the end of a run. start: share of the steps from which on (``from`` in the file)."""

    start: float
    size: int
    shrink: int
    batch: int


@dataclass(frozen=True)
class Config:
    """The contents of model/training/recipes/*.toml, which say what each name means.

    mix: of model/data/synthesize/mixes.toml, which flashes. size: pixels of a training crop. shrink: how much
    smaller than the 512-pixel framing it shows things.
    """

    architecture: str
    seed: int
    size: int
    shrink: int
    batch: int
    steps: int
    rate: float
    validate_every: int
    held_out: int
    warm_up: int = 0
    offset_weight: float = 1.0
    identity: float = 0.0
    freeze_norm: float = 1.0
    average: float = 0.0
    decay: str = "cosine"
    weighted: bool = True
    freeze_encoder: float = 1.0
    real: float = 0.0
    compile: bool = False
    checkpoint_every: int = 50
    mix: str = "real"
    finish: Finish | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` with a sentence for a value out of range."""
        named(self.mix)
        rules = [
            (self.architecture in NETWORKS, f"architecture is one of {', '.join(NETWORKS)}"),
            (self.decay in ("cosine", "none"), 'decay is "cosine" or "none"'),
            (
                min(self.batch, self.steps, self.validate_every, self.checkpoint_every, self.held_out) > 0,
                "batch, steps, validate_every, checkpoint_every and held_out are 1 or more",
            ),
            (self.rate > 0 and self.warm_up >= 0, "rate is above 0, warm_up 0 or more"),
            (self.identity >= 0, "identity is 0 or more"),
            (self.identity == 0 or self.architecture == "studio", "identity is for the network studio"),
            (0 <= self.average < 1, "average is from 0 to below 1"),
            (
                all(0 <= share <= 1 for share in (self.freeze_norm, self.freeze_encoder, self.real)),
                "freeze_norm, freeze_encoder and real are shares from 0 to 1",
            ),
        ]
        if self.architecture not in NETWORKS:
            raise ValueError(rules[0][1])
        network = find(self.architecture)
        for stage in (self, self.finish) if self.finish else (self,):
            within = network.scale // stage.shrink if stage.shrink in (1, 2) else 1
            unit = network.stride * max(1, within)
            rules += [
                (stage.shrink in (1, 2), "shrink is 1 or 2"),
                (stage.batch > 0, "batch is 1 or more"),
                (stage.size > 0 and stage.size % unit == 0, f"size is a multiple of {unit}"),
                (stage.size * stage.shrink <= 512, "size times shrink is at most 512"),
                (
                    network.only_size in (0, stage.size),
                    f"{network.name} takes {network.only_size} pixels",
                ),
            ]
        if self.finish:
            rules.append((0 <= self.finish.start <= 1, "finish.from is a share from 0 to 1"))
        for holds, rule in rules:
            if not holds:
                raise ValueError(rule)

    @classmethod
    def read(cls, path: Path) -> Config:
        """Raises `ValueError` with a sentence: no such file, not TOML, a wrong name, type or range."""
        try:
            table = tomllib.loads(path.read_text("utf-8"))
            if "finish" in table:
                table["finish"] = _build(Finish, _renamed(table["finish"]))
            return _build(cls, table)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}; examples: model/training/recipes") from error
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error

    def at(self, step: int) -> Config | Finish:
        """What gives the size, shrink and batch of a step."""
        return self.finish if self.finish and step >= self.finish.start * self.steps else self

    def samples(self, step: int) -> int:
        """How many samples have been seen before `step`."""
        if not self.finish:
            return step * self.batch
        change = min(step, math.ceil(self.finish.start * self.steps))
        return change * self.batch + (step - change) * self.finish.batch

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine or no change."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        if self.decay == "none":
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))


def _renamed(table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ValueError("finish is a table, like { from = 0.9, size = 512, shrink = 1, batch = 4 }")
    return {"start" if name == "from" else name: value for name, value in table.items()}


def _build(kind: Any, table: dict[str, Any]) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name, value in table.items():
        if name not in fields:
            raise ValueError(f"{name} is unknown; there is: {', '.join(fields)}")
        allowed = KINDS.get(str(fields[name].type), (kind, Finish))
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"{name} is {value!r}, which is not of type {fields[name].type}")
    missing = [
        name for name, field in fields.items() if field.default is dataclasses.MISSING and name not in table
    ]
    if missing:
        raise ValueError(f"{', '.join('from' if name == 'start' else name for name in missing)} is missing")
    return kind(**table)
