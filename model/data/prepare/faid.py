"""The Flash and Ambient Illumination Dataset (FAID) as pairs, read from its own folder.

Aksoy et al., "A Dataset of Flash and Ambient Illumination Pairs from the Crowd", ECCV 2018. What its paper
and the public code that reads it tell, and what is taken from that:

- files come in pairs `CATEGORY_NUMBER_flash.png` and `CATEGORY_NUMBER_ambient.png`, in one folder or one
  per category; categories are People, Objects, Plants, Rooms, Shelves and Toys. Only `People_*` is used;
- 1440x1080, 16 bit, *linear* camera RGB. `flash` holds the light of the flash alone: the photograph that a
  phone takes with flash is the sum of both;
- PNG text `Comment` holds nine numbers, the matrix from XYZ to camera RGB row by row; files without it are
  taken for linear sRGB;
- colour casts are taken out by Shades of Gray (Finlayson and Trezzi 2004, Minkowski norm 6) and each
  photograph is exposed so that its 98th percentile of luminance is 0.8, as a camera would do;
- nobody is named: every scene counts as one person;
- the ambient photograph stands in for the studio one. It is not evenly lit: good for trying the tool and
  for judging, not a studio to learn from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from model.data.synthesize.portraits import Unfit
from model.data.whole_pictures import RGB
from model.errors import Unusable
from model.paper.colour import encode_srgb, luminance

from .pairing import Candidate

CATEGORY: Final = "People_"
FLASH: Final = "_flash.png"
AMBIENT: Final = "_ambient.png"
NORM: Final = 6
WHITE: Final = 0.8  # linear luminance of the 98th percentile after exposing
TO_SRGB: Final = np.array(  # linear, from XYZ with white D65 (IEC 61966-2-1)
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)

Float = NDArray[np.float32]


def candidates(folder: Path) -> tuple[list[Candidate], list[str]]:
    """FAID's portraits, and a sentence for every picture without partner. Raises `Unusable`."""
    if not folder.is_dir():
        raise Unusable(f"{folder} is not a folder; give the one into which FAID was unpacked")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob(f"{CATEGORY}*.png")}
    scenes = sorted({_scene(name) for name in files if name.endswith((FLASH, AMBIENT))})
    if not scenes:
        raise Unusable(f"{folder} holds no {CATEGORY}*{FLASH}; give the folder into which FAID was unpacked")
    found, missing = [], []
    for scene in scenes:
        flash, ambient = files.get(scene + FLASH), files.get(scene + AMBIENT)
        if flash is None or ambient is None:
            lost = scene + (FLASH if flash is None else AMBIENT)
            missing.append(f"{scene}: {lost} is missing; unpack the dataset again")
        else:
            name = Path(scene).name
            found.append(Candidate(name, name, flash, ambient, photographs))
    return found, missing


def _scene(name: str) -> str:
    return name.removesuffix(FLASH).removesuffix(AMBIENT)


def photographs(flash: Path, ambient: Path) -> tuple[RGB, RGB]:
    """Return the photograph with flash and the one without, (H, W, 3) uint8 sRGB. Raises `Unfit`."""
    light, surroundings = _linear(flash), _linear(ambient)
    if light.shape != surroundings.shape:
        raise Unfit(f"{flash.name} and {ambient.name} differ in size; unpack the dataset again")
    return _develop(light + surroundings), _develop(surroundings)


def _linear(path: Path) -> Float:
    bgr = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgr is None or bgr.dtype != np.uint16 or bgr.ndim != 3:
        raise Unfit(f"{path.name} is not a 16-bit colour PNG, as FAID's are; unpack the dataset again")
    camera = bgr[..., 2::-1].astype(np.float32) / np.float32(65535)
    return np.asarray((camera @ _matrix(path).T.astype(np.float32)).clip(0), np.float32)


def _matrix(path: Path) -> NDArray[np.float64]:
    """(3, 3) from camera RGB to linear sRGB."""
    with Image.open(path) as picture:
        text = picture.text.get("Comment") if isinstance(picture, PngImageFile) else None
    if text is None:
        return np.eye(3)
    try:
        words = str(text).replace(",", " ").replace(";", " ").strip("[] ").split()
        to_camera = np.array([float(word) for word in words]).reshape(3, 3)
        return TO_SRGB @ np.linalg.inv(to_camera)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise Unfit(f"{path.name} has no usable colour matrix in its PNG text") from error


def _develop(rgb: Float) -> RGB:
    """White balance, exposure and sRGB's curve."""
    cast = np.power(np.power(rgb.astype(np.float64), NORM).mean(axis=(0, 1)), 1 / NORM)
    if cast.min() <= 0:
        raise Unfit("the picture is black in at least one channel")
    balanced = (rgb * (cast.mean() / cast)).astype(np.float32)
    bright = float(np.quantile(luminance(balanced), 0.98))
    if bright <= 0:
        raise Unfit("the picture is black")
    return np.asarray(np.rint(encode_srgb((balanced * (WHITE / bright)).clip(0, 1)) * 255), np.uint8)
