"""What every flash of a portrait shares, computed once and kept in a cache outside the repository.

Fitting, GrabCut and drawing take a second a portrait; a flash takes milliseconds.
The maps lie beside each other in one uint8 array per portrait, which is memory-mapped,
so that a training crop reads only its own part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paper.bilateral import SIZE
from model.paper.colour import decode_srgb, luminance

from . import albedo, spots
from .geometry import FACE_VERTICES, FaceModel, Fit, draw, fit, vertex_normals
from .masks import EYES
from .masks import person as person_mask
from .masks import skin as skin_mask
from .portraits import Portrait, Unfit, frame
from .target import studio

Array = NDArray[Any]  # float32

# The planes of a cached portrait, 0..255 each.
PLANES: Final = {
    "studio": slice(0, 3),  # target portrait, sRGB; person's colours carried over the matte's edge
    "scene": slice(3, 6),  # the crop as it was, sRGB: its background
    "normal": slice(6, 9),  # 127.5 * (n + 1); x right, y down, z to the camera
    "depth": slice(9, 10),  # DEPTH_MIN + DEPTH_STEP * value, cm towards the camera, 0 at the eyes
    "person": slice(10, 11),  # matte
    "skin": slice(11, 12),
    "tone": slice(12, 13),  # where the skin's colour applies: with brows and lips
    "shine": slice(13, 14),  # oily places
    "valid": slice(14, 15),  # inside the photograph
    "light": slice(15, 16),  # 255 * what the studio's own light does to the skin / LIGHT_MOST
    "key": slice(16, 17),  # the same of one soft key and fill for everybody
}
COUNT: Final = 17
LIGHT_MOST: Final = 2.0
DEPTH_MIN, DEPTH_STEP = -20.0, 0.125
MAX_ERROR: Final = 0.06  # median landmark error of the fit, in interocular distances
# How much lighter than the cheek a spot may be when the portrait's own light has been taken off: calibration
# passes with these, and fails at every spot with portraits in hard or sideways light.
UNEVEN: Final = {"nose": 1.8, "chin": 1.8, "forehead": 2.2, "temple": 1.2}
HEAD_VERTICES: Final = 11248
HAIR_ROUND: Final = 70.0  # pixels: radius with which hair and shoulders bend away at their outline


@dataclass(frozen=True)
class Maps:
    """planes (512, 512, COUNT) uint8 as `PLANES` says; scale: pixels per cm.

    eyes: each eye's middle, x and y, and half of its opening, pixels.
    """

    planes: NDArray[np.uint8]
    scale: float
    eyes: tuple[tuple[float, float, float], ...]


def build(portrait: Portrait, folder: Path, model: FaceModel) -> Maps:
    """Everything about one portrait. Raises `Unfit`."""
    framed = frame(folder / portrait.file)
    fitted = fit(model, framed.landmarks)
    if fitted.error > MAX_ERROR:
        raise Unfit(f"the mesh fits badly ({fitted.error:.3f})")
    values, mesh = _draw(model, fitted)
    matte = person_mask(framed.crop, mesh, framed.landmarks)
    face = cv2.dilate((mesh & (values[..., 5] > 0.5)).astype(np.float32), np.ones((7, 7)))
    skin, tone = (mask * matte for mask in skin_mask(framed.crop, face, framed.landmarks))
    if (skin > 0.5).sum() < 8000:
        raise Unfit("too little skin")
    eyes = fitted.vertices[model.landmarks[36:48], 2].mean()
    normal, depth = _extend(values[..., :3], values[..., 3] - eyes, mesh & (matte > 0.5), matte)
    planes = np.empty((SIZE, SIZE, COUNT), np.uint8)
    clean = _carry_over_edge(framed.crop, matte)
    planes[..., PLANES["studio"]] = studio(clean, skin, matte, portrait.source)
    planes[..., PLANES["scene"]] = framed.crop
    planes[..., PLANES["normal"]] = (127.5 * (normal + 1) + 0.5).clip(0, 255)
    planes[..., PLANES["depth"]] = ((depth[..., None] - DEPTH_MIN) / DEPTH_STEP + 0.5).clip(0, 255)
    for name, plane in (("person", matte), ("skin", skin), ("tone", tone), ("shine", values[..., 4] * mesh)):
        planes[..., PLANES[name]] = (255 * plane[..., None] + 0.5).clip(0, 255)
    planes[..., PLANES["valid"]] = 255 * framed.valid[..., None]
    add_light(planes)
    check_light(planes, framed.landmarks, framed.valid)
    return Maps(planes, fitted.scale, tuple(_eye(framed.landmarks[part]) for part in EYES))


def _eye(lids: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return where the six points about an eye (corner, two above, corner, two below) have it."""
    x, y = lids.mean(axis=0)
    opening = (lids[4:6, 1] - lids[2:0:-1, 1]).mean() / 2
    return round(float(x), 1), round(float(y), 1), round(float(max(opening, 0)), 1)


def add_light(planes: NDArray[np.uint8]) -> float:
    """Fill the planes of light from the others; return how badly it fits, see `albedo.OwnLight`."""
    normal = _unit(planes[..., PLANES["normal"]] / np.float32(127.5) - 1)
    skin, person = (planes[..., PLANES[name]][..., 0] / np.float32(255) for name in ("skin", "person"))
    own = albedo.own_light(planes[..., PLANES["studio"]], normal, skin, person)
    for name, light in (("light", own.light), ("key", albedo.key_light(normal, skin, person))):
        planes[..., PLANES[name]][..., 0] = (255 / LIGHT_MOST * light + 0.5).clip(0, 255)
    return own.residual


def check_light(planes: NDArray[np.uint8], landmarks: NDArray[np.float64], valid: NDArray[np.bool_]) -> None:
    """Raise `Unfit` where so much own light is left that a flash would shade the face a second time."""
    studio, light = (planes[..., PLANES[name]].astype(np.float32) / 255 for name in ("studio", "light"))
    bare = luminance(decode_srgb(studio) / (LIGHT_MOST * light).clip(0.1))
    level = spots.levels(bare, landmarks, valid)
    for name, most in UNEVEN.items():
        if not level[name] <= most * level["cheek"]:
            raise Unfit(f"its own light stays on it ({name} / cheek {level[name] / level['cheek']:.2f})")


def _draw(model: FaceModel, fitted: Fit) -> tuple[Array, NDArray[np.bool_]]:
    """(512, 512, 6): normal, depth, shine, is skin; and where the mesh is."""
    normals = vertex_normals(fitted.vertices, model.triangles, fitted.scale)
    skin = np.zeros((len(normals), 1), np.float32)
    skin[:HEAD_VERTICES] = 1
    skin[FACE_VERTICES:HEAD_VERTICES][normals[FACE_VERTICES:HEAD_VERTICES, 1] < -0.8] = 0
    values = np.concatenate([normals, fitted.vertices[:, 2:], model.shine[:, None], skin], axis=1)
    return draw(fitted.vertices, model.triangles, values, SIZE)


def _fill(values: Array, known: Array) -> Array:
    """Carry values into the unknown: a pyramid of ever wider normalised blurs."""
    filled, weight = values * known[..., None], known.copy()
    levels = [(filled, weight)]
    while min(weight.shape) > 4:
        filled, weight = cv2.pyrDown(filled), cv2.pyrDown(weight)
        levels.append((filled, weight))
    result = levels[-1][0] / levels[-1][1].clip(1e-4)[..., None]
    for filled, weight in reversed(levels[:-1]):
        coarse = cv2.resize(result, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = weight.clip(0, 1)[..., None]
        result = share * (filled / weight.clip(1e-4)[..., None]) + (1 - share) * coarse
    return np.asarray(result, np.float32)


def _extend(normal: Array, depth: Array, mesh: NDArray[np.bool_], matte: Array) -> tuple[Array, Array]:
    """Carry normals and depth over from the mesh to hair, ears and clothes, bent away at the outline."""
    known = cv2.erode(mesh.astype(np.float32), np.ones((5, 5)))
    filled = _fill(np.concatenate([normal, depth[..., None]], axis=-1), known)
    distance = cv2.distanceTransform((matte > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    inner = (distance / HAIR_ROUND).clip(0, 1)
    height = cv2.GaussianBlur(HAIR_ROUND * np.sqrt(inner * (2 - inner)), (0, 0), 4.0)
    dx, dy = (
        cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    bent = np.dstack([filled[..., 0] * 0.5 - dx, filled[..., 1] * 0.5 - dy, np.ones_like(dx)])
    blend = cv2.GaussianBlur(known, (0, 0), 5.0)[..., None] * known[..., None]
    normal = blend * normal + (1 - blend) * _unit(bent)
    return _unit(cv2.GaussianBlur(normal, (0, 0), 1.0)), filled[..., 3]


def _unit(vectors: Any) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(1e-6), np.float32)


def _carry_over_edge(crop: NDArray[np.uint8], matte: Array) -> NDArray[np.uint8]:
    """Carry the person's own colours outwards over the soft edge, so that no old background shows."""
    sure = cv2.erode((matte > 0.97).astype(np.float32), np.ones((3, 3)))
    filled = _fill(crop.astype(np.float32), sure)
    share = np.maximum(sure, (matte > 0.995).astype(np.float32))[..., None]
    return np.asarray((share * crop + (1 - share) * filled + 0.5).clip(0, 255), np.uint8)
