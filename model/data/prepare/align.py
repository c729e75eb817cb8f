"""The studio photograph laid over the flash photograph: an affine map by mutual information.

The two differ in light, so their values cannot be compared, only what one tells about the other:
Mattes mutual information with 50 bins, climbed by a one-plus-one evolutionary optimiser over a pyramid
of three levels, as the paper does with MATLAB's `imregister`. Only the flash photograph's
head-and-shoulders square counts, because a background at another depth moves differently.

Its coordinates are half sides of that square about its centre, so that a step of the optimiser means the
same for all six numbers (0.1 turns, scales and shifts the square's edge by a tenth of its half
side), and MATLAB's initial radius keeps its sense. MATLAB's growth factor 1.05 needs about
1000 steps a level from there; `GROWTH` needs a third, and stops where steps are a fraction of a pixel.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from model.data.whole_pictures import RGB
from model.paper.framing import Square

from .crop import Matrix

WORKING: Final = 640  # pixels: side of the square on the finest level, unless the photograph has fewer
BINS: Final = 50
RADIUS: Final = 6.25e-3
GROWTH: Final = 1.2
EPSILON: Final = 1e-4  # a thirtieth of a pixel
STEPS: Final = 300  # at most, on each level
SHRINK: Final = (4, 2, 1)
BLUR: Final = (2.0, 1.0, 0.0)  # sigma in pixels of the finest level
SAMPLES: Final = (2000, 3000, 8000)  # pixels that are looked at, drawn anew for each level
SEED: Final = 1
STRETCH: Final = 2.0  # a map that enlarges or shrinks more, in any direction, is none of a pair
LOST: Final = "the two photographs do not show the same"

Float = NDArray[np.float32]


class Misaligned(Exception):
    """The optimiser lost the photographs out of each other's sight; the text says so."""


def align(flash: RGB, studio: RGB, square: Square) -> Matrix:
    """Where the flash photograph's pixels lie in the studio photograph: (2, 3), pixel centres whole.

    flash, studio: (H, W, 3) uint8 sRGB, sizes may differ; the start is the one over the other, centre on
    centre, longest side as long as longest side. square: the flash photograph's head-and-shoulders
    square. Deterministic: the same photographs give the same map. Raises `Misaligned`. Paper:
    section "Dataset creation".
    """
    half, scale = square.side / 2, min(1.0, WORKING / square.side)
    centre = np.array([square.cx, square.cy]) - 0.5
    ratio = max(flash.shape) / max(studio.shape)
    middle = np.array([(size - 1) / 2 for size in flash.shape[1::-1]])
    other = np.array([(size - 1) / 2 for size in studio.shape[1::-1]])
    to_studio = np.column_stack([np.eye(2) * half / ratio, other + (centre - middle) / ratio])
    to_flash = np.column_stack([np.eye(2) * half, centre])
    fixed = _within(_image(_grey(flash, scale), scale, to_flash), scale, square)
    moving = _image(_grey(studio, min(1.0, scale * ratio)), min(1.0, scale * ratio), to_studio)
    affine = _register(fixed, moving)
    stretch = np.linalg.svd(affine[:, :2], compute_uv=False)
    if stretch.min() < 1 / STRETCH or stretch.max() > STRETCH:
        raise Misaligned(LOST)
    linear = to_studio[:, :2] @ affine[:, :2] @ np.linalg.inv(to_flash[:, :2])
    shift = to_studio[:, :2] @ affine[:, 2] + to_studio[:, 2] - linear @ centre
    return np.column_stack([linear, shift])


def _grey(picture: RGB, scale: float) -> Float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)


def _image(grey: Float, scale: float, frame: Matrix) -> sitk.Image:
    """Return a shrunk photograph in the common coordinates; frame: from these to the photograph's pixels."""
    unit = frame[0, 0]
    image = sitk.GetImageFromArray(np.ascontiguousarray(grey))
    image.SetSpacing([1 / (scale * unit)] * 2)
    image.SetOrigin([float(value) for value in (0.5 / scale - 0.5 - frame[:, 2]) / unit])
    return image


def _within(image: sitk.Image, scale: float, square: Square) -> sitk.Image:
    x0, y0 = (max(0, int(edge * scale)) for edge in (square.x0, square.y0))
    x1 = min(image.GetWidth(), round((square.x0 + square.side) * scale))
    y1 = min(image.GetHeight(), round((square.y0 + square.side) * scale))
    part: sitk.Image = image[x0:x1, y0:y1]
    return part


def _register(fixed: sitk.Image, moving: sitk.Image) -> Matrix:
    pixels = [fixed.GetNumberOfPixels() / shrink**2 for shrink in SHRINK]
    shares = [min(1.0, count / total) for count, total in zip(SAMPLES, pixels, strict=True)]
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel(shares, SEED)
    method.MetricUseFixedImageGradientFilterOff()  # this optimiser asks for no gradients
    method.MetricUseMovingImageGradientFilterOff()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsOnePlusOneEvolutionary(STEPS, EPSILON, RADIUS, GROWTH, GROWTH**-0.25, SEED)
    method.SetShrinkFactorsPerLevel(list(SHRINK))
    method.SetSmoothingSigmasPerLevel(list(BLUR))
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    affine = sitk.AffineTransform(2)
    method.SetInitialTransform(affine, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError as error:  # ITK's text is a page long and names source files
        raise Misaligned(LOST) from error
    return np.column_stack([np.reshape(affine.GetMatrix(), (2, 2)), affine.GetTranslation()])
