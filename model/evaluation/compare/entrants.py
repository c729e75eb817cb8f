"""Who takes part: the shipped networks, the networks of training runs, and headshot style transfer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from model.evaluation.flashes import Sample
from model.evaluation.metrics import eight_bit
from model.evaluation.systems import Outcome, System, network
from model.inference import predictor
from model.inference.answers import answer
from model.inference.predictor import HEADSHOT
from model.networks.headshot_example import Face
from model.networks.network import Network
from model.networks.registry import count_parameters
from model.training import checkpoint
from model.training.export import recipe
from model.training.progress import LOG
from model.training.train import CHECKPOINT

NO_TRAINING: Final[dict[str, Any]] = {}


@dataclass
class Entrant:
    """One row. Calling it: as `System`, timed. trained: what `model.training.export` says of a training run.

    log: of the run, None where it is not at hand. seconds: of every call but the first.
    """

    name: str
    system: System
    parameters: int
    trained: dict[str, Any]
    log: Path | None = None
    seconds: list[float] = field(default_factory=list)
    _warm: bool = False

    def __call__(self, sample: Sample) -> Outcome:
        """Judge a sample and keep the time it took, the first one's left out."""
        begin = time.perf_counter()
        outcome = self.system(sample)
        if self._warm:
            self.seconds.append(time.perf_counter() - begin)
        self._warm = True
        return outcome

    @property
    def milliseconds(self) -> float | None:
        """Median of a 512-pixel crop, filtering of the result for its y included."""
        return round(1e3 * statistics.median(self.seconds), 1) if self.seconds else None


def entrants(
    weights: Path, names: Sequence[str], runs: Sequence[tuple[str, Path]], examples: list[Face]
) -> list[Entrant]:
    """Shipped networks (those of `names`, if any are named), then runs, then headshot style transfer.

    runs: what each is called, "" for its architecture's name, and its folder. One that is called like a
    shipped network only adds its log. Raises `ValueError` or `ModelError` with a sentence.
    """
    found = {}
    known = predictor.available(weights)
    for name in set(names) - {info.name for info in known} - {"none"}:
        raise ValueError(f"there is no network {name!r} in {weights}")
    for info in known:
        if info.name in names or not names:
            loaded = predictor.load(info.name, folder=weights)
            found[info.name] = Entrant(info.name, network(loaded), info.parameters, info.trained)
    for called, run in runs:
        state = checkpoint.load(run / CHECKPOINT)
        name = called or checkpoint.architecture(state)
        if name not in found:
            found[name] = _of_run(name, state)
        found[name].log = run / LOG
    if examples:
        found[HEADSHOT] = Entrant(HEADSHOT, headshot(examples), 0, NO_TRAINING)
    if not found:
        raise ValueError(f"there is no network in {weights} to compare; name a training run with --run")
    return list(found.values())


def _of_run(name: str, state: dict[str, Any]) -> Entrant:
    descriptor, made = checkpoint.network(state)
    return Entrant(name, trained(descriptor, made), count_parameters(made), recipe(state, ""))


def trained(descriptor: Network, made: nn.Module) -> System:
    """Make a system of a network of any kind."""

    def system(sample: Sample) -> Outcome:
        x, bl_x = (torch.from_numpy(part).permute(2, 0, 1)[None] for part in (sample.x, sample.bl_x))
        y, picture = (
            np.ascontiguousarray(part[0].permute(1, 2, 0).numpy())
            for part in answer(descriptor, made, x, bl_x)
        )
        return Outcome(y, eight_bit(picture))

    return system


def headshot(examples: list[Face]) -> System:
    """Each photograph is matched to the example with the most similar face."""
    return network(predictor.matched(examples, as_published=True))
