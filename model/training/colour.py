"""``python -m model colour FILE --cache DIR --out FOLDER``: fit studio's colour of the person to its weights.

Exposure and colour are three numbers a picture, which a step of training sees once and among much else. Here
each picture is rendered and looked at once; what the network finds on its skin, and the gains of R, G and B
by which its answer misses the target there, are then gone through many times. Nothing else of the network
changes. FILE: a .safetensors of ours with its .json beside it. Both are written into FOLDER, which may be the
one that they lie in.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from model import command_line
from model.command_line import at_least
from model.data.synthesize.cache import Entry
from model.data.synthesize.flash import named
from model.data.synthesize.pairs import Pairs, fixed, weights
from model.errors import Unusable
from model.evaluation.metrics import skin_regions
from model.inference import predictor
from model.inference.weights import NetworkInfo, available, choose
from model.networks.studio import SHRINK, STUDIO, PersonColour, Studio, of_the_skin
from model.paper import equations

from . import export
from .samples import trainable

MIXES: Final = {"real": 0.76, "hard": 0.06, "still": 0.18}
TOGETHER: Final = 4  # pictures that are rendered together
DARKEST: Final = 0.02  # sRGB: what is darker has no colour that could be missed
LEAST: Final = 10  # pictures that show skin
SHOW_EVERY: Final = 50  # renderings
EPOCHS: Final = 60
BATCH: Final = 64
RATE: Final = 1e-3
DECAY: Final = 0.05  # AdamW's
DROPOUT: Final = 0.15
SOFT: Final = 0.02  # ln gain: below this error the distance is rounded off
FLAT: Final = 0.02  # a feature that varies by less says nothing


@dataclass(frozen=True)
class Looks(Dataset[tuple[Tensor, Tensor]]):
    """What the network finds on the skin of pictures, (n, features), and the gains that it lacks, (n, 3)."""

    network: Studio
    cache: Path
    portraits: Sequence[Entry]
    pictures: int
    seed: int

    def __len__(self) -> int:
        return -(-self.pictures // TOGETHER)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, index])
        mix = named(str(rng.choice(list(MIXES), p=list(MIXES.values()))))
        picks = rng.choice(len(self.portraits), TOGETHER, p=weights(self.portraits))
        chosen = [self.portraits[i] for i in picks]
        shot = fixed(self.cache, self.portraits, chosen, [self.seed, index, 1], mix, SHRINK)
        return looked_at(self.network, shot.pairs())


@torch.no_grad()
def looked_at(network: Studio, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Return the features (n, F) and the ln gains (n, 3) that are missed, of pairs at the working size."""
    levels = network.levels(pairs.bl_x)
    prediction = network.predicted(pairs.bl_x, levels, 1)
    o_hat = equations.reconstruct(pairs.x, prediction.y).clip(0, 1)
    means = of_the_skin(levels, prediction.skin.sigmoid())
    skin = F.interpolate(pairs.skin, scale_factor=float(SHRINK))[:, 0].numpy() > 0.5
    found = []
    for i, bare in enumerate(skin):
        where = torch.from_numpy(skin_regions(bare)[::SHRINK, ::SHRINK].copy())
        if where.any():
            true, own = (side[i][:, where].median(dim=1).values.clip(DARKEST) for side in (pairs.o, o_hat))
            found.append((means[i], (true / own).log()))
    if not found:
        return torch.zeros(0, means.shape[1]), torch.zeros(0, 3)
    return torch.stack([mean for mean, _ in found]), torch.stack([gain for _, gain in found])


def fit(means: Tensor, gains: Tensor, colour: PersonColour, seed: int) -> float:
    """Train `colour`; returns the mean distance in ln gains that is left, of these pictures.

    means: (n, F); gains: (n, 3), the truth. It takes features as they are: what brings them to one scale
    while it is trained is put into its first layer.
    """
    torch.manual_seed(seed)
    middle, spread = means.mean(0), means.std(0).clip(FLAT)
    scaled = (means - middle) / spread
    made = PersonColour()
    network = nn.Sequential(nn.Dropout(DROPOUT), made.first, nn.ReLU(), nn.Dropout(DROPOUT), made.last)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for some in torch.randperm(len(scaled)).split(BATCH):
            off = network(scaled[some]) - gains[some]
            loss = ((off * off).sum(1) + SOFT * SOFT).sqrt().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    with torch.no_grad():
        left = _missed(network.eval()(scaled), gains)
        made.first.bias.sub_(made.first.weight @ (middle / spread))
        made.first.weight.div_(spread)
    colour.load_state_dict(made.state_dict())
    return left


def _missed(predicted: Tensor, truth: Tensor) -> float:
    return float((predicted - truth).norm(dim=1).mean())


def fitted(
    info: NetworkInfo, cache: Path, pictures: int, seed: int, workers: int
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the file's tensors with the fitted colour, and what the description has to say of it.

    Raises `BadWeights` or `ValueError` with a sentence for a file or a cache that is none.
    """
    loaded = predictor.module(info)
    network = loaded.module
    if not isinstance(network, Studio):
        sentence = f"{info.name} is of {info.architecture}; only {STUDIO.name} has the person's colour apart."
        raise Unusable(sentence)
    if "skin" not in loaded.outputs:
        raise Unusable(f"{info.name} is an older network, which does not see the skin; train it further.")
    network.colour = PersonColour().requires_grad_(False)  # which changes nothing yet
    looks = Looks(network, cache, trainable(cache), pictures, seed)
    if workers:  # which share the processor already, and inherit this
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
    begun = time.monotonic()
    parts: list[tuple[Tensor, Tensor]] = []
    for part in DataLoader(looks, batch_size=None, num_workers=workers):
        parts.append(part)
        if len(parts) % SHOW_EVERY == 0:
            seconds = time.monotonic() - begun
            print(f"{len(parts) * TOGETHER} of {pictures} pictures, {seconds:.0f} s", flush=True)
    means, gains = (torch.cat(side) for side in zip(*parts, strict=True))
    if len(means) < LEAST:
        raise Unusable(f"skin is seen in {len(means)} pictures only; look at more with --pictures")
    before = _missed(torch.zeros_like(gains), gains)
    left = fit(means, gains, network.colour, seed)
    print(f"these pictures' gains (ln) are missed by {before:.4f} without it, by {left:.4f} with it")
    tensors = export.without_counters(network.state_dict())
    told = {"samples": len(means), "seed": seed, "epochs": EPOCHS, "seconds": round(time.monotonic() - begun)}
    return tensors, told


def main(arguments: Sequence[str] | None = None) -> int:
    """0: written. 2: not, and why is on stderr."""
    parser = command_line.parser("colour", __doc__)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="a .safetensors of studio's")
    add("--cache", type=Path, required=True, help="made by python -m model synthesize cache")
    add("--out", type=Path, required=True, help="folder for the new file and its description")
    add("--pictures", type=at_least(1), default=16_000, help="how many to look at (default: 16000)")
    add("--seed", type=at_least(0), default=1)
    add("--workers", type=at_least(0), default=2, help="processes that render and look; 0: none")
    return command_line.run(parser, _run, arguments)


def _run(options: argparse.Namespace) -> int:
    info = choose(options.file.stem, available(options.file.parent))
    info.check()
    if info.file.name != options.file.name:
        raise Unusable(f"The description of {info.name} is of {info.file.name}, not of {options.file.name}.")
    facts = json.loads(options.file.with_suffix(".json").read_text("utf-8"))
    tensors, told = fitted(info, options.cache, options.pictures, options.seed, options.workers)
    facts |= {"default": False, "trained": {**info.trained, "colour": told}}
    export.tell(export.write(options.out, tensors, facts))
    return 0
