"""What a training run is told by a TOML file: checked before anything is loaded.

A misspelt name or a share of 9 instead of 0.9 would cost hours; so every name, type and range
is looked at first, and the error is a sentence.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomllib

from model.data.synthesize.flash import named

from ..networks.registry import find
from .losses import Weights

SHRINKS: Final = (1, 2, 4)
KINDS: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
}


@dataclass(frozen=True)
class Stage:
    """A part of a run. Names as in `Config`; 0 or less: as the recipe's head has it, but for ``steps``.

    The rate warms up and falls anew in each; ``freeze_norm`` is a share of the stage's own steps.
    """

    steps: int
    size: int = 0
    shrink: int = 0
    batch: int = 0
    rate: float = 0.0
    warm_up: int = -1
    identity: float = -1.0
    freeze_norm: float = -1.0


@dataclass(frozen=True)
class Config:
    """The contents of model/training/recipes/*.toml, which say what each name means.

    mix: of model/data/synthesize/mixes.toml, which flashes. mixes: shares of others beside it, by name; the
    rest is ``mix``. size: pixels of a training crop. shrink: how much smaller than the 512-pixel framing it
    shows things. absolute: what the error of eq. (3) counts beside eq. (1), where y is learnt. losses: of
    `losses.studio`. stages: parts of the run one after the other, whose steps add up to ``steps``; none: one.
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
    absolute: float = 0.0
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
    mixes: tuple[tuple[str, float], ...] = ()
    losses: Weights = Weights()
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        """Check the values. Raises `ValueError` with a sentence for one out of range."""
        for name in self.every_mix:
            named(name)
        find(self.architecture)
        total = sum(stage.steps for stage in self.parts)
        every = (f"the stages have {total} steps, the run has {self.steps}", total == self.steps)
        stages = [rule for stage in self.parts for rule in self._rules_of(stage).items()]
        for rule, holds in [*self._rules().items(), *stages, every]:
            if not holds:
                raise ValueError(rule)

    def _rules(self) -> dict[str, bool]:
        """Return what has to hold of the run, as sentences, and whether it does."""
        shares = [share for _, share in self.mixes]
        counts = (self.batch, self.steps, self.validate_every, self.checkpoint_every, self.held_out)
        return {
            "seed is 0 or more": self.seed >= 0,
            "mixes names others than mix": self.mix not in dict(self.mixes),
            "mixes are shares from 0 to 1, together at most 1": all(0 < share < 1 for share in shares)
            and sum(shares) <= 1,
            'decay is "cosine" or "none"': self.decay in ("cosine", "none"),
            "batch, steps, validate_every, checkpoint_every and held_out are 1 or more": min(counts) > 0,
            "rate is above 0, warm_up 0 or more": self.rate > 0 and self.warm_up >= 0,
            "identity is 0 or more": self.identity >= 0,
            "average is from 0 to below 1": 0 <= self.average < 1,
            "freeze_norm, freeze_encoder and real are shares from 0 to 1": all(
                0 <= share <= 1 for share in (self.freeze_norm, self.freeze_encoder, self.real)
            ),
        }

    def _rules_of(self, stage: Stage) -> dict[str, bool]:
        """Return what has to hold of one stage, likewise."""
        network = find(self.architecture)
        within = network.scale // stage.shrink if stage.shrink in SHRINKS else 1
        unit = network.stride * max(1, within)
        return {
            "shrink is 1, 2 or 4": stage.shrink in SHRINKS,
            "batch and steps are 1 or more": stage.batch > 0 and stage.steps > 0,
            "rate is above 0": stage.rate > 0,
            "identity is for the network studio": stage.identity == 0 or self.architecture == "studio",
            "freeze_norm is a share from 0 to 1": 0 <= stage.freeze_norm <= 1,
            f"size is a multiple of {unit}": stage.size > 0 and stage.size % unit == 0,
            "size times shrink is at most 512": stage.size * stage.shrink <= 512,
            f"{network.name} takes {network.only_size} pixels": network.only_size in (0, stage.size),
        }

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read a recipe. Raises `ValueError`: no file, no TOML, a wrong name, type or range."""
        try:
            return cls.of(tomllib.loads(path.read_text("utf-8")))
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}; examples: model/training/recipes") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not TOML: {error}; examples: model/training/recipes") from error
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Config:
        """Build it of a file's or a checkpoint's table. Raises `ValueError` with a sentence."""
        found = dict(table)
        if "losses" in found:
            found["losses"] = _build(Weights, found["losses"], "losses")
        if "mixes" in found:
            found["mixes"] = _shares(found["mixes"])
        if "stages" in found:
            stages = found["stages"]
            if not isinstance(stages, (list, tuple)):
                raise ValueError("stages is a list of tables; write [[stages]] before each")
            found["stages"] = tuple(_build(Stage, stage, "stages") for stage in stages)
        made: Config = _build(cls, found)
        return made

    @property
    def every_mix(self) -> dict[str, float]:
        """Shares of all mixes by name; the first is ``mix``."""
        others = dict(self.mixes)
        return {self.mix: 1 - sum(others.values()), **others}

    @property
    def parts(self) -> tuple[Stage, ...]:
        """The stages with all that they do not name filled in."""
        names = [field.name for field in dataclasses.fields(Stage) if field.name != "steps"]
        head = {name: getattr(self, name) for name in names}
        if not self.stages:
            return (Stage(self.steps, **head),)
        zero_is_said = ("warm_up", "identity", "freeze_norm")

        def own(stage: Stage, name: str) -> bool:
            said: float = getattr(stage, name)
            return said > 0 or (said == 0 and name in zero_is_said)

        return tuple(
            dataclasses.replace(stage, **{name: head[name] for name in names if not own(stage, name)})
            for stage in self.stages
        )

    def place(self, step: int) -> tuple[Stage, int]:
        """Return the stage of a step, and which of its steps this is. After the last step: the last stage."""
        left = step
        for stage in self.parts:
            if left < stage.steps:
                return stage, left
            left -= stage.steps
        return stage, left + stage.steps

    def at(self, step: int) -> Stage:
        """Return the stage of a step."""
        return self.place(step)[0]

    def samples(self, step: int) -> int:
        """Count the samples that have been seen before `step`."""
        seen, left = 0, step
        for stage in self.parts:
            seen += min(left, stage.steps) * stage.batch
            left -= min(left, stage.steps)
        return seen

    def rate_at(self, step: int) -> float:
        """Return the rate: in each stage a linear warm-up, then half a cosine or no change."""
        stage, own = self.place(step)
        if own < stage.warm_up:
            return stage.rate * (own + 1) / stage.warm_up
        if self.decay == "none":
            return stage.rate
        return stage.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, own / stage.steps)))

    def freezes_norm(self, step: int) -> bool:
        """Say whether batch norm uses its running statistics in a step."""
        stage, own = self.place(step)
        return own >= stage.freeze_norm * stage.steps


def _shares(table: Any) -> tuple[tuple[str, float], ...]:
    """Of a recipe's table, or of a checkpoint's pairs."""
    pairs = list(table.items()) if isinstance(table, Mapping) else table
    if not isinstance(pairs, (list, tuple)) or not all(
        isinstance(share, (int, float)) and not isinstance(share, bool) for _, share in pairs
    ):
        raise ValueError("mixes is a table of names and shares, like real = 0.3")
    return tuple((str(name), float(share)) for name, share in pairs)


def _build(kind: Any, table: Any, where: str = "") -> Any:
    if not isinstance(table, Mapping):
        raise ValueError(f"{where} is a table of names and numbers")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name, value in table.items():
        if name not in fields:
            raise ValueError(f"{name} is unknown; there is: {', '.join(fields)}")
        allowed = KINDS.get(str(fields[name].type), (Weights, tuple))
        if isinstance(value, float) and not math.isfinite(value):  # TOML has inf and nan
            raise ValueError(f"{name} is {value!r}, which is no finite number")
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"{name} is {value!r}, which is not of type {fields[name].type}")
    missing = [
        name for name, field in fields.items() if field.default is dataclasses.MISSING and name not in table
    ]
    if missing:
        raise ValueError(f"{', '.join(missing)} is missing")
    return kind(**table)
