"""Crops of several callers go through the network together, and everybody gets their own answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.inference.predictor import load
from server.batch.batching import BatchingPredictor
from tests.sample import SELFIE
from tests.server.running import PATIENCE, wait_for


def test_many_callers_one_batch() -> None:
    """The real network, on PyTorch as on a GPU; held up at first, so that calls gather."""
    network: Any = load(device="cpu", engine="pytorch")
    crop = np.asarray(Image.open(SELFIE).resize((512, 512)), np.float32) / 255
    crops = [np.stack([crop * (0.6 + 0.1 * number)] * (1 + number % 2)) for number in range(4)]
    alone = [network.components(own)[0].light for own in crops]
    gathered = BatchingPredictor(network)
    real, first, held = network.components, threading.Event(), threading.Event()

    def slow(together: Any) -> Any:
        first.set()
        held.wait(PATIENCE)
        return real(together)

    network.components = slow
    with ThreadPoolExecutor(8) as pool:
        early = pool.submit(gathered.components, crops[0])
        first.wait(PATIENCE)
        later = [pool.submit(gathered.components, own) for own in crops]
        wait_for(lambda: gathered._waiting.qsize() == len(crops))
        held.set()
        answers = [answer.result() for answer in later]
        assert len(early.result()) == 1
    assert gathered.largest == 6
    for own, found, expected in zip(crops, answers, alone, strict=True):
        assert len(found) == len(own)
        assert np.abs(found[0].light - expected).max() < 0.02


def test_a_fault_reaches_everybody_and_the_next_call_is_served() -> None:
    network: Any = load(device="cpu")
    real = network.components

    def fails(crops: Any) -> Any:
        raise MemoryError

    gathered = BatchingPredictor(network)
    crop = np.full((1, 512, 512, 3), 0.5, np.float32)
    network.components = fails
    with pytest.raises(MemoryError):
        gathered.components(crop)
    network.components = real
    assert len(gathered.components(crop)) == 1
