"""The predictor that falls back, alone: whatever fails, the prediction is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.paper.framing import Square
from plugin.studio_portrait.link.wire import Problem
from server.imaging.analysis import Analysis
from server.imaging.colour import ColourSpace
from server.imaging.faces import Face
from server.imaging.run import Run
from server.service.fallback import PROCESSOR, SMALLER, Fallback, leaves_the_device_broken


class Device:
    """Doubles its crops, and has memory for so many at a time."""

    name, weights_sha256, engine = "double", "0" * 64, "numpy"

    def __init__(self, device: str, memory: int):
        self.device, self.memory, self.batch = device, memory, 4
        self.calls: list[int] = []

    def __call__(self, crops: Any, cancelled: Any) -> Any:
        self.calls.append(len(crops))
        if len(crops) > self.memory:
            raise Problem("out-of-memory", "There is not enough memory to run the network.")
        return crops * 2

    def components(self, crops: Any, cancelled: Any) -> list[Any]:
        return list(self(crops, cancelled))


CROPS = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)


@pytest.mark.parametrize(
    ("memory", "calls", "notes"),
    [
        (4, [4], []),
        (2, [4, 2, 2], [SMALLER]),
        (1, [4, 2, 1, 1, 1, 1], [SMALLER]),
        (0, [4, 2, 1], [SMALLER, PROCESSOR]),
    ],
)
def test_smaller_batches_and_then_the_processor(memory: int, calls: list[int], notes: list[str]) -> None:
    card, processor = Device("cuda:0", memory), Device("cpu", 4)
    fallback = Fallback(card, lambda: processor)
    assert np.array_equal(fallback(CROPS), CROPS * 2)
    assert (card.calls, fallback.notes) == (calls, notes)
    assert fallback.device == ("cpu" if PROCESSOR in notes else "cuda:0")
    assert processor.calls == ([1] * 4 if PROCESSOR in notes else [])


def test_no_face_of_a_group_is_left_out_when_the_batches_get_smaller() -> None:
    faces = tuple(Face((100 * i, 50, 40, 40), Square(100 * i + 60, 70, 90), 1.0) for i in range(8))
    fallback = Fallback(Device("cuda:0", 2), lambda: pytest.fail("the device does it"))
    analysis = Analysis((200, 900), ColourSpace(None, 3), faces, fallback)
    parts = analysis.parts(np.full((200, 900, 3), 128, np.uint8), range(8), Run())
    assert len(parts) == 8 and all(part.components is not None for part in parts)
    assert fallback.notes == [SMALLER]


def test_the_next_job_tries_the_device_again() -> None:
    card, made = Device("cuda:0", 0), []

    def on_processor() -> Device:
        made.append(Device("cpu", 4))
        return made[-1]

    fallback = Fallback(card, on_processor)
    fallback(CROPS)
    fallback.begin(lambda: False)
    card.memory = 4
    assert np.array_equal(fallback(CROPS), CROPS * 2)
    assert (fallback.device, fallback.notes) == ("cuda:0", [])
    card.memory = 0
    fallback(CROPS)
    assert len(made) == 1


def test_a_processor_without_memory_says_so() -> None:
    fallback = Fallback(Device("cpu", 0), lambda: pytest.fail("there is no other device"))
    with pytest.raises(Problem) as caught:
        fallback(CROPS)
    assert caught.value.code == "out-of-memory"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("CUDA error: an illegal memory access was encountered", True),
        ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", True),
        ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_which_errors_need_a_new_process(text: str, broken: bool) -> None:
    assert leaves_the_device_broken(RuntimeError(text)) is broken
