"""Take a portrait's own light off its skin, so that flash and studio light shade it once and not twice.

Low-order spherical harmonics explain nearly all of what soft light does to a matte surface (Ramamoorthi and
Hanrahan 2001). They are fitted to the log luminance of bare skin over *smooth* normals: full detail would
print the mesh's mistakes, such as eye sockets and smile lines, into the skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.colour import decode_srgb, luminance

Array = NDArray[Any]  # float32

SMOOTH: Final = 28.0  # pixels: sigma of the normals' blur
RIDGE: Final = 0.02  # share of the pixels: pulls what the face's few directions do not tell towards none
ROUNDS: Final = 8  # of re-weighting
OFF: Final = 0.15  # in log: a residual of this weighs half (Cauchy's weight)
RANGE: Final = (0.55, 1.6)
FADE: Final = 9.0  # pixels: the light found fades out beyond the skin
WELL, BADLY = 0.15, 0.40  # median absolute residual: all the light is taken off, or `LEAST_SHARE` of it
KEY: Final = (0.0, -0.5, 0.85)  # large, in front and above
FILL: Final = 0.5  # share of it that comes from everywhere
WRAP: Final = 0.25  # of n.l: how far a large light reaches round
LEAST_SHARE: Final = 0.5
SHARE: Final = 0.9  # of the light is taken off where it fits well: some of it is the skin's own


@dataclass(frozen=True)
class OwnLight:
    """light (H, W) float32: the factor that the portrait's own light has on the skin, mean 1 over it and 1
    elsewhere. residual: median absolute, in log: how badly it fits."""

    light: Array
    residual: float


def smooth(normal: Array, person: Array) -> Array:
    """Return unit normals (H, W, 3) without detail; the person's only."""
    weight = cv2.GaussianBlur(person, (0, 0), SMOOTH).clip(1e-3)[..., None]
    blurred = cv2.GaussianBlur(normal * person[..., None], (0, 0), SMOOTH) / weight
    return np.asarray(blurred / np.linalg.norm(blurred, axis=-1, keepdims=True).clip(1e-6), np.float32)


def own_light(rgb: NDArray[np.uint8], normal: Array, skin: Array, person: Array) -> OwnLight:
    """Fit the light that the portrait was taken in.

    rgb: (H, W, 3) sRGB. normal: (H, W, 3) unit. skin, person: (H, W) in [0, 1]. The skin has to be matte
    (`target.matte`): shine is not shading.
    """
    log = np.log(luminance(decode_srgb(rgb.astype(np.float32) / 255)).clip(0.003, None))
    log = cv2.GaussianBlur(log, (0, 0), 2.0)
    flat = smooth(normal, person)
    basis = harmonics(flat)
    sure = skin > 0.8
    rows, values = basis[sure].astype(np.float64), log[sure].astype(np.float64)
    weight = np.ones(len(rows))
    ridge = np.eye(rows.shape[1]) * RIDGE * len(rows)
    ridge[0, 0] = 0
    for _ in range(ROUNDS):
        weighted = rows * weight[:, None]
        found = np.linalg.solve(weighted.T @ rows + ridge, weighted.T @ values)
        residual = values - rows @ found
        weight = 1 / (1 + (residual / OFF) ** 2)
    spread = float(np.median(np.abs(residual)))
    share = np.interp(spread, (WELL, BADLY), (SHARE, LEAST_SHARE))
    light = np.exp(share * (basis @ found.astype(np.float32)))
    light = light / np.average(light[sure], weights=weight)
    near = cv2.GaussianBlur(skin, (0, 0), FADE)
    light = light.clip(*RANGE) ** near
    return OwnLight(np.asarray(light, np.float32), spread)


def key_light(normal: Array, skin: Array, person: Array) -> Array:
    """Return what one soft key light and fill do to the skin: (H, W), mean 1 over it and 1 elsewhere.

    One studio for everybody, symmetric: from a flash photograph nobody could tell another one's side.
    """
    way = np.array(KEY, np.float32) / np.float32(np.linalg.norm(KEY))
    light = FILL + (1 - FILL) * ((smooth(normal, person) @ way + WRAP) / (1 + WRAP)).clip(0)
    near = cv2.GaussianBlur(skin, (0, 0), FADE)
    return np.asarray((light / light[skin > 0.8].mean()).clip(*RANGE) ** near, np.float32)


def harmonics(normal: Array) -> Array:
    """Real spherical harmonics up to the second order, without their constants: (H, W, 9)."""
    x, y, z = normal[..., 0], normal[..., 1], normal[..., 2]
    one = np.ones_like(x)
    return np.stack([one, x, y, z - 0.8, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 2], axis=-1)
