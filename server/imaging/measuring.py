"""What pictures of a series are compared by: who is in each, and which colour their skin would have."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.inference.components import stretched
from model.paper.colour import decode_srgb
from plugin.studio_portrait.link.sliders import SLIDERS

from .analysis import KEPT, Analysis, analyse
from .corrections import own_tint
from .run import Run
from .skin import skin_weight

_FACE: Final = (146, 390, 409, 127)  # top, right, bottom, left in the 512-pixel square


def measure(pixels: NDArray[Any], predictor: Any, **more: Any) -> dict[str, Any]:
    """Return a picture's ``faces``, ``ms``, and as ``series`` one dictionary a face, in JSON's types.

    face: its index. person: face_recognition's 128 numbers. own: (3,) log-gains, the colour that this picture
    alone leads to; skin: (3,) log of the skin's linear light with it. A face without visible skin is left
    out. pixels, predictor, more: as for `analyse`.
    """
    analysis = analyse(pixels, predictor, **more)
    return {
        "faces": [{"used": True} for _ in analysis.faces],
        "ms": {stage: round(spent, 1) for stage, spent in analysis.ms.items()},
        "series": _measured(pixels, analysis),
    }


def _measured(pixels: NDArray[Any], analysis: Analysis) -> list[dict[str, Any]]:
    from face_recognition import api  # loads networks of its own

    found = []
    count = min(len(analysis.faces), KEPT)
    for index, part in enumerate(analysis.parts(pixels, range(count), Run())):
        assert part.components is not None
        weight = skin_weight(part.components)
        if weight.sum() < 1:
            continue
        small = decode_srgb(stretched(part.components.crop, len(weight)))
        mean = (small * weight).sum((0, 1)) / weight.sum()
        crop = (part.upright(analysis.space) * 255 + 0.5).astype(np.uint8)
        # The square was laid around the landmarks, so the face is always at the same place in it.
        person = api.face_encodings(np.ascontiguousarray(crop), [_FACE])
        own = np.float32(SLIDERS["colour"].default) * own_tint(part)
        found.append(
            {
                "face": index,
                "person": [round(float(number), 4) for number in person[0]],
                "own": [round(float(number), 5) for number in own],
                "skin": [round(float(number), 5) for number in np.log(mean + 1e-4) + own],
            }
        )
    return found
