"""One step of training, and everything that a checkpoint must hold to go on as if nothing had happened.

The same code runs on a CPU and on a GPU (bf16 where it has it, channels_last; compiled where the recipe says
so). What a step does follows from its number, so nothing else has to be remembered. What differs between
networks, their loss above all, is in `trainers`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model.data.synthesize.flash import named
from model.data.synthesize.pairs import Pairs

from ..inference.answers import Answer, answer
from ..networks.registry import find
from ..paper.preprocessing import CURRENT
from . import checkpoint
from .config import Config

LARGEST_GRADIENT = 1.0  # norm of all of them


class Trainer:
    """The network, its moving average and the optimiser."""

    def __init__(self, config: Config, device: torch.device):
        torch.manual_seed(config.seed)
        self.config, self.device, self.step = config, device, 0
        self.seconds = 0.0
        self.descriptor = find(config.architecture)
        self.network: Any = self.descriptor.build().to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
        self._start_average()
        self.optimiser = torch.optim.Adam(self.trained(), lr=config.rate)

    def _loss(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch, a scalar."""
        raise NotImplementedError

    def _start_average(self) -> None:
        ema = get_ema_multi_avg_fn(self.config.average)
        self.average = AveragedModel(self.network, multi_avg_fn=ema, use_buffers=True)
        if not self.config.average:
            self.average.module = self.network  # copying every step took a fifth of Pix2Pix's time

    @property
    def shrink(self) -> int:
        """How much smaller the network works than the crops of the step in hand are."""
        return max(1, self.descriptor.scale // self.config.at(self.step).shrink)

    def trained(self) -> list[nn.Parameter]:
        """List the parameters that have gradients."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def started(self, pictures: Sequence[Tensor]) -> None:
        """Begin with the weights that were put into the network: the average starts there too.

        pictures: BL(x) in batches as the network takes them, for whatever must be measured on them; empty
        where the weights come from a run of ours.
        """
        self._start_average()

    def _before(self) -> None:
        """Change what is trained before the step in hand."""

    def learn(self, pairs: Pairs) -> float:
        """Take one step; returns the loss."""
        self._before()
        self.network.train()
        if self.config.freezes_norm(self.step):
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        moved = {name: part.to(self.device, non_blocking=True) for name, part in vars(pairs).items()}
        loss = self._improve(type(pairs)(**moved))
        if self.config.average:
            self.average.update_parameters(self.network)
        self.step += 1
        return loss

    def is_finite(self) -> bool:
        """Whether all weights are numbers, as only those of a run that did not diverge are."""
        return all(bool(torch.isfinite(weight).all()) for weight in self.network.parameters())

    def _improve(self, pairs: Pairs) -> float:
        """Change the weights once; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate_at(self.step) * group.get("share", 1.0)
        loss = self._loss(pairs)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained(), LARGEST_GRADIENT)
        self.optimiser.step()
        return float(loss.detach())

    def answer(self, pairs: Pairs) -> Answer:
        """Ask the averaged network what it makes of x."""
        self.average.eval()
        found: Answer = answer(self.descriptor, self.average.module, pairs.x, pairs.bl_x)
        return found

    def state(self) -> dict[str, Any]:
        """Return all that `checkpoint.save` keeps."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "config": dataclasses.asdict(self.config),
            "preprocessing": dataclasses.asdict(CURRENT),
            "flashes": {name: dataclasses.asdict(named(name)) for name in self.config.every_mix},
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from `state`. Raises `ValueError` with a sentence if it is of another network."""
        theirs = checkpoint.architecture(state)
        if theirs != self.config.architecture:
            raise ValueError(f"the checkpoint is of a {theirs!r} network, the config of another")
        if not {"network", "optimiser"} <= state.keys():
            raise ValueError("the checkpoint holds a finished network only, nothing to go on with")
        self.step, self.seconds = state["step"], state["seconds"]
        if len(state["optimiser"]["param_groups"]) > len(self.optimiser.param_groups):
            self._before()  # what it adds was there already; else the next step adds it
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
        except RuntimeError as error:
            raise ValueError("the checkpoint is of another version of the network") from error
