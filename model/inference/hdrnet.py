"""`model.networks.hdrnet.HDRNet` as it is served: the grid on the device, the slicing on the processor.

Not in terms of `layers.Ops`: its grid is sliced at the photograph's full size, which OpenVINO has no
operation for, so that PyTorch is needed anyway.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from model.inference.rendering import Rendering
from model.networks.hdrnet import HDRNet, renderings

from .layers import State
from .pytorch import NAME, in_words, pick_device


class Engine:
    """Calling it: (N, 512, 512, 3) float32 x -> a rendering of each. Raises `KeyError` for other tensors."""

    name = NAME

    def __init__(self, state: State, device: str):
        self._device = pick_device(device)
        tensors = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in state.items()}
        network = HDRNet()
        try:
            missing, unexpected = network.load_state_dict(tensors, strict=False)
        except RuntimeError as error:  # sizes differ
            raise KeyError(str(error)) from error
        wrong = [*unexpected, *(name for name in missing if not name.endswith("num_batches_tracked"))]
        if wrong:
            raise KeyError(wrong[0])
        self._network = network.to(self._device).eval()

    @property
    def device(self) -> str:
        """The device in words."""
        return in_words(self._device)

    def __call__(self, crops: NDArray[np.float32]) -> list[Rendering]:
        return list(renderings(self._network, crops, self._device))
