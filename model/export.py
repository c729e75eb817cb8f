"""``python -m model.export CHECKPOINT --log LOG``: a checkpoint as the weights file that is served.

fp16 halves the file and costs nothing that can be seen; the layers keep the network's
own names, so that training can start from the file. Writes the safetensors, the JSON
that `model.predictor` reads, and the model card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from . import card, checkpoint
from .deepflash import DeepFlash, count_parameters
from .predictor import WEIGHTS

NAME = "deepflash"
LICENCE = "CC BY 4.0"


def averaged(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The averaged network's tensors, by the network's own names."""
    prefix = "module."
    kept = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    return {name: value for name, value in kept.items() if not name.endswith("num_batches_tracked")}


def export(state: dict[str, Any], held_out: dict[str, Any], hardware: str, folder: Path = WEIGHTS) -> Path:
    """Write NAME.safetensors, NAME.json and NAME.md into `folder`. state: a training checkpoint."""
    network = DeepFlash()
    tensors = averaged(state["average"])
    network.load_state_dict(tensors, strict=False)
    half = {name: value.to(torch.float16).contiguous() for name, value in tensors.items()}
    for name, value in half.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} does not fit into fp16")
    data = save(half)
    folder.mkdir(exist_ok=True)
    file = folder / f"{NAME}.safetensors"
    _write(file, data)
    config = state["config"]
    facts = {
        "name": NAME,
        "file": file.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "default": True,
        "parameters": count_parameters(network),
        "licence": LICENCE,
        "trained": {
            "hardware": hardware,
            "steps": state["step"],
            "samples": state["step"] * config["batch"],
            "seconds": round(state["seconds"]),
            "resolution": f"{config['size']} px crops of 512 px framings",
            "held_out": held_out,
        },
    }
    _write(folder / f"{NAME}.json", (json.dumps(facts, indent=2) + "\n").encode())
    _write(folder / f"{NAME}.md", card.text(facts).encode())
    return file


def _write(path: Path, data: bytes) -> None:
    """Beside, then rename: a server may be reading the old file."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    os.replace(part, path)


def results(log: Path, state: dict[str, Any]) -> dict[str, Any]:
    """The held-out numbers of a checkpoint from its run's log, and those of doing nothing."""
    found: dict[str, Any] = {}
    for line in log.read_text("utf-8").splitlines():
        row = json.loads(line)
        if "do_nothing" in row:
            found["do_nothing"] = row["do_nothing"]
        if "held_out" in row and row["step"] == state["step"]:
            found["network"] = row["held_out"]
    rounded = {name: {key: round(value, 5) for key, value in row.items()} for name, row in found.items()}
    return {"pictures": state["config"]["held_out"], **rounded}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m model.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--log", type=Path, required=True, help="the run's log.jsonl")
    parser.add_argument(
        "--hardware", default=f"{os.cpu_count()} cores, {platform.machine()}", help="for the description"
    )
    a = parser.parse_args()
    state = checkpoint.load(a.checkpoint)
    file = export(state, results(a.log, state), a.hardware)
    print(file, file.stat().st_size)


if __name__ == "__main__":
    main()
