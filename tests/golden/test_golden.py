"""Pixels stay what they are: each network's result on two pictures, within one 8-bit level of the golden one.

The PNGs were made by the code before the house was rebuilt (commit b0facc9). After weights were exchanged on
purpose, `python -m tests.golden.test_golden studio` writes a network's anew; look at them before committing.
"""

from __future__ import annotations

import sys

import imagecodecs
import numpy as np
import pytest

from model.inference import openvino, predictor, pytorch, weights
from model.paper import equations
from model.paper.bilateral import filter_crop

from .pictures import FOLDER, PICTURES, Crop, reference, stored

CASES = [
    ("studio", "pytorch"),
    ("studio", "openvino"),
    ("deepflash", "pytorch"),
    ("deepflash", "openvino"),
    ("headshot", "opencv"),
]


def reconstruction(network: str, engine: str, x: Crop) -> Crop:
    """Return eq. (4)'s result of a crop, or a painter's picture, computed in single precision."""
    bl_x = filter_crop(x)
    if engine == "opencv":
        return predictor.match([reference()]).outcome(x, bl_x).picture
    info = weights.choose(network, weights.available())
    if info.answer == "picture":
        return predictor.load(network, device="cpu").outcome(x, bl_x).picture
    loaded = predictor.module(info)
    made: predictor.Engine
    if engine == "openvino":
        made = openvino.Engine(openvino.convert(loaded), loaded.outputs, "f32")
    else:
        made = pytorch.Engine(loaded, "cpu", pytorch.torch.float32)
    y = made(bl_x[None], lambda: False)["y"][0]
    return np.asarray(equations.reconstruct(x, y).clip(0, 1), np.float32)


@pytest.mark.parametrize("picture", list(PICTURES))
@pytest.mark.parametrize(("network", "engine"), CASES)
def test_result_is_the_golden_one(network: str, engine: str, picture: str) -> None:
    golden = imagecodecs.imread(FOLDER / f"{network}_{picture}.png")
    result = stored(reconstruction(network, engine, PICTURES[picture]()))
    difference = np.abs(result.astype(int) - golden)
    assert difference.max() <= 1, f"{(difference > 1).mean():.2%} of the samples differ by more than a level"


def write(network: str) -> None:
    """Write a network's golden crops anew, from its first engine."""
    engine = next(engine for name, engine in CASES if name == network)
    for picture, make in PICTURES.items():
        data = imagecodecs.png_encode(stored(reconstruction(network, engine, make())), level=9)
        (FOLDER / f"{network}_{picture}.png").write_bytes(data)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(name)
