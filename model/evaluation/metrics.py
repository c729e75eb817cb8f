"""The numbers by which one picture is judged against its studio portrait, each for itself.

Pictures are (H, W, 3) float32 sRGB in [0, 1], clipped and rounded to 8 bit by the caller, because
that is what a user gets; masks are (H, W) bool. `x` is the flash photograph, `o` the studio portrait,
`o_hat` what is judged. Formulas: the cited papers; libraries where there is a good one.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from model.psnr import psnr as psnr_of

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SHINE: Final = 0.05  # linear, 1 is white: from here on the flash's shine counts as visible
SHADE: Final = 0.5  # share of the flash's light that must be missing to count as shadow
CLIPPED: Final = (5 / 255, 250 / 255)  # samples outside hold no detail
LEAST_PIXELS: Final = 50  # fewer are no measurement
SSIM_EDGE: Final = 5  # half of the 11x11 window
GMSD_CONSTANT: Final = 170.0 / 255**2  # Xue et al. 2014, for samples in [0, 1]

# Cheeks, forehead and chin in the 512 crop as (top, bottom, left, right): `model.paper.framing` puts every
# face in the same place. Only bare skin inside counts.
REGIONS: Final = ((115, 175, 200, 312), (265, 335, 155, 220), (265, 335, 292, 357), (362, 402, 222, 290))

# Individual typology angle of `o`, degrees: a bin reaches from its own number up to the one before.
BINS: Final = {
    "very_light": 55.0,
    "light": 41.0,
    "intermediate": 28.0,
    "tan": 10.0,
    "brown": -30.0,
    "dark": -90.0,
}


def eight_bit(picture: Image) -> Image:
    """Clipped to [0, 1] and rounded to 8 bit."""
    return np.asarray(np.round(picture.clip(0, 1) * 255) / 255, np.float32)


def psnr(picture: Image, o: Image, mask: Mask | None = None) -> float:
    """Decibels, over all three channels of the frame or of the mask; at most 60."""
    error = (picture - o) ** 2
    mean = float(error.mean() if mask is None else error[mask].mean())
    return psnr_of(mean)


def ssim(picture: Image, o: Image) -> tuple[float, Image]:
    """SSIM (Wang et al. 2004: 11x11 Gaussian, sigma 1.5), and its map (H, W), mean over channels."""
    _, similar = structural_similarity(
        picture,
        o,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=2,
        full=True,
    )
    similar = np.asarray(similar.mean(axis=2), np.float32)
    inner = slice(SSIM_EDGE, -SSIM_EDGE)
    return float(similar[inner, inner].mean()), similar


def ms_ssim(picture: Image, o: Image) -> float:
    """Multi-scale SSIM (Wang et al. 2003), torchmetrics' defaults."""
    one, other = (torch.from_numpy(value).permute(2, 0, 1)[None] for value in (picture, o))
    return float(multiscale_structural_similarity_index_measure(one, other, data_range=1.0))


def gmsd(picture: Image, o: Image) -> float:
    """Gradient magnitude similarity deviation of the luma (Xue et al. 2014); 0 is the same."""
    first, second = _gradient(picture), _gradient(o)
    similar = (2 * first * second + GMSD_CONSTANT) / (first**2 + second**2 + GMSD_CONSTANT)
    return float(similar.std())


def _gradient(picture: Image) -> NDArray[Any]:
    """Prewitt gradient magnitude at half size."""
    luma = picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    small = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    across = np.array([[1, 0, -1]] * 3) / 3
    return np.asarray(np.hypot(cv2.filter2D(small, -1, across), cv2.filter2D(small, -1, across.T)))


def residual(o_hat: Image, x: Image, o: Image, mask: Mask) -> tuple[float, float]:
    """Numerator and denominator of rho = <(o_hat - o)S, (x - o)S> / ||(x - o)S||^2 on the mask S.

    1 untouched, 0 removed, below 0 over-done.
    """
    left, whole = (o_hat - o)[mask].astype(np.float64), (x - o)[mask].astype(np.float64)
    return float((left * whole).sum()), float((whole * whole).sum())


def unclipped(x: Image) -> Mask:
    """Where no channel of `x` is at either end of its range."""
    return np.asarray(((x > CLIPPED[0]) & (x < CLIPPED[1])).all(axis=2))


def detail(fine: Image, fine_hat: Image, mask: Mask) -> tuple[float, float]:
    """How much of the photograph's texture is kept: correlation, and energy after / energy before.

    fine: x - BL(x); fine_hat: o_hat - BL(o_hat). NaN where there is too little to compare.
    """
    if mask.sum() < LEAST_PIXELS:
        return float("nan"), float("nan")
    before, after = fine[mask].astype(np.float64).ravel(), fine_hat[mask].astype(np.float64).ravel()
    if before.std() == 0 or after.std() == 0:
        return float("nan"), float("nan")
    return float(np.corrcoef(before, after)[0, 1]), float(after.var() / before.var())


def skin_regions(skin: Mask) -> Mask:
    """Return the bare skin on cheeks, forehead and chin; all bare skin if that is too little."""
    regions = np.zeros_like(skin)
    for top, bottom, left, right in REGIONS:
        regions[top:bottom, left:right] = True
    regions &= skin
    return regions if regions.sum() >= LEAST_PIXELS else skin


def median_lab(picture: Image, mask: Mask) -> NDArray[Any]:
    """Median L*, a*, b* (D65, 2 degrees) over the mask, (3,)."""
    return np.asarray(np.median(rgb2lab(picture[mask][None])[0], axis=0))


def delta_e(one: NDArray[Any], other: NDArray[Any]) -> float:
    """CIEDE2000 of two Lab colours."""
    return float(deltaE_ciede2000(one, other))


def ita(lab: NDArray[Any]) -> float:
    """Individual typology angle in degrees, atan2(L* - 50, b*); lower is darker."""
    return float(np.degrees(np.arctan2(lab[0] - 50, lab[2])))


def ita_bin(angle: float) -> str:
    """Return the name in `BINS` of an individual typology angle."""
    return next((name for name, low in BINS.items() if angle > low), "dark")
