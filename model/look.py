"""``python -m model.look CHECKPOINT PICTURES... --out PNG``: a checkpoint on real photographs.

Numbers on synthetic flashes say little about real ones; this is what to look at while
training. Shows each face's 512-pixel crop: photograph | eq. (4) | the predicted difference.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from . import checkpoint, equations
from .bilateral import filter_crop
from .deepflash import DeepFlash
from .export import averaged
from .synthesize.portraits import Unfit, frame


def load(path: Path) -> DeepFlash:
    """The averaged network of a checkpoint, ready to run."""
    network = DeepFlash()
    network.load_state_dict(averaged(checkpoint.load(path)["average"]), strict=False)
    return network.eval().to(memory_format=torch.channels_last)


@torch.no_grad()
def retouched(network: DeepFlash, crop: np.ndarray) -> np.ndarray:
    """(512, 512, 3) uint8 -> (512, 1536, 3) uint8: before, after, difference about grey."""
    x = np.asarray(crop / 255, np.float32)
    image = torch.from_numpy(filter_crop(x)).permute(2, 0, 1)[None]
    with torch.autocast("cpu", torch.bfloat16):
        y: Tensor = network(image.contiguous(memory_format=torch.channels_last))
    prediction = y[0].float().permute(1, 2, 0).numpy()
    after = equations.reconstruct(x, prediction).clip(0, 1)
    row = np.hstack([x, after, 1 - prediction])
    return (row * 255 + 0.5).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m model.look", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    network, rows = load(a.checkpoint), []
    for path in a.pictures:
        try:
            rows.append(retouched(network, frame(path).crop))
        except Unfit as reason:
            print(f"{path}: {reason}")
    rows += [np.zeros_like(rows[0])] * (len(rows) % 2)
    pairs = [np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)]
    cv2.imwrite(str(a.out), np.vstack(pairs)[..., ::-1])


if __name__ == "__main__":
    main()
