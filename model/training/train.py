"""``python -m model train CONFIG --cache DIR --run DIR``: train a network, and show how it goes.

RUN gets last.pt, log.jsonl, curve.png and samples_*.png of held-out people. A run ends at the config's
last step, after ``--minutes``, or at SIGTERM after the step in hand, always with a checkpoint;
``--resume`` goes on from it as if nothing had happened, also after a kill.

A network with VGG-16's encoder starts from ``--init imagenet|vggface --encoder FILE`` (layouts:
`model.training.encoders`); any network from ``--init FILE``, a checkpoint or a .safetensors of ours; or
from nothing: ``--init none``.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from model import command_line
from model.command_line import at_least
from model.data.synthesize.pairs import Pairs, draw
from model.networks.registry import find

from . import checkpoint, encoders, trainers, validate
from .config import Config
from .progress import Log, Ticker, curve, numbers
from .samples import Sources, batches, draw_real, sources
from .trainer import Trainer

CHECKPOINT: Final = "last.pt"
LOG_EVERY: Final = 20  # steps
STARTING_PICTURES: Final = 8  # that the encoder's scale is measured on
STARTING_SIZE: Final = 256

Judged = dict[str, list[Pairs]]  # held-out pairs by the name of their row in the log


@dataclass(frozen=True)
class InitialWeights:
    """The network's first weights. init: "none", one of `encoders.KINDS`, or a file's path."""

    init: str
    encoder: Path | None

    def check(self, config: Config) -> None:
        """Check the choice. Raises `ValueError` with a sentence for what does not go together."""
        published = self.init in encoders.KINDS
        if published and not self.encoder:
            raise ValueError(f"--init {self.init} needs its file; give --encoder FILE")
        if self.encoder and not published:
            raise ValueError("--encoder goes with --init imagenet or --init vggface only")
        has_encoder = find(config.architecture).published_encoder
        if published and not has_encoder:
            raise ValueError(
                f"{config.architecture!r} has no encoder to start from; use --init none or a file"
            )
        if self.init == "none" and has_encoder and config.freeze_encoder > 0:
            raise ValueError(
                "the encoder would stay random; give --init imagenet --encoder FILE, "
                "or set freeze_encoder = 0 in the config"
            )

    def apply(self, trainer: Trainer, known: Sources) -> None:
        """Put the weights into the network."""
        config, pictures = trainer.config, list[Tensor]()
        if self.init in encoders.KINDS and self.encoder:
            encoders.load(trainer.network.encoder, self.init, self.encoder)
        elif self.init != "none":
            checkpoint.start(trainer.network, Path(self.init))
        if find(config.architecture).published_encoder and self.init in ("none", *encoders.KINDS):
            pictures = [_first_pictures(known, config).bl_x]
        trainer.started(pictures)


def _first_pictures(known: Sources, config: Config) -> Pairs:
    """Return what the encoder's scale is measured on: samples that no step will see."""
    seed = [config.seed, config.steps]
    if known.cache:
        return draw(known.cache, known.portraits, STARTING_PICTURES, STARTING_SIZE, seed)
    return draw_real(known.real, config.at(0), STARTING_PICTURES, np.random.default_rng(seed))


@dataclass(frozen=True)
class Run:
    """One call: where its samples come from, where its results go, and when it ends."""

    config: Config
    folder: Path
    cache: Path | None
    pairs: Path | None
    start: InitialWeights
    resume: bool
    workers: int
    seconds: float

    def __call__(self) -> int:
        """Train; returns how many real pairs had to be left out.

        Raises `ValueError` with a sentence if it cannot even begin.
        """
        state = self._state()
        known = sources(self.cache, self.pairs, self.config.real)
        command_line.tell_left_out(known.left_out)
        trainer = trainers.create(self.config, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        log = Log(self.folder)
        if state:
            trainer.resume(state)
            log.rewind(trainer.step)
        else:
            self.start.apply(trainer, known)
            self.folder.mkdir(parents=True, exist_ok=True)
        judged = self._held_out()
        if not log.lines():
            for name, pairs in judged.items():
                key = name.replace("held_out", "do_nothing")
                log.add({"step": trainer.step, key: validate.judge(validate.do_nothing, pairs)[0]})
        self._train(trainer, known, log, judged)
        return len(known.left_out)

    def _state(self) -> dict[str, Any] | None:
        """Return the checkpoint to go on from, None for a new run. Raises `ValueError` with a sentence."""
        last = self.folder / CHECKPOINT
        if self.resume:
            return checkpoint.load(last)
        if last.exists():
            raise ValueError(f"{self.folder} holds a run already; give --resume, or another folder")
        self.start.check(self.config)
        return None

    def _held_out(self) -> Judged:
        found: Judged = {}
        if self.cache:
            found["held_out"] = validate.held_out_pairs(self.cache, self.config.held_out)
        if self.pairs:
            found["held_out_real"] = validate.held_out_real(self.pairs, self.config.held_out)
        return {name: pairs for name, pairs in found.items() if pairs}

    def _train(self, trainer: Trainer, known: Sources, log: Log, judged: Judged) -> None:
        config = self.config
        losses: list[float] = []
        stopped: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
        ticker = Ticker(trainer.step, config.steps, self.seconds)
        since = time.monotonic()
        for batch in batches(known, config, trainer.step, self.workers, trainer.device):
            losses.append(trainer.learn(batch))
            if not math.isfinite(losses[-1]):
                raise self._diverged(trainer.step)
            trainer.seconds += time.monotonic() - since
            since = time.monotonic()
            ends = trainer.step == config.steps or ticker.spent()
            if trainer.step % LOG_EVERY == 0:
                mean = sum(losses) / len(losses)
                log.add({"step": trainer.step, "loss": mean, "seconds": trainer.seconds})
                ticker.show(trainer.step, mean)
                losses.clear()
            if trainer.step % config.checkpoint_every == 0 or ends or stopped:
                if not trainer.is_finite():
                    raise self._diverged(trainer.step)
                checkpoint.save(self.folder / CHECKPOINT, trainer.state())
            if stopped:
                break
            if trainer.step % config.validate_every == 0 or ends:
                self._judge(trainer, log, judged, ticker)
            if ends:
                break

    def _diverged(self, step: int) -> ValueError:
        """Say that the run led nowhere: its last checkpoint is from before, and stays."""
        why = f"the numbers of step {step} are not finite; lower the rate"
        there = (self.folder / CHECKPOINT).exists()
        return ValueError(why + ", then --resume goes on from the last checkpoint" * there)

    def _judge(self, trainer: Trainer, log: Log, judged: Judged, ticker: Ticker) -> None:
        for name, pairs in judged.items():
            row, pictures = validate.judge(trainer.answer, pairs)
            kind = name.removeprefix("held_out")
            log.add({"step": trainer.step, name: row})
            ticker.say(f"step {trainer.step}, {name}: {numbers(row)}")
            try:
                validate.sheet(self.folder / f"samples{kind}_{trainer.step:06d}.png", pairs, pictures)
            except OSError as error:  # a picture to look at is not worth the run
                ticker.say(str(error))
        curve(log)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: trained to its end or to SIGTERM; 1: interrupted, or pairs left out; 2: not begun, or diverged."""
    try:
        return command_line.run(_parser(), _run, arguments)
    except KeyboardInterrupt:
        print("interrupted; --resume goes on from the last checkpoint", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    start = InitialWeights(options.init or ("imagenet" if options.encoder else "none"), options.encoder)
    sources = (options.cache, options.pairs)
    limits = (options.resume, options.workers, options.minutes * 60)
    return min(1, Run(Config.read(options.config), options.run, *sources, start, *limits)())


def _parser() -> argparse.ArgumentParser:
    parser = command_line.parser("train", __doc__)
    add = parser.add_argument
    add("config", type=Path, metavar="RECIPE", help="such as those of model/training/recipes")
    add("--cache", type=Path, help="made by python -m model synthesize cache")
    add("--pairs", type=Path, help="real pairs, made by python -m model prepare")
    add("--run", type=Path, required=True, help="folder for checkpoints, log and pictures")
    init = "imagenet, vggface, none or a network's file; default: none, or imagenet with --encoder"
    add("--init", metavar="WEIGHTS", help=init)
    add("--encoder", type=Path, metavar="FILE", help="a published VGG-16")
    add("--resume", action="store_true", help="go on from the run's last checkpoint")
    add("--minutes", type=at_least(0, float), default=math.inf, help="stop after this long")
    workers = "processes that make samples on the CPU; 0: none, they are made on the device that trains"
    add("--workers", type=at_least(0), default=1, help=workers)
    return parser
