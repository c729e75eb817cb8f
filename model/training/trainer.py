"""One step of training, and everything that a checkpoint must hold to go on as if nothing had happened.

The same code runs on a CPU (bf16 autocast, channels_last) and on a GPU (the same, and compiled where the
config says so). What a step does follows from its number, so nothing else has to be remembered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model.data.synthesize.pairs import Pairs

from ..inference.answers import Answer, answer
from ..networks.deepflash import DeepFlash
from ..networks.registry import create
from ..networks.studio import SHRINK, Prediction, Studio
from ..paper import equations
from . import checkpoint, losses
from .config import Config
from .encoders import even_out
from .recogniser import Recogniser
from .samples import Batch

LARGEST_GRADIENT = 1.0  # norm of all of them


class Trainer:
    """The network, its moving average and the optimiser."""

    def __init__(self, config: Config, device: torch.device):
        torch.manual_seed(config.seed)
        self.config, self.device, self.step = config, device, 0
        self.seconds = 0.0
        self.network = create(config.architecture).to(device, memory_format=torch.channels_last)
        if isinstance(self.network, DeepFlash):
            self.network.encoder.requires_grad_(False)
        self.recogniser = Recogniser.load().to(device) if config.identity else None
        self._start_average()
        self.optimiser = torch.optim.Adam(self.trained(), lr=config.rate)
        self._forward: Callable[..., Tensor | Prediction] = (
            self.network.predict if isinstance(self.network, Studio) else self._logits
        )
        if config.compile and device.type == "cuda":
            self._forward = torch.compile(self._forward)

    def _start_average(self) -> None:
        ema = get_ema_multi_avg_fn(self.config.average)
        self.average = AveragedModel(self.network, multi_avg_fn=ema, use_buffers=True)
        if not self.config.average:
            self.average.module = self.network  # copying every step took a fifth of Pix2Pix's time

    def trained(self) -> list[nn.Parameter]:
        """The parameters that have gradients."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def started(self, pictures: list[Tensor]) -> None:
        """After weights were put into the network: the average starts there too.

        pictures: BL(x) in batches as the network takes them; DeepFlash's encoder is brought to the
        decoder's scale with them. Empty: it is at that scale already.
        """
        if isinstance(self.network, DeepFlash) and pictures:
            even_out(self.network.encoder, [picture.to(self.device) for picture in pictures])
        self._start_average()

    def _unfreeze(self) -> None:
        """Train the encoder too, from now on. Its own group: Adam knows nothing of it yet."""
        if isinstance(self.network, DeepFlash) and len(self.optimiser.param_groups) == 1:
            self.network.encoder.requires_grad_(True)
            self.optimiser.add_param_group({"params": list(self.network.encoder.parameters())})

    def learn(self, pairs: Pairs) -> float:
        """One step; returns the loss."""
        config = self.config
        if config.freeze_encoder < 1 and self.step >= config.freeze_encoder * config.steps:
            self._unfreeze()
        self.network.train()
        if self.step >= config.freeze_norm * config.steps:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        moved = {name: part.to(self.device, non_blocking=True) for name, part in vars(pairs).items()}
        loss = self._improve(type(pairs)(**moved))
        if self.config.average:
            self.average.update_parameters(self.network)
        self.step += 1
        return loss

    def _improve(self, pairs: Pairs) -> float:
        """Change the weights once; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate_at(self.step)
        loss = self._loss(pairs)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained(), LARGEST_GRADIENT)
        self.optimiser.step()
        return float(loss.detach())

    def _logits(self, image: Tensor) -> Tensor:
        assert isinstance(self.network, DeepFlash)
        return self.network.decode(self.network.encoder(image))

    def _loss(self, pairs: Pairs) -> Tensor:
        image = pairs.bl_x.contiguous(memory_format=torch.channels_last)
        scale = [SHRINK // self.config.at(self.step).shrink] if isinstance(self.network, Studio) else []
        with torch.autocast(self.device.type, torch.bfloat16):
            output = self._forward(image, *scale)
        if isinstance(output, Prediction):
            known = pairs.known if isinstance(pairs, Batch) else None
            loss = losses.studio(output, pairs, known)
            return loss + self._identity(output.y, pairs, known) if self.recogniser else loss
        t = equations.target(pairs.bl_x, pairs.bl_o)
        weight = pairs.weight if self.config.weighted else (pairs.weight > 0).float()
        return equations.loss(torch.sigmoid(output.float()), t, self.config.offset_weight, weight)

    def _identity(self, y: Tensor, pairs: Pairs, known: Tensor | None) -> Tensor:
        assert self.recogniser is not None
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.config.identity * losses.identity(y, pairs, self.recogniser, known)

    def answer(self, pairs: Pairs) -> Answer:
        """What the averaged network makes of x."""
        self.average.eval()
        return answer(self.average.module, pairs.x, pairs.bl_x)

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
        """Go on from `state`. Raises `ValueError` with a sentence if it is of another network."""
        theirs = checkpoint.architecture(state)
        if theirs != self.config.architecture:
            raise ValueError(f"the checkpoint is of a {theirs!r} network, the config of another")
        if not {"network", "optimiser"} <= state.keys():
            raise ValueError("the checkpoint holds a finished network only, nothing to go on with")
        self.step, self.seconds = state["step"], state["seconds"]
        if len(state["optimiser"]["param_groups"]) > 1:
            self._unfreeze()
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
