"""The plain way to the same picture, as one would write it first: what our pipeline's speed is a ratio to.

The default network in eager fp32 PyTorch, faces looked for at full size, and the reconstruction of
eq. (4) in floating point over the whole frame, with a plain cubic stretch of the difference.
"""

from __future__ import annotations

import cv2
import face_recognition
import numpy as np
import torch
from face_recognition import api as face_api
from numpy.typing import NDArray
from safetensors.torch import load_file

from model.inference.predictor import available
from model.networks.registry import create
from model.paper.bilateral import filter_crop
from model.paper.framing import face_square
from server.imaging.colour import ColourSpace
from server.imaging.crop import inside, take, whole_grid, window


class Reference:
    """Calling it: (H, W, 3) uint8 sRGB -> a retouched copy; the first face only."""

    def __init__(self) -> None:
        info = available()[0]
        self._network = create(info.architecture).eval()
        tensors = {name: value.float() for name, value in load_file(info.file).items()}
        missing, unexpected = self._network.load_state_dict(tensors, strict=False)
        if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
            raise SystemExit(f"The weights do not fit the network: {missing} {unexpected}")
        self._space = ColourSpace(None, 3)

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Retouch (H, W, 3) sRGB with one face; returns the same shape."""
        height, width = pixels.shape[:2]
        top, right, bottom, left = face_recognition.face_locations(pixels, number_of_times_to_upsample=0)[0]
        rectangle = face_api._css_to_rect((top, right, bottom, left))
        parts = face_api.pose_predictor_68_point(pixels, rectangle).parts()
        grid = whole_grid(face_square(np.array([(part.x, part.y) for part in parts]) + 0.5))
        crop = filter_crop(take(pixels, grid, self._space))
        y = self._network(torch.from_numpy(crop).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
        difference = cv2.resize(2 * y - 1, (grid.side, grid.side), interpolation=cv2.INTER_CUBIC)
        whole = np.zeros(pixels.shape, np.float32)
        x0, y0, x1, y1 = inside(grid, width, height)
        whole[y0:y1, x0:x1] = difference[y0 - grid.y : y1 - grid.y, x0 - grid.x : x1 - grid.x]
        feather = window(grid, width, height, np.arange(width) + 0.5, np.arange(height) + 0.5)
        result = np.clip(pixels / 255 - whole * feather[..., None], 0, 1)
        return np.asarray(np.rint(result * 255), np.uint8)
