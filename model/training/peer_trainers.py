"""How the learned peers are trained: the same samples, checkpoints and log as ours, their own objectives."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from model.data.synthesize.pairs import Pairs
from model.training.config import Config
from model.training.trainer import Trainer

from ..networks import hdrnet, pix2pix

BETAS: Final = (0.5, 0.999)  # of Pix2Pix's Adam


class Regression(Trainer):
    """HDRNet, its section 3.5: the square error of the picture, where both pictures are."""

    def __init__(self, config: Config, device: torch.device):
        super().__init__(config, device)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=config.rate, weight_decay=hdrnet.WEIGHT_DECAY
        )

    def _loss(self, pairs: Pairs) -> Tensor:
        valid = inside(pairs)
        error = (self.network(pairs.x) - pairs.o) ** 2
        return (error * valid).sum() / (3 * valid.sum()).clip(1)


class Adversarial(Trainer):
    """Pix2Pix: generator and discriminator, a step each, both from the state before.

    The loss that is reported is the generator's, GAN + 100 L1.
    """

    def __init__(self, config: Config, device: torch.device):
        super().__init__(config, device)
        width = pix2pix.HALF if config.architecture.endswith("half") else pix2pix.FULL
        self.critic = pix2pix.Discriminator(width).to(device, memory_format=torch.channels_last)
        self.optimiser, self.critic_optimiser = (
            torch.optim.Adam(part.parameters(), lr=config.rate, betas=BETAS, fused=True)
            for part in (self.network, self.critic)
        )

    def _improve(self, pairs: Pairs) -> float:
        for optimiser in (self.optimiser, self.critic_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = self.config.rate_at(self.step)
            optimiser.zero_grad(set_to_none=True)
        torch.manual_seed(self.config.seed * 2**32 + self.step)  # the noise: the same in a resumed run
        with torch.autocast(self.device.type, torch.bfloat16):
            found = pix2pix.losses(self.critic, pairs.x, pairs.o, self.network(pairs.x), inside(pairs))
        found.generator.backward(inputs=list(self.network.parameters()))
        found.discriminator.backward()
        self.optimiser.step()
        self.critic_optimiser.step()
        return float(found.generator.detach())

    def state(self) -> dict[str, Any]:
        """For `checkpoint.save`: the discriminator too."""
        critic = {"critic": self.critic.state_dict(), "critic_optimiser": self.critic_optimiser.state_dict()}
        return {**super().state(), **critic}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from `state`. Raises `ValueError` with a sentence if it is of another network."""
        super().resume(state)
        self.critic.load_state_dict(state["critic"])
        self.critic_optimiser.load_state_dict(state["critic_optimiser"])


def inside(pairs: Pairs) -> Tensor:
    """(N, 1, H, W), 1 where both pictures are: skin and background count alike, as in the papers."""
    return (pairs.weight > 0).float()


KINDS: Final[dict[str, type[Trainer]]] = {
    "hdrnet": Regression,
    "pix2pix": Adversarial,
    "pix2pix-half": Adversarial,
}


def create(config: Config, device: torch.device) -> Trainer:
    """The trainer of the config's architecture."""
    return KINDS.get(config.architecture, Trainer)(config, device)
