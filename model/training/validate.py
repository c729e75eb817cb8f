"""Judge a network on full 512-pixel flashes of held-out people, beside doing nothing.

The pairs are drawn once from a fixed seed, so that numbers of different checkpoints
compare. PSNR is of the clipped picture against the real `o`, on the full frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from model.data.prepare.pairs import load, read
from model.data.synthesize.cache import Entry, entries
from model.data.synthesize.pairs import Pairs, fixed

from .. import contact_sheet
from ..inference.answers import Answer
from ..paper import equations
from ..psnr import psnr
from .samples import tensors

SEED = 20_26
Network = Callable[[Pairs], Answer]


def held_out_pairs(folder: Path, count: int) -> list[Pairs]:
    """`count` pairs, one at a time, of as many held-out people."""
    known = entries(folder)
    people: dict[str, Entry] = {}
    for entry in known:
        if entry.held_out:
            people.setdefault(entry.person, entry)
    order = np.random.default_rng(SEED).permutation(len(people))[:count]
    chosen = [list(people.values())[i] for i in order]
    training = [entry for entry in known if not entry.held_out]
    return [fixed(folder, training, [entry], [SEED, i]).pairs() for i, entry in enumerate(chosen)]


def held_out_real(folder: Path, count: int) -> list[Pairs]:
    """Return the first `count` real pairs of held-out people that can be read, one at a time."""
    found: list[Pairs] = []
    for pair in read(folder):
        if pair.held_out and len(found) < count:
            with suppress(ValueError):
                found.append(tensors([load(pair)]))
    return found


@torch.no_grad()
def judge(network: Network, pairs: Sequence[Pairs]) -> tuple[dict[str, float], list[Tensor]]:
    """Means over `pairs`, and the network's pictures (3, 512, 512). No skin is known: no numbers of it."""
    answers = [network(pair) for pair in pairs]
    rows = [_row(pair, answer) for pair, answer in zip(pairs, answers, strict=True)]
    names = {name: None for row in rows for name in row}
    means = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    return means, [picture[0] for _, picture in answers]


def _row(pair: Pairs, answer: Answer) -> dict[str, float]:
    (y, picture), t = answer, equations.target(pair.bl_x, pair.bl_o)
    skin, square = (pair.skin > 0.5).float(), (picture - pair.o) ** 2
    row = {
        "loss_eq1": float(equations.loss(y, t)),
        "loss_lambda1": float(equations.loss(y, t, 1.0)),
        "accuracy": float(equations.accuracy(y, t)),
        "psnr": psnr(float(square.mean())),
    }
    if skin.any():
        row["psnr_skin"] = psnr(float((square * skin).sum() / (3 * skin.sum())))
    return row


def do_nothing(pair: Pairs) -> Answer:
    """y = 1/2."""
    return Answer(torch.full_like(pair.bl_x, 0.5), pair.x)


def sheet(path: Path, pairs: Sequence[Pairs], pictures: Sequence[Tensor], columns: int = 2) -> None:
    """Write triples flash | network | studio at half size."""
    cells = []
    for pair, picture in zip(pairs, pictures, strict=True):
        row = torch.cat([pair.x[0], picture, pair.o[0]], dim=2).permute(1, 2, 0).numpy()
        cells.append(cv2.resize(row, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    grid = contact_sheet.grid(cells, columns)
    contact_sheet.save(path, (grid * 255 + 0.5).astype(np.uint8))
