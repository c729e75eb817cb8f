"""What a step of training sees: synthetic flashes, real pairs, or both, made ahead in other processes.

Every batch follows from the seed and the step's number alone, so a resumed run sees what it would
have seen. People who are held out are left out here, by the hash of their name, whatever an index says.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model.data.prepare.augment import WHOLE, views
from model.data.prepare.crop import sample
from model.data.prepare.pairs import Pair, load, read
from model.data.synthesize.cache import Entry, entries, planes
from model.data.synthesize.flash import named
from model.data.synthesize.pairs import Pairs, draw
from model.data.synthesize.portraits import Portrait

from ..paper.bilateral import SIZE, filter_crop
from .config import Config, Stage

AHEAD: Final = 3  # batches a process makes before they are asked for
CPU: Final = torch.device("cpu")
MAKE_CACHE: Final = "make one with: python -m model synthesize cache"


@dataclass(frozen=True)
class Batch(Pairs):
    """Pairs of both kinds. known: (N, 1, 1, 1), 1 where shine and shadow are the truth, 0 for real pairs."""

    known: Tensor

    def pin_memory(self) -> Batch:
        """For `DataLoader`: in memory from which a GPU reads by itself."""
        return Batch(**{name: part.pin_memory() for name, part in vars(self).items()})


@dataclass(frozen=True)
class Sources:
    """Where samples come from.

    real: the pairs to train on. share: how many of the samples are real. left_out: sentences about pairs
    that cannot be read.
    """

    cache: Path | None
    portraits: Sequence[Entry]
    real: Sequence[Pair]
    share: float
    left_out: Sequence[str] = ()


def sources(cache: Path | None, pairs: Path | None, share: float) -> Sources:
    """Everything that may be trained on; real pairs alone when there is no cache.

    Raises `ValueError` with a sentence for a folder that is empty, incomplete or not of its kind.
    """
    if not cache and not pairs:
        raise ValueError("nothing to train on; give --cache, --pairs or both")
    if cache and pairs and share == 0:
        raise ValueError("the config takes no sample from --pairs; set its share there, like real = 0.5")
    if cache and not pairs and share > 0:
        raise ValueError("the config wants real pairs; give --pairs, or set real = 0")
    real, left_out = readable([pair for pair in read(pairs) if not pair.held_out]) if pairs else ([], [])
    if pairs and not real:
        raise ValueError(f"{pairs} has no pairs to train on; its people are held out, or its files missing")
    return Sources(cache, trainable(cache) if cache else [], real, share if cache else 1.0, left_out)


def readable(pairs: Sequence[Pair]) -> tuple[list[Pair], list[str]]:
    """Return the pairs whose pictures can be read, and sentences about the others."""
    good, left_out = [], []
    for pair in pairs:
        try:
            load(pair)
            good.append(pair)
        except ValueError as error:
            left_out.append(str(error))
    return good, left_out


def trainable(cache: Path) -> list[Entry]:
    """Return the portraits of a cache whose people are not held out. Raises `ValueError` with a sentence."""
    try:
        found = entries(cache)
    except FileNotFoundError as error:
        raise ValueError(f"{cache} is not a cache of portraits; {MAKE_CACHE}") from error
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"the index of {cache} is damaged; {MAKE_CACHE}") from error
    known = [entry for entry in found if not (entry.held_out or held_out(entry))]
    if not known:
        raise ValueError(f"{cache} has no portraits to train on; {MAKE_CACHE}")
    broken = [entry.name for entry in found if not _whole(cache, entry.name)]
    if broken:
        raise ValueError(
            f"{len(broken)} maps of {cache} are missing or damaged, like {broken[0]}; {MAKE_CACHE}"
        )
    return known


def _whole(cache: Path, name: str) -> bool:
    try:
        planes(cache, name)
    except (OSError, ValueError):
        return False
    return True


def held_out(entry: Entry) -> bool:
    """By the hash of the person's name."""
    return Portrait(entry.name, entry.source, entry.person).held_out


def draw_real(known: Sequence[Pair], stage: Stage, count: int, rng: np.random.Generator) -> Pairs:
    """`count` real pairs, each in one of the paper's twenty views, cut and shrunk as `stage` says."""
    picked = [_real(known[int(rng.integers(len(known)))], stage, rng) for _ in range(count)]
    return tensors(picked, stage.shrink)


def tensors(pictures: Sequence[tuple[np.ndarray, np.ndarray]], shrink: int = 1) -> Pairs:
    """Pairs x, o, each (H, W, 3) float32 sRGB in [0, 1], as a batch.

    Skin, shine and shadow are 0 and theta is that of a whole crop: they are not known.
    """

    def stack(pictures: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()

    x, o = [x for x, _ in pictures], [o for _, o in pictures]
    bl_x, bl_o = ([filter_crop(picture, shrink) for picture in side] for side in (x, o))
    one = torch.ones(len(x), 1, *x[0].shape[:2])
    zero = torch.zeros_like(one)
    whole = torch.eye(2, 3).repeat(len(x), 1, 1)
    return Pairs(
        stack(x), stack(o), stack(bl_x), stack(bl_o), one, zero, zero, zero, whole, zero, zero[:, :, :1, :1]
    )


def _real(pair: Pair, stage: Stage, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x, o = load(pair)
    _, matrix = list(views(WHOLE))[int(rng.integers(20))]
    side = SIZE // stage.shrink
    left, top = rng.integers(0, side - stage.size + 1, 2)

    def cut(picture: np.ndarray) -> np.ndarray:
        view = sample(picture, matrix).clip(0, 1)
        if stage.shrink > 1:
            view = cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(view[top : top + stage.size, left : left + stage.size])

    return cut(x), cut(o)


class Steps(Dataset[Batch]):
    """The batches from step `first` on. device: where flashes are rendered and the batches lie."""

    def __init__(self, known: Sources, config: Config, first: int, device: torch.device = CPU):
        self.known, self.config, self.first, self.device = known, config, first, device

    def __len__(self) -> int:
        return max(0, self.config.steps - self.first)

    def __getitem__(self, index: int) -> Batch:
        step, seed = self.first + index, self.config.seed
        stage = self.config.at(step)
        rng = np.random.default_rng([seed, step, 1])
        real = int(rng.binomial(stage.batch, self.known.share))
        parts = list(self._flashes(step, stage, stage.batch - real, rng)) if self.known.cache else []
        if real:
            parts.append(draw_real(self.known.real, stage, real, rng))
        together = {
            name: torch.cat([vars(part)[name].to(self.device) for part in parts]) for name in vars(parts[0])
        }
        known = torch.ones(stage.batch, 1, 1, 1, device=self.device)
        known[stage.batch - real :] = 0
        return Batch(**together, known=known)

    def _flashes(self, step: int, stage: Stage, count: int, rng: np.random.Generator) -> Iterator[Pairs]:
        """Yield `count` flashes in all, those of each mix together."""
        folder, portraits = self.known.cache, self.known.portraits
        mixes = self.config.every_mix
        counts = rng.multinomial(count, list(mixes.values())) if len(mixes) > 1 and count else [count]
        for number, (name, own) in enumerate(zip(mixes, counts, strict=False)):
            if own and folder:
                seeds = [self.config.seed, step, *([number + 1] if number else [])]  # 1 is `rng`'s own
                form = (stage.size, seeds, stage.shrink, self.device, named(name))
                yield draw(folder, portraits, int(own), *form)


def batches(
    known: Sources, config: Config, first: int, workers: int, device: torch.device
) -> Iterator[Batch]:
    """Return the batches from step `first` on.

    workers: processes that make them on the CPU; 0: this process makes them, on `device`.
    """
    ahead: dict[str, Any] = {"prefetch_factor": AHEAD} if workers else {}
    steps = Steps(known, config, first, CPU if workers else device)
    cv2.setNumThreads(1)  # inherited: the processes share the processor already
    pinned = workers > 0 and device.type == "cuda"
    if workers:
        ahead["worker_init_fn"] = _leave_signals_to_the_trainer
    return iter(
        DataLoader(steps, batch_size=None, shuffle=False, num_workers=workers, pin_memory=pinned, **ahead)
    )


def _leave_signals_to_the_trainer(number: int) -> None:
    """Ignore signals to the whole process group: the run ends after its step and needs samples until then."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
