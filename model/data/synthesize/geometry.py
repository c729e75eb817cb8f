"""A morphable face (ICT-FaceKit light) fitted to 68 landmarks, and drawn as maps.

The flash is rendered from normals and depth, so the mesh need not look like the
person: it must have the person's pose and large forms. A scaled-orthographic camera
is enough for a head that fills the frame, and makes the fit a small least-squares
problem without any learned part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32

FACE_VERTICES: Final = 9409  # the face proper; up to 11247 head and neck
DRAWN_VERTICES: Final = 24591  # beyond: lashes and tear film, not drawn
TOLERANCE: Final = 0.02  # of the interocular distance: how well landmarks are trusted
IDENTITY_RIDGE: Final = 1.0
EXPRESSION_RIDGE: Final = 0.7
NEGATIVE_EXPRESSION: Final = 3.0  # expressions are meant to be >= 0
JAW, BROWS = slice(0, 17), slice(17, 27)
JAW_WEIGHT, BROW_WEIGHT = 0.6, 0.7

# Where skin shines: landmark, sideways and upward offset (cm), radius (cm), strength.
SHINE_SPOTS: Final = (
    (27, 0.0, 4.0, 2.6, 1.0),  # forehead
    (27, -2.6, 3.6, 1.9, 0.8),
    (27, 2.6, 3.6, 1.9, 0.8),
    (29, 0.0, 0.0, 1.3, 0.9),  # bridge and tip of the nose
    (30, 0.0, 0.0, 1.2, 1.0),
    (41, -0.6, -1.7, 1.7, 0.8),  # cheekbones
    (46, 0.6, -1.7, 1.7, 0.8),
    (8, 0.0, 1.2, 1.2, 0.7),  # chin
    (51, 0.0, 0.8, 0.8, 0.4),  # upper lip
)


@dataclass(frozen=True)
class FaceModel:
    """neutral (V, 3) cm, x to the picture's right, y up, z to the camera; triangles (T, 3);
    modes (M, V, 3): identity, then expression displacements;
    landmarks (68,) vertex numbers in dlib's order; shine (V,) how oily, 0..1."""

    neutral: Array
    triangles: NDArray[np.int32]
    modes: Array
    identities: int
    landmarks: NDArray[np.int32]
    shine: Array

    @classmethod
    def load(cls, path: Path) -> FaceModel:
        """Read ICT-FaceKit light's .npz."""
        data = np.load(path)
        modes = np.concatenate([data["identity"], data["expression"]]).astype(np.float32)
        triangles = data["triangles"]
        drawn = triangles[(triangles < DRAWN_VERTICES).all(axis=1)]
        neutral = data["neutral"].astype(np.float32)
        shine = _shine(neutral, data["landmarks68"])
        return cls(neutral, drawn, modes, len(data["identity"]), data["landmarks68"], shine)


def _shine(neutral: Array, landmarks: NDArray[np.int32]) -> Array:
    """How oily skin is at each vertex, 0..1: forehead, nose, cheekbones, chin."""
    total = np.zeros(len(neutral), np.float32)
    for landmark, right, up, radius, strength in SHINE_SPOTS:
        centre = neutral[landmarks[landmark], :2] + np.array([right, up], np.float32)
        squared = ((neutral[:, :2] - centre) ** 2).sum(axis=1)
        total = np.maximum(total, strength * np.exp(-squared / (2 * radius**2)))
    total[FACE_VERTICES:] = 0
    return total


@dataclass(frozen=True)
class Fit:
    """vertices (V, 3): x, y in pixels (y down), z in cm towards the camera; scale: pixels per cm;
    error: median landmark distance in interocular distances."""

    vertices: Array
    scale: float
    error: float


def fit(model: FaceModel, landmarks: NDArray[Any]) -> Fit:
    """Pose, identity and expression that bring the mesh's landmarks onto (68, 2) pixels."""
    from scipy.optimize import least_squares  # here, since training from a cache needs no SciPy
    from scipy.spatial.transform import Rotation

    target = np.asarray(landmarks, np.float64)
    interocular = float(np.linalg.norm(target[36:42].mean(0) - target[42:48].mean(0)))
    weight = np.ones(68)
    weight[JAW], weight[BROWS] = JAW_WEIGHT, BROW_WEIGHT
    weight = (weight / (TOLERANCE * interocular))[:, None]
    base = model.neutral[model.landmarks].astype(np.float64)
    modes = model.modes[:, model.landmarks].astype(np.float64)
    count = len(modes)
    ridge = np.full(count, IDENTITY_RIDGE)
    ridge[model.identities :] = EXPRESSION_RIDGE

    def project(p: NDArray[Any]) -> NDArray[Any]:
        shape = base + np.tensordot(p[6:], modes, axes=1)
        turned = shape @ Rotation.from_rotvec(p[:3]).as_matrix().T
        return np.asarray(np.exp(p[3]) * turned[:, :2] * [1, -1] + p[4:6] * interocular)

    def residuals(p: NDArray[Any]) -> NDArray[Any]:
        negative = NEGATIVE_EXPRESSION * np.minimum(p[6 + model.identities :], 0)
        return np.concatenate([((project(p) - target) * weight).ravel(), ridge * p[6:], negative])

    start = np.zeros(6 + count)
    start[3] = np.log(interocular / 6.7)
    start[4:6] = (target.mean(0) - np.exp(start[3]) * base[:, :2].mean(0) * [1, -1]) / interocular
    p = least_squares(residuals, start, method="trf", x_scale="jac", max_nfev=40).x

    scale = float(np.exp(p[3]))
    shape = model.neutral + np.tensordot(p[6:].astype(np.float32), model.modes, axes=1)
    turned = shape @ Rotation.from_rotvec(p[:3]).as_matrix().T.astype(np.float32)
    pixels = turned[:, :2] * np.array([scale, -scale], np.float32) + (p[4:6] * interocular).astype(np.float32)
    error = float(np.median(np.linalg.norm(project(p) - target, axis=1))) / interocular
    return Fit(np.concatenate([pixels, turned[:, 2:]], axis=1).astype(np.float32), scale, error)


def vertex_normals(vertices: Array, triangles: NDArray[np.int32], scale: float) -> Array:
    """(V, 3) unit normals, x right, y down, z to the camera."""
    cm = vertices * np.array([1 / scale, 1 / scale, 1], np.float32)
    a, b, c = (cm[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(total, triangles[:, i], faces)
    # y points down in pictures, which turns the triangles' sense around.
    return np.asarray(-total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def draw(
    vertices: Array, triangles: NDArray[np.int32], values: Array, size: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Z-buffered drawing of per-vertex values.

    vertices (V, 3) pixels and depth; values (V, C). Returns (size, size, C) and where the mesh is.
    """
    corners = vertices[triangles]  # (T, 3, 3)
    low = np.floor(corners[..., :2].min(axis=1)).astype(np.int64)
    span = np.ceil(corners[..., :2].max(axis=1)).astype(np.int64) - low + 1
    extent = span.max(axis=1)
    pixels: list[Array] = []
    depths: list[Array] = []
    weights: list[Array] = []
    owners: list[Array] = []
    for width in (2, 3, 4, 6, 8, 12, 16, 24, 32, 64):
        chosen = np.flatnonzero((extent <= width) & (extent > 0))
        extent[chosen] = -1
        if len(chosen):
            found = _cover(corners[chosen], low[chosen], width, size)
            for store, part in zip((pixels, depths, weights), found[:3], strict=True):
                store.append(part)
            owners.append(chosen[found[3]])
    pixel, depth = np.concatenate(pixels), np.concatenate(depths)
    weight, owner = np.concatenate(weights), np.concatenate(owners)
    order = np.argsort(depth, kind="stable")  # the nearest is written last, and stays
    nearest = np.full(size * size, -1, np.int64)
    nearest[pixel[order]] = order
    seen = nearest >= 0
    hit = nearest[seen]
    picture = np.zeros((size * size, values.shape[1]), np.float32)
    picture[seen] = np.einsum("nk,nkc->nc", weight[hit], values[triangles[owner[hit]]])
    return picture.reshape(size, size, -1), seen.reshape(size, size)


def _cover(
    corners: Array, low: NDArray[np.int64], width: int, size: int
) -> tuple[NDArray[np.int64], Array, Array, NDArray[np.int64]]:
    """Pixels in triangles with bounding boxes of at most `width`: pixel, depth, weights, triangle."""
    step = np.stack(np.meshgrid(np.arange(width), np.arange(width)), axis=-1).reshape(-1, 2)
    grid = low[:, None] + step  # (T, P, 2)
    at = grid + 0.5
    a, b, c = (corners[:, None, i, :2] for i in range(3))

    def cross(p: Any, q: Any) -> Any:
        return p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]

    area = cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-9, np.nan, area)
    with np.errstate(invalid="ignore"):
        w = (
            np.stack([cross(c - b, at - b), cross(a - c, at - c), cross(b - a, at - a)], axis=-1)
            / area[..., None]
        )
        inside = (w >= -1e-4).all(axis=-1) & ((grid >= 0) & (grid < size)).all(axis=-1)
    which, spot = np.nonzero(inside)
    weight = w[which, spot].astype(np.float32)
    depth = (weight * corners[which, :, 2]).sum(axis=1)
    place = grid[which, spot]
    return place[:, 1] * size + place[:, 0], depth, weight, which
