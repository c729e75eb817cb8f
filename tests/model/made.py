"""Networks and checkpoints made for the tests: random weights, batch norm statistics that matter."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from model.data.synthesize import cache
from model.data.synthesize.maps import COUNT, DEPTH_MIN, DEPTH_STEP, PLANES, add_light
from model.networks.deepflash import DeepFlash
from model.networks.hdrnet import HDRNet
from model.networks.registry import create
from model.networks.studio import STUDIO, Studio
from model.paper.preprocessing import CURRENT
from model.training.config import Config
from model.training.export import export
from tests.sample import CHECKOUT

CONFIGS = {
    DeepFlash: CHECKOUT / "model/training/recipes/first.toml",
    Studio: CHECKOUT / "model/training/recipes/studio.toml",
    HDRNet: CHECKOUT / "model/training/recipes/hdrnet_12k.toml",
}


def network(architecture: str, seed: int = 7) -> Any:
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
    last = made.grid if isinstance(made, HDRNet) else getattr(made, "head", None)
    for convolution in (module for module in made.modules() if isinstance(module, nn.Conv2d)):
        if convolution is not last and convolution.kernel_size != (1, 1):
            nn.init.kaiming_normal_(convolution.weight)
    if isinstance(made, HDRNet):
        nn.init.normal_(made.grid.weight, std=0.02)
    elif isinstance(made, DeepFlash):
        made.head.weight.data *= 30
    elif isinstance(last, nn.Conv2d):
        nn.init.normal_(last.weight, std=0.03)
        nn.init.uniform_(last.bias, -0.1, 0.1)
    if isinstance(made, Studio):
        nn.init.normal_(made.colour.last.weight, std=0.02)
    return made


def state_of(made: nn.Module) -> dict[str, np.ndarray]:
    """As `model.inference.predictor` reads it from a file."""
    return {name: value.numpy() for name, value in made.state_dict().items()}


def checkpoint_of(made: nn.Module) -> dict[str, Any]:
    """As training writes it."""
    config = Config.read(CONFIGS[type(made)])
    average = {f"module.{name}": value for name, value in made.state_dict().items()}
    return {"average": average, "step": 3, "seconds": 1.0, "config": dataclasses.asdict(config)}


@functools.cache
def _checkpoint(architecture: str, seed: int) -> dict[str, Any]:
    return checkpoint_of(network(architecture, seed))


def exported(folder: Path, name: str = "", architecture: str = "studio", seed: int = 7) -> Path:
    """Put a fresh network into `folder` as it is shipped; the first there is the default one."""
    return export(_checkpoint(architecture, seed), folder, name)


def round_person(colour: tuple[int, int, int], size: int = 512) -> np.ndarray:
    """A cached portrait's planes (size, size, COUNT): an egg of one colour before a grey wall."""
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
    add_light(planes)
    return planes


def pictures(count: int, size: int) -> Tensor:
    """(count, 3, size, size): smooth."""
    coarse = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(9))
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clip(0, 1)


PEOPLE = ("p0", "p7")  # held out by their names' hash


def portraits(folder: Path, people: Sequence[str]) -> None:
    """A portraits' folder with a training cache in it: round people who are held out, and p1, who is not."""
    known = []
    for name in (*people, "p1"):
        np.save(folder / f"{name}.npy", round_person((200, 160, 140)))
        known.append(cache.Entry(name, "pif", name, name in people, 16.0, 0.65))
    (folder / cache.INDEX).write_text(json.dumps([asdict(entry) for entry in known]))
    rows = [f"{entry.name}.jpg,pif,{entry.person}" for entry in known]
    (folder / "manifest.csv").write_text("\n".join(["file,source,person", *rows]) + "\n")


def fresh_weights(folder: Path) -> None:
    """A network as it is before training: it does nothing."""
    state = {name: value for name, value in Studio().state_dict().items() if "num_batches" not in name}
    data = save({name: value.half().contiguous() for name, value in state.items()})
    (folder / "fresh.safetensors").write_bytes(data)
    facts = {
        "name": "fresh",
        "architecture": "studio",
        "caption": "Fresh.",
        "answer": "y",
        "preprocessing": asdict(CURRENT),
        "constants": dict(STUDIO.constants),
        "file": "fresh.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "default": True,
        "parameters": 1,
        "licence": "CC BY 4.0",
        "trained": {
            "hardware": "paper",
            "steps": 1,
            "samples": 2,
            "seconds": 3,
            "resolution": "none",
            "before": "rest",
        },
    }
    (folder / "fresh.json").write_text(json.dumps(facts))
