"""Pictures of the short soak: noise, which the tests' own worker inverts in its middle."""

from __future__ import annotations

import numpy as np

from plugin.studio_portrait.link.wire import ImageSpec, Settings
from tests.soak.pictures import DTYPES, Picture, in_format

from .plain_worker import MODERATE


class Noise:
    """No two pixels of two jobs are alike but by chance."""

    def __call__(self, number: int) -> Picture:
        rng = np.random.default_rng(number)
        height, width, channels = (
            int(rng.integers(2, 900)),
            int(rng.integers(2, 900)),
            int(rng.integers(1, 5)),
        )
        sample = str(rng.choice(list(DTYPES)))
        pixels = in_format(rng.integers(0, 256, (height, width, 3), np.uint8), sample, channels)
        expected = pixels.copy()
        y, x = (slice(side // 4, side // 4 + max(1, side // 2)) for side in (height, width))
        top = 1 if sample == "f32" else np.iinfo(pixels.dtype).max
        expected[y, x] = top - expected[y, x]
        settings = Settings(network=MODERATE if number % 12 == 0 else "")
        return Picture(ImageSpec(width, height, channels, sample), settings, pixels, lambda: expected)
