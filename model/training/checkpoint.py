"""Checkpoints of a training run, and the other files a network can start from.

Written whole or not at all; read as tensors and plain values only, so that a file from a stranger can
do nothing but be wrong. Every error is a sentence.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..networks.network import Network
from ..networks.registry import NETWORKS, PAPER_NETWORK, create, find

KEYS: Final = ("step", "seconds", "average", "config")
NOT_WEIGHTS: Final = ("num_batches_tracked", "encoder.mean")  # a file may lack these
LATER: Final = tuple(find("studio").later)  # heads that older versions lack: they start from nothing
BROKEN: Final = (
    RuntimeError,
    pickle.UnpicklingError,
    EOFError,
    zipfile.BadZipFile,
    ValueError,
    KeyError,
    SafetensorError,
)
PREFIX: Final = "module."  # of `AveragedModel`


def save(path: Path, state: dict[str, Any]) -> None:
    """Write beside, then rename."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any]:
    """Return a checkpoint, on the CPU.

    Raises `ValueError` with a sentence if it is missing or something else.
    """
    state = _read(path)
    if not all(key in state for key in KEYS):
        raise ValueError(f"{path} is not a checkpoint of python -m model train")
    return state


def architecture(state: dict[str, Any]) -> str:
    """Return the name of a checkpoint's network; the first checkpoints, which name none, hold the paper's."""
    return str(state["config"].get("architecture", PAPER_NETWORK))


def averaged(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return a checkpoint's averaged weights, by the network's own names."""
    found = {name.removeprefix(PREFIX): value for name, value in state["average"].items()}
    return {name: value for name, value in found.items() if name != "n_averaged"}


def network(state: dict[str, Any]) -> tuple[Network, nn.Module]:
    """Return a checkpoint's averaged network, ready to run, and its descriptor.

    Raises `ValueError` with a sentence for one of another version.
    """
    descriptor = find(architecture(state))
    module = descriptor.build()
    try:
        module.load_state_dict(averaged(state))
    except RuntimeError as error:
        raise ValueError(f"the checkpoint is of another version of {descriptor.name}") from error
    module.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
    return descriptor, module


def start(network: nn.Module, path: Path) -> None:
    """Put the weights of a checkpoint or of a shipped .safetensors into `network`.

    Raises `ValueError` with a sentence if they are not there, or of another network.
    """
    state = _read(path)
    state = averaged(state) if "average" in state else state
    expected = network.state_dict()
    needed = {
        name
        for name in expected
        if not name.endswith(NOT_WEIGHTS) and (name in state or not name.startswith(LATER))
    }
    shapes = {name: tuple(getattr(value, "shape", ())) for name, value in state.items() if name in needed}
    if shapes != {name: tuple(expected[name].shape) for name in needed}:
        hint = _kind(set(state))
        raise ValueError(f"{path} holds {hint}, which does not fit the config's architecture")
    network.load_state_dict(state, strict=False)


def tensors(path: Path) -> dict[str, np.ndarray]:
    """Return a plain state dict, in numpy.

    Raises `ValueError` with a sentence if the file holds something else.
    """
    state = _read(path)
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError("it is not a dictionary of tensors")
    return {str(name): value.float().numpy() for name, value in state.items()}


def _read(path: Path) -> dict[Any, Any]:
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or 'no such file'}") from error
    except BROKEN as error:
        raise ValueError(f"{path} is damaged, or holds no weights") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no weights by name")
    return state


def _kind(names: set[str]) -> str:
    with torch.device("meta"):
        known = {name: set(create(name).state_dict()) for name in NETWORKS}
    for name, expected in known.items():
        if {key for key in expected if not key.endswith(NOT_WEIGHTS)} <= names:
            return f"a {name!r} network"
    return "another network"
