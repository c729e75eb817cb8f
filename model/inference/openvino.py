"""Run a network with OpenVINO on a processor, an optional extra.

The graph is a conversion of the network's module. It is kept on the user's disk under the hash of all that it
is made of, so that only the first load imports torch: later ones start sooner and need some hundred megabytes
less.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from model.errors import Cancelled

from .threads import limit

if TYPE_CHECKING:
    from .pytorch import Loaded

Array = NDArray[np.float32]

NAME: Final = "openvino"
VERSION: Final = str(ov.__version__)
POLL_MILLISECONDS: Final = 50
PARTS: Final = ("body", "finish")
TRACED: Final = 128  # pixels: the module is traced on a small picture, then given its real size
WORTH: Final = 1.1  # how many times as fast 16 bits must be on this processor to be taken
TURNS: Final = 3


class Engine:
    """A graph that answers y. Calling it: (N, size, size, 3) float32 BL(x) -> its outputs by name.

    parts: body and finish, apart, so that one setting keeps all of the second in fp32. outputs: names of what
    the second gives. precision: "bf16" or "f32", for the body.
    """

    name = NAME

    def __init__(self, parts: Sequence[ov.Model], outputs: Sequence[str], precision: str) -> None:
        core = ov.Core()
        self._requests = [
            core.compile_model(part, "CPU", _hints(kind)).create_infer_request()
            for part, kind in zip(parts, (precision, "f32"), strict=True)
        ]
        self._outputs = outputs
        self.device = "cpu"

    def __call__(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Array]:
        """Predict. Maps come as (N, h, w, channels). Raises `Cancelled`."""
        answers = [self._one(crops[i : i + 1], cancelled) for i in range(len(crops))]
        return {
            name: np.concatenate([answer[i] for answer in answers]) for i, name in enumerate(self._outputs)
        }

    def _one(self, crop: Array, cancelled: Callable[[], bool]) -> list[Array]:
        features = _infer(self._requests[0], [crop], cancelled)
        return [output.copy() for output in _infer(self._requests[1], [crop, *features], cancelled)]


def _infer(request: ov.InferRequest, values: list[Array], cancelled: Callable[[], bool]) -> list[Array]:
    """Return the outputs, which last until the request's next run. A cancel is seen between layers."""
    stopped = cancelled()
    if not stopped:
        request.start_async(dict(enumerate(values)), share_inputs=True)
    while not (stopped or request.wait_for(POLL_MILLISECONDS)):
        stopped = cancelled()
    if stopped:
        request.cancel()
        with contextlib.suppress(RuntimeError):  # which says that it was cancelled
            request.wait()
        raise Cancelled
    return [tensor.data for tensor in request.output_tensors]


def _hints(precision: str) -> dict[str, str]:
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    if (most := limit()) is not None:
        hints["INFERENCE_NUM_THREADS"] = str(most)
    return hints


def convert(loaded: Loaded, size: int = 512) -> list[ov.Model]:
    """Convert the two parts of a network's module for crops of `size` pixels, NHWC in and out."""
    import torch

    from .pytorch import folded

    class Part(torch.nn.Module):
        """One part, NHWC outside."""

        def __init__(self, inner: Any, part: str) -> None:
            super().__init__()
            self.inner, self.part = inner, part

        def forward(self, image: torch.Tensor, *features: torch.Tensor) -> tuple[torch.Tensor, ...]:
            """As `TwoPart`."""
            picture = image.permute(0, 3, 1, 2)
            if self.part == "body":
                found: tuple[torch.Tensor, ...] = self.inner.body(picture)
                return found
            answer = loaded.select(self.inner.finish(picture, *features))
            return tuple(value.permute(0, 2, 3, 1) for value in answer)

    ready = folded(loaded.module)
    small = torch.rand(1, TRACED, TRACED, 3)
    inputs: tuple[torch.Tensor, ...] = (small,)
    shapes: list[list[int]] = [[1, size, size, 3]]
    models = []
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have its exporter used, OpenVINO takes both
        for name in PARTS:
            part = Part(ready, name).eval()
            traced = torch.jit.trace(part, inputs, check_trace=False)
            model = ov.convert_model(traced, example_input=inputs, input=shapes)
            models.append(model)
            if name == "body":
                inputs = (small, *part(small))
                shapes += [list(output.get_shape()) for output in model.outputs]
    return models


def faster(body: ov.Model) -> str:
    """Measure whether a body runs faster in bf16 on this processor: "bf16" or "f32"."""
    core = ov.Core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return "f32"
    small = body.clone()
    small.reshape([1, TRACED, TRACED, 3])
    picture = np.full((1, TRACED, TRACED, 3), 0.4, np.float32)
    requests = {
        kind: core.compile_model(small, "CPU", _hints(kind)).create_infer_request()
        for kind in ("bf16", "f32")
    }
    best = dict.fromkeys(requests, float("inf"))
    for _ in range(TURNS + 1):  # by turns, so that other work on the machine slows both; the first warms up
        for kind, request in requests.items():
            begin = time.perf_counter()
            request.infer([picture])
            best[kind] = min(best[kind], time.perf_counter() - begin)
    return "bf16" if best["bf16"] * WORTH < best["f32"] else "f32"


def save(models: Sequence[ov.Model], folder: Path) -> None:
    """Write the parts into a folder."""
    for name, model in zip(PARTS, models, strict=True):
        ov.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)


def read(folder: Path) -> list[ov.Model]:
    """Read what `save` wrote. Raises `RuntimeError` for damaged files."""
    core = ov.Core()
    return [core.read_model(folder / f"{name}.xml") for name in PARTS]
