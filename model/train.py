"""``python -m model.train CONFIG --cache DIR --run DIR --encoder FILE``: train DeepFlash's decoder.

One readable loop. Every step's samples follow from the seed and the step's number, so
a resumed run sees what it would have seen. The encoder stays as published and needs no
backward pass. SIGTERM ends it after the step in hand, with a checkpoint; ``--resume`` goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from . import checkpoint, equations, losses, validate
from .config import Config
from .deepflash import DeepFlash
from .encoders import even_out, load_imagenet
from .networks import create
from .studio import SHRINK, Studio
from .synthesize.cache import Entry, entries
from .synthesize.pairs import Pairs, draw

CHECKPOINT = "last.pt"
LOG = "log.jsonl"
LOG_EVERY = 20  # steps
CHECKPOINT_EVERY = 50


class Steps(Dataset[Pairs]):
    """Batch number `step`, made from scratch."""

    def __init__(self, cache: Path, known: list[Entry], config: Config, first: int):
        self.cache, self.known, self.config, self.first = cache, known, config, first

    def __len__(self) -> int:
        return self.config.steps - self.first

    def __getitem__(self, index: int) -> Pairs:
        step, seed = self.first + index, self.config.seed
        stage = self.config.at(step)
        return draw(self.cache, self.known, stage.batch, stage.size, [seed, step], stage.shrink)


class Trainer:
    """The network, its moving average and the optimiser: everything a checkpoint holds."""

    def __init__(self, config: Config, device: torch.device):
        torch.manual_seed(config.seed)
        self.config, self.device, self.step = config, device, 0
        self.seconds = 0.0
        self.network = create(config.architecture).to(device, memory_format=torch.channels_last)
        if isinstance(self.network, DeepFlash):
            self.network.encoder.requires_grad_(False)
        self._start_average()
        self.optimiser = torch.optim.Adam(self.trained(), lr=config.rate)

    def _start_average(self) -> None:
        ema = get_ema_multi_avg_fn(self.config.average)
        self.average = AveragedModel(self.network, multi_avg_fn=ema, use_buffers=True)

    def trained(self) -> list[nn.Parameter]:
        """The parameters that have gradients."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def start(self, encoder: Path, pictures: list[Tensor]) -> None:
        """Load the published encoder and bring its features to the decoder's scale."""
        assert isinstance(self.network, DeepFlash)
        load_imagenet(self.network.encoder, encoder)
        even_out(self.network.encoder, [picture.to(self.device) for picture in pictures])
        self._start_average()

    def learn(self, pairs: Pairs) -> float:
        """One step; returns the loss."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate_at(self.step)
        self.network.train()
        if self.step >= config.freeze_norm * config.steps:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        loss = self._loss(Pairs(**{name: part.to(self.device) for name, part in vars(pairs).items()}))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return float(loss.detach())

    def _loss(self, pairs: Pairs) -> Tensor:
        image = pairs.bl_x.contiguous(memory_format=torch.channels_last)
        if isinstance(self.network, Studio):
            with torch.autocast(self.device.type, torch.bfloat16):
                prediction = self.network.predict(image, SHRINK // self.config.at(self.step).shrink)
            return losses.studio(prediction, pairs)
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.no_grad():
                features = self.network.encoder(image)
            logits = self.network.decode(features)
        t = equations.target(pairs.bl_x, pairs.bl_o)
        return equations.loss(torch.sigmoid(logits.float()), t, self.config.offset_weight, pairs.weight)

    def predict(self, bl_x: Tensor) -> Tensor:
        """y of the averaged network."""
        self.average.eval()
        with torch.autocast(self.device.type, torch.bfloat16), torch.no_grad():
            image = bl_x.to(self.device).contiguous(memory_format=torch.channels_last)
            y: Tensor = self.average(image)
        return y.float().cpu()

    def state(self) -> dict[str, Any]:
        """For `checkpoint.save`."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "config": dataclasses.asdict(self.config),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.step, self.seconds = state["step"], state["seconds"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])


def batches(cache: Path, known: list[Entry], config: Config, first: int, workers: int) -> Iterator[Pairs]:
    """The batches from step `first` on, made ahead in other processes."""
    ahead: dict[str, Any] = {"prefetch_factor": 3} if workers else {}
    steps = Steps(cache, known, config, first)
    cv2.setNumThreads(1)  # inherited: the processes share the processor already
    return iter(DataLoader(steps, batch_size=None, shuffle=False, num_workers=workers, **ahead))


def run(config: Config, cache: Path, folder: Path, encoder: Path | None, resume: bool, workers: int) -> None:
    """Train to the config's last step; log, checkpoints and contact sheets go into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    known = [entry for entry in entries(cache) if not entry.held_out]
    if resume:
        trainer.resume(checkpoint.load(folder / CHECKPOINT))
    elif encoder:
        trainer.start(encoder, [draw(cache, known, 8, 256, [config.seed, config.steps]).bl_x])
    pairs = validate.held_out_pairs(cache, config.held_out)
    _log(folder, {"step": trainer.step, "do_nothing": validate.judge(validate.do_nothing, pairs)[0]})
    losses: list[float] = []
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    since = time.monotonic()
    for batch in batches(cache, known, config, trainer.step, workers):
        losses.append(trainer.learn(batch))
        trainer.seconds += time.monotonic() - since
        since = time.monotonic()
        if trainer.step % LOG_EVERY == 0:
            _log(
                folder, {"step": trainer.step, "loss": sum(losses) / len(losses), "seconds": trainer.seconds}
            )
            losses.clear()
        if trainer.step % CHECKPOINT_EVERY == 0 or trainer.step == config.steps or stopped:
            checkpoint.save(folder / CHECKPOINT, trainer.state())
        if stopped:
            break
        if trainer.step % config.validate_every == 0 or trainer.step == config.steps:
            numbers, pictures = validate.judge(trainer.predict, pairs)
            validate.sheet(folder / f"sheet_{trainer.step:06d}.png", pairs, pictures)
            _log(folder, {"step": trainer.step, "held_out": numbers})


def _log(folder: Path, line: dict[str, Any]) -> None:
    with (folder / LOG).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m model.train", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="made by python -m model.synthesize cache")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints, log and pictures")
    parser.add_argument("--encoder", type=Path, help="ImageNet VGG-16, .npz")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--workers", type=int, default=1, help="processes that make samples")
    a = parser.parse_args()
    run(Config.read(a.config), a.cache, a.run, a.encoder, a.resume, a.workers)


if __name__ == "__main__":
    main()
