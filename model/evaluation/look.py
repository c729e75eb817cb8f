"""``python -m model look CHECKPOINT PICTURES... --out PNG``: a checkpoint on real photographs.

Numbers on synthetic flashes say little about real ones; this is what to look at while
training. Shows each face's 512-pixel crop: photograph | eq. (4) | the predicted difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from model.data.synthesize.portraits import Unfit, frame

from .. import command_line, contact_sheet
from ..errors import Unusable
from ..inference.answers import answer
from ..networks.network import Network
from ..paper.bilateral import filter_crop
from ..training import checkpoint


def retouched(network: Network, module: nn.Module, crop: np.ndarray) -> np.ndarray:
    """(512, 512, 3) uint8 -> (512, 1536, 3) uint8: before, after, difference about grey."""
    x = np.asarray(crop / 255, np.float32)
    image, filtered = (torch.from_numpy(part).permute(2, 0, 1)[None] for part in (x, filter_crop(x)))
    y, after = (part[0].permute(1, 2, 0).numpy() for part in answer(network, module, image, filtered))
    row = np.hstack([x, after, 1 - y])
    return np.asarray(row * 255 + 0.5, np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all shown; 1: some pictures left out; 2: nothing to show, or nowhere to write it."""
    parser = command_line.parser("look", __doc__)
    parser.add_argument("checkpoint", type=Path, help="last.pt of a run")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    return command_line.run(parser, _run, arguments)


def _run(options: argparse.Namespace) -> int:
    network, module = checkpoint.network(checkpoint.load(options.checkpoint))
    rows, left_out = [], []
    for path in options.pictures:
        try:
            rows.append(retouched(network, module, frame(path).crop))
        except Unfit as reason:
            left_out.append(f"{path}: {reason}")
    command_line.tell_left_out(left_out)
    if not rows:
        raise Unusable(f"{options.out} is not written: there is no face to show")
    contact_sheet.save(options.out, contact_sheet.grid(rows, 2))
    return 1 if left_out else 0
