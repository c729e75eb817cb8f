"""How each network is trained: the same samples, checkpoints and log, its own loss and freezing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import torch
from torch import Tensor

from model.data.synthesize.pairs import Pairs

from ..inference.pytorch import autocast
from ..networks import hdrnet, pix2pix
from ..networks.registry import find
from ..networks.studio import Prediction
from ..paper import equations
from . import losses
from .config import Config
from .encoders import even_out
from .recogniser import Recogniser
from .samples import Batch
from .trainer import Trainer

BETAS: Final = (0.5, 0.999)  # of Pix2Pix's Adam
ENCODER_RATE: Final = 0.1  # of the decoder's rate: the published encoder knows more than a short training


class DifferenceTrainer(Trainer):
    """Any network's that answers y: eq. (1) and the offset that it cannot see."""

    def __init__(self, config: Config, device: torch.device):
        super().__init__(config, device)
        self._body: Callable[[Tensor], tuple[Tensor, ...]] = _compiled(self.network.body, config, device)

    def _loss(self, pairs: Pairs) -> Tensor:
        image = pairs.bl_x.contiguous(memory_format=torch.channels_last)
        with autocast(self.device):
            features = self._body(image)
        y = self.network.finish(image, *(feature.float() for feature in features))[0]
        t = equations.target(pairs.bl_x, pairs.bl_o)
        weight = pairs.weight if self.config.weighted else (pairs.weight > 0).float()
        loss: Tensor = equations.loss(y, t, self.config.offset_weight, weight)
        absolute: Tensor = (2 * (y - t).abs() * weight).mean()
        return loss + self.config.absolute * absolute


class PublishedEncoderTrainer(DifferenceTrainer):
    """As the paper does it: the encoder stays as published for a while."""

    def __init__(self, config: Config, device: torch.device):
        super().__init__(config, device)
        self.network.encoder.requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.trained(), lr=config.rate)

    def started(self, pictures: Sequence[Tensor]) -> None:
        """Bring the encoder to the decoder's scale, measured on `pictures`."""
        if pictures:
            even_out(self.network.encoder, [picture.to(self.device) for picture in pictures])
        super().started(pictures)

    def _loss(self, pairs: Pairs) -> Tensor:
        served = self.network.shrink
        self.network.shrink = self.shrink
        try:
            return super()._loss(pairs)
        finally:
            self.network.shrink = served  # held-out people are looked at as they will be served

    def _before(self) -> None:
        """Train the encoder too, from some step on. Its own group: Adam knows nothing of it yet."""
        config = self.config
        due = config.freeze_encoder < 1 and self.step >= config.freeze_encoder * config.steps
        if due and len(self.optimiser.param_groups) == 1:
            self.network.encoder.requires_grad_(True)
            encoder = list(self.network.encoder.parameters())
            self.optimiser.add_param_group({"params": encoder, "share": ENCODER_RATE})


class StudioTrainer(Trainer):
    """Our own network's: `losses.studio`, and the face as a recogniser sees it where it is asked for."""

    def __init__(self, config: Config, device: torch.device):
        super().__init__(config, device)
        asked = any(stage.identity for stage in config.parts)
        self._recogniser = Recogniser.load().to(device) if asked else None
        self._predict: Callable[..., Prediction] = _compiled(self.network.predict, config, device)

    def _loss(self, pairs: Pairs) -> Tensor:
        image = pairs.bl_x.contiguous(memory_format=torch.channels_last)
        with autocast(self.device):
            output = self._predict(image, self.shrink)
        known = pairs.known if isinstance(pairs, Batch) else None
        loss: Tensor = losses.studio(output, pairs, known, self.config.losses)
        share = self.config.at(self.step).identity
        if self._recogniser is None or not share:
            return loss
        with autocast(self.device):
            return loss + share * losses.identity(output.y, pairs, self._recogniser, known)


def _compiled(function: Any, config: Config, device: torch.device) -> Any:
    return torch.compile(function) if config.compile and device.type == "cuda" else function


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
        mean: Tensor = (error * valid).sum() / (3 * valid.sum()).clip(1)
        return mean


class Adversarial(Trainer):
    """Pix2Pix: generator and discriminator, a step each, both from the state before.

    The loss that is reported is the generator's, GAN + 100 L1.
    """

    def __init__(self, config: Config, device: torch.device):
        super().__init__(config, device)
        self.critic = pix2pix.Discriminator(self.network.width).to(device)
        self.critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
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
        with autocast(self.device):
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


def create(config: Config, device: torch.device) -> Trainer:
    """Make the trainer that the recipe's network names."""
    module, _, name = find(config.architecture).trainer.partition(":")
    made: Trainer = getattr(import_module(module), name)(config, device)
    return made
