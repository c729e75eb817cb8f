"""``python -m model look CHECKPOINT PICTURES... --out PNG``: a checkpoint on real photographs.

Numbers on synthetic flashes say little about real ones; this is what to look at while
training. Shows each face's 512-pixel crop: photograph | eq. (4) | the predicted difference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from model.data.synthesize.portraits import Unfit, frame

from ..inference.answers import answer
from ..networks.network import Network
from ..networks.registry import find
from ..paper.bilateral import filter_crop
from ..training import checkpoint


def load(path: Path) -> tuple[Network, nn.Module]:
    """Read the averaged network of a checkpoint, ready to run. Raises `ValueError` with a sentence."""
    state = checkpoint.load(path)
    network = find(checkpoint.architecture(state))
    module = network.build()
    module.load_state_dict(checkpoint.averaged(state))
    module.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
    return network, module


def retouched(network: Network, module: nn.Module, crop: np.ndarray) -> np.ndarray:
    """(512, 512, 3) uint8 -> (512, 1536, 3) uint8: before, after, difference about grey."""
    x = np.asarray(crop / 255, np.float32)
    image, filtered = (torch.from_numpy(part).permute(2, 0, 1)[None] for part in (x, filter_crop(x)))
    y, after = (part[0].permute(1, 2, 0).numpy() for part in answer(network, module, image, filtered))
    row = np.hstack([x, after, 1 - y])
    return np.asarray(row * 255 + 0.5, np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all shown; 1: some pictures left out; 2: nothing to show, or nowhere to write it."""
    parser = argparse.ArgumentParser(prog="python -m model look", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args(arguments)
    rows, left = [], 0
    try:
        network, module = load(a.checkpoint)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    for path in a.pictures:
        try:
            rows.append(retouched(network, module, frame(path).crop))
        except Unfit as reason:
            left += 1
            print(f"{path} is left out: {reason}", file=sys.stderr)
    if not rows or not a.out.parent.is_dir():
        problem = "has no folder" if rows else "is not written, there is no face to show"
        print(f"{parser.prog}: {a.out} {problem}", file=sys.stderr)
        return 2
    rows += [np.zeros_like(rows[0])] * (len(rows) % 2)
    pairs = [np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)]
    cv2.imwrite(str(a.out), np.vstack(pairs)[..., ::-1])
    return min(1, left)
