"""``python -m model export CHECKPOINT [--name NAME] [--default]``: write a served file.

fp16 halves the file and costs nothing that can be seen; the layers keep the network's
own names, so that training can start from the file. Writes NAME.safetensors and NAME.json,
which `model.inference.predictor` reads. One of the networks in the folder is the default one.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from .. import command_line
from ..errors import Unusable
from ..inference.pytorch import put_together
from ..inference.weights import WEIGHTS
from ..networks.network import Network
from ..networks.registry import PAPER_NETWORK, SHIPPED, find
from ..paper.preprocessing import CURRENT
from . import checkpoint
from .config import Config

LICENCE: Final = "CC BY 4.0"
MEAN: Final = "encoder.mean"  # three numbers, in fp32; only an encoder from VGG-Face has it
OLDER: Final = {"architecture": PAPER_NETWORK, "shrink": 1}  # what the first checkpoints do not say


HINT: Final = "Give the last.pt of a run of python -m model train."


def read(path: Path) -> dict[str, Any]:
    """Return a training checkpoint. Raises `Unusable`."""
    try:
        return checkpoint.load(path)
    except ValueError as error:
        raise Unusable(f"{error}. {HINT}") from error


def export(
    state: dict[str, Any],
    folder: Path = WEIGHTS,
    name: str = "",
    default: bool = False,
    hardware: str = "",
    before: str = "",
    mean: Path | None = None,
) -> Path:
    """Write NAME.safetensors and NAME.json into `folder`; returns the path of the first.

    state: a training checkpoint. name: "" for its architecture's. default: make it the default network,
    which the first one in a folder is anyway, and which one that was replaced stays. before: what the run
    was started from, for the description. mean: weights of the same network, often those that the run was
    started from; the mean of both is written. Raises `Unusable`.
    """
    config = _config(state["config"])
    network = find(config.architecture)
    if not network.served:
        raise Unusable(f"{config.architecture} is there to be compared with, it is not served.")
    name, tensors = name or config.architecture, _weights(state)
    if mean:
        tensors = _mean(tensors, mean)
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise Unusable("A network's name has letters, digits, '.', '-' and '_' only, at most 64.")
    trained = {**recipe(state, hardware), **({"before": before} if before else {})}
    facts = _facts(network, name) | {"default": default, "trained": trained}
    facts["preprocessing"] = state.get("preprocessing", facts["preprocessing"])  # what it was trained with
    return write(folder, tensors, facts)


def write(folder: Path, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> Path:
    """Write tensors in fp16 and their description; returns the first's path. Raises `Unusable`.

    facts: what the description says of the network; what it says of the tensors is put in. One network in
    the folder is the default: this one if `facts` says so, if it was before or if none is.
    """
    parameters, name = _fits(facts["architecture"], tensors), facts["name"]
    data = save(_half(tensors))
    others = _descriptions(folder)
    was = others.pop(folder / f"{name}.json", {}).get("default", False)
    default = facts["default"] or was or not any(other.get("default") for other in others.values())
    path = folder / f"{name}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, data)
    of_file = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    _write_json(path.with_suffix(".json"), {**facts, **of_file, "parameters": parameters, "default": default})
    for other_path, other in others.items():
        if default and other.get("default"):
            _write_json(other_path, {**other, "default": False})
    return path


def tell(file: Path) -> None:
    """Print what was written; on stderr, too, if it takes a shipped network's place and is not that."""
    print(file, file.stat().st_size)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if file.parent.resolve() == WEIGHTS and SHIPPED.get(file.stem, digest) != digest:
        sentence = f"{file.stem} is served only when SHIPPED in networks/registry.py says {digest}."
        print(sentence, file=sys.stderr)


def _facts(network: Network, name: str) -> dict[str, Any]:
    """Return what the description says of the network; `write` puts in what it says of its tensors."""
    return {
        "name": name,
        "architecture": network.name,
        "caption": network.caption,
        "answer": network.answer,
        "default": False,
        "licence": LICENCE,
        "preprocessing": dataclasses.asdict(CURRENT),
        "constants": dict(network.constants),
    }


def recipe(state: dict[str, Any], hardware: str) -> dict[str, Any]:
    """Return what a checkpoint says of its training. Raises `Unusable`."""
    config = _config(state["config"])
    return {
        "hardware": hardware,
        "seed": config.seed,
        "steps": state["step"],
        "samples": config.samples(state["step"]),
        "seconds": round(state["seconds"]),
        "resolution": _resolution(config),
    }


def _weights(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the averaged network's, without batch norm's counters."""
    return without_counters(checkpoint.averaged(state))


def without_counters(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leave out what batch norm has counted: nothing of it is in a file."""
    return {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}


def _mean(tensors: dict[str, torch.Tensor], file: Path) -> dict[str, torch.Tensor]:
    """Return the mean of these and of a file's tensors. Raises `Unusable` for another network's."""
    try:
        others = load_file(file)
    except (OSError, SafetensorError) as error:
        raise Unusable(f"{file} holds no weights of ours ({error}).") from error
    shapes, theirs = ({name: value.shape for name, value in side.items()} for side in (tensors, others))
    if shapes != theirs:
        raise Unusable(f"{file} is of another network than the checkpoint.")
    return {name: (value + others[name].float()) / 2 for name, value in tensors.items()}


def _descriptions(folder: Path) -> dict[Path, dict[str, Any]]:
    """Return the networks' JSON files that are there."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise Unusable(f"{path} cannot be read: mend or delete it first.") from error
    return found


def _config(table: dict[str, Any]) -> Config:
    older = {name: value for name, value in table.items() if name != "finish" or value}
    try:
        return Config.of({**OLDER, **older})
    except (TypeError, ValueError) as error:
        raise Unusable(f"The checkpoint's settings are of another version ({error}).") from error


def _resolution(config: Config) -> str:
    sizes = dict.fromkeys((stage.size, 512 // stage.shrink) for stage in config.parts)
    return ", then ".join(f"{size} px crops of {framing} px framings" for size, framing in sizes)


def _fits(architecture: str, tensors: dict[str, torch.Tensor]) -> int:
    """Return the network's number of parameters. Raises `Unusable` for another network's tensors."""
    arrays = {name: value.float().numpy() for name, value in tensors.items()}
    try:
        module = put_together(find(architecture), arrays).module
    except KeyError as error:
        reason = str(error).strip("'").splitlines()[0]
        raise Unusable(f"The checkpoint is of another network than {architecture}: {reason}.") from error
    return sum(part.numel() for name, part in module.named_parameters() if name in tensors)


def _half(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    half = {name: value.to(torch.float16).contiguous() for name, value in tensors.items() if name != MEAN}
    half |= {name: tensors[name].contiguous() for name in (MEAN,) if name in tensors}
    for name, value in half.items():
        if not torch.isfinite(value).all():
            raise Unusable(f"The checkpoint's {name} is not finite or does not fit into fp16.")
    return half


def _write_json(path: Path, facts: dict[str, Any]) -> None:
    _write(path, (json.dumps(facts, indent=2) + "\n").encode())


def _write(path: Path, data: bytes) -> None:
    """Beside, then rename: a server may be reading the old file."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    os.replace(part, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: written. 2: not, and why is on stderr."""
    parser = command_line.parser("export", __doc__)
    add = parser.add_argument
    add("checkpoint", type=Path, help="last.pt of a run of python -m model train")
    add("--name", default="", help="the network's name (default: its architecture's)")
    add("--default", action="store_true", help="make it the default network")
    add("--folder", type=Path, default=WEIGHTS, help="where to (default: the shipped networks)")
    hardware = f"{os.cpu_count()} cores, {platform.machine()}"
    add("--hardware", default=hardware, help="what it was trained on, for the description")
    add("--mean", type=Path, help="weights of the same network: the mean of both is written", metavar="FILE")
    add("--before", default="", help="what the run was started from (--init FILE), for the description")
    return command_line.run(parser, _run, arguments)


def _run(options: argparse.Namespace) -> int:
    described = (options.name, options.default, options.hardware, options.before, options.mean)
    file = export(read(options.checkpoint), options.folder, *described)
    tell(file)
    return 0
