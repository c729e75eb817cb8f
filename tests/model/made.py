"""Networks and checkpoints made for the tests: random weights, batch norm statistics that matter."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.config import Config
from model.deepflash import DeepFlash
from model.networks import create
from model.studio import Studio
from model.synthesize.maps import COUNT, DEPTH_MIN, DEPTH_STEP, PLANES

CONFIGS = {"deepflash": Path("model/configs/first.toml"), "studio": Path("model/configs/studio.toml")}


def network(architecture: str, seed: int = 7) -> DeepFlash | Studio:
    """He-initialised, with an output that says something."""
    torch.manual_seed(seed)
    made = create(architecture).eval()
    generator = torch.Generator().manual_seed(8)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.1, generator=generator)
            module.bias.data.uniform_(-0.1, 0.1, generator=generator)
    for convolution in (module for module in made.modules() if isinstance(module, nn.Conv2d)):
        if convolution is not made.head and convolution.kernel_size != (1, 1):
            nn.init.kaiming_normal_(convolution.weight)
    if isinstance(made, DeepFlash):
        made.head.weight.data *= 30
    else:
        nn.init.normal_(made.head.weight, std=0.03)
        nn.init.uniform_(made.head.bias, -0.1, 0.1)
    return made


def state_of(made: nn.Module) -> dict[str, np.ndarray]:
    """As `model.predictor` reads it from a file."""
    return {name: value.numpy() for name, value in made.state_dict().items()}


def checkpoint_of(made: DeepFlash | Studio) -> dict[str, Any]:
    """As training writes it."""
    config = Config.read(CONFIGS["studio" if isinstance(made, Studio) else "deepflash"])
    average = {f"module.{name}": value for name, value in made.state_dict().items()}
    return {"average": average, "step": 3, "seconds": 1.0, "config": dataclasses.asdict(config)}


def round_person(colour: tuple[int, int, int], size: int = 512) -> np.ndarray:
    """A cached portrait's planes (size, size, 15): an egg of one colour before a grey wall."""
    y, x = np.mgrid[:size, :size]
    nx, ny = (x - 256) / 150, (y - 260) / 190
    nz = np.sqrt((1 - nx**2 - ny**2).clip(0))
    person = (nz > 0)[..., None]
    planes = np.zeros((size, size, COUNT), np.uint8)
    planes[..., PLANES["studio"]] = np.where(person, colour, 90)
    planes[..., PLANES["scene"]] = planes[..., PLANES["studio"]]
    planes[..., PLANES["normal"]] = 127.5 * (np.stack([nx, ny, nz], -1).clip(-1, 1) + 1)
    planes[..., PLANES["depth"]] = ((10 * nz - 8 - DEPTH_MIN) / DEPTH_STEP)[..., None]
    for name in ("person", "skin", "tone", "shine"):
        planes[..., PLANES[name]] = 255 * person
    planes[..., PLANES["valid"]] = 255
    return planes


def pictures(count: int, size: int) -> Tensor:
    """(count, 3, size, size): smooth."""
    coarse = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(9))
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clip(0, 1)
