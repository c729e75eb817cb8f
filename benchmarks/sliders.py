"""Whether each slider moves its own measure and no other's: `python -m benchmarks.sliders [--json]`.

On made skin whose truth is known: an even colour, under light that falls off, a greenish cast and shine. The
network is a perfect one: its components are that truth. Each slider goes from 0 to its end alone, and every
measure is told in shares of what its own slider does to it: 1.00 on the diagonal would be all of the truth.
Measures: shine, what is left of the highlights; light, the log-luminance's spread over dull skin; colour, the
log-chromaticity's distance from the truth along the cast; warmth, the log-ratio of red and blue along the
warmth's own direction; brightness, the mean log-luminance. Their truth is the slider's full effect.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.inference.components import Components
from model.paper.colour import LUMINANCE, decode_srgb, encode_srgb
from model.paper.framing import Square
from plugin.studio_portrait.link.wire import Settings
from server.imaging import complexion
from server.imaging.analysis import Analysis, Part
from server.imaging.colour import ColourSpace
from server.imaging.faces import Face
from server.imaging.lift import Grid
from server.imaging.retouch import render

Array = NDArray[np.float32]

SIDE: Final = 512
OWN, OTHERS = 0.8, 0.1  # what is asked for: at least, at most
SLIDERS: Final = ("shine", "light", "colour", "warmth", "brightness")


class Scene:
    """Skin with its truth. seen: (512, 512, 3) linear light; shine, light, cast: what was done to it."""

    def __init__(self, seed: int):
        random = np.random.default_rng(seed)
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
        tone = np.float32(random.uniform(0.12, 0.5))
        self.skin = tone * np.array([1.0, 0.72, 0.60], np.float32) * np.ones((SIDE, SIDE, 1), np.float32)
        across, down = random.uniform(-0.5, 0.5, 2).astype(np.float32)
        light = across * (x - 0.5) + down * (y - 0.5)
        self.light = np.asarray(light - light.mean(), np.float32)[..., None]
        cast = np.array([-0.30, 0.10, -0.05], np.float32)
        self.cast = np.asarray(
            cast - (cast * LUMINANCE * self.skin[0, 0]).sum() / (LUMINANCE * self.skin[0, 0]).sum()
        )
        spots = random.uniform(0.3, 0.7, (3, 2))
        bump = sum(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 0.035**2)) for u, v in spots)
        self.shine = np.asarray(0.12 * bump, np.float32)[..., None] * np.ones(3, np.float32)
        self.seen = self.skin * np.exp(self.light + self.cast) + self.shine
        self.dull = self.shine[..., 0] < 0.002

    def analysis(self) -> tuple[NDArray[np.float32], Analysis]:
        """Return the photograph, (512, 512, 3) sRGB, and what a perfect network would say of it."""
        photo = encode_srgb(self.seen.clip(0, 1))
        ones, nothing = np.ones((8, 8), np.float32), np.zeros((1, 1, 3), np.float32)
        found = Components(
            colour=-self.cast,
            light=-self.light,
            shine=self.shine,
            fill=nothing,
            person=ones,
            skin=ones,
            rest=np.zeros_like(photo),
            crop=photo,
        )
        face = Face((128, 128, 256, 256), Square(SIDE / 2, SIDE / 2, SIDE), 1.0)
        analysis = Analysis((SIDE, SIDE), ColourSpace(None, 3), (face,), _Nobody())
        analysis._parts[0] = Part(Grid(0, 0, SIDE), 0, photo, found)
        return photo, analysis

    def measures(self, photo: Array) -> dict[str, float]:
        """Return what each slider is about, measured in a picture of the scene."""
        linear = decode_srgb(photo).clip(1e-4)
        luminance = np.log(linear @ LUMINANCE)
        chroma = (np.log(linear) - luminance[..., None])[self.dull].mean(0)
        spots = self.shine[..., 0] > 0.06
        near = (self.shine[..., 0] > 0.002) & (self.shine[..., 0] < 0.008)
        warm, cast = _directions(self)
        return {
            "shine": float(luminance[spots].mean() - luminance[near].mean()),
            "light": float(
                (luminance * self.light[..., 0])[self.dull].sum() / (self.light[self.dull] ** 2).sum()
            ),
            "colour": float(chroma @ _apart(cast, warm)),
            "warmth": float(chroma @ _apart(warm, cast)),
            "brightness": float(luminance[self.dull].mean()),
        }


def _directions(scene: Scene) -> tuple[Array, Array]:
    """Return the ways in which the warmth's slider and the cast change the chromaticity."""
    return complexion.WARMTH - complexion.WARMTH.mean(), scene.cast - scene.cast.mean()


def _apart(one: Array, other: Array) -> Array:
    """Return what is in one direction and not in the other."""
    return np.asarray(one - other * (one @ other) / (other @ other))


class _Nobody:
    batch = 1

    def components(self, crops: Any) -> list[Components]:
        raise AssertionError("everything is known")


def table(scenes: int = 4) -> dict[str, dict[str, float]]:
    """By slider and measure: the change, in shares of the measure's own slider's; diagonal: of the truth."""
    changes = {slider: dict.fromkeys(SLIDERS, 0.0) for slider in SLIDERS}
    truths = dict.fromkeys(SLIDERS, 0.0)
    for seed in range(scenes):
        scene = Scene(seed)
        photo, analysis = scene.analysis()
        before = scene.measures(photo)
        for name, value in _truth(scene, before).items():
            truths[name] += value / scenes
        for slider in SLIDERS:
            moved: dict[str, Any] = {"shine": 0, "light": 0, "colour": 0, slider: 1.0}
            after = photo.copy()
            render(after, analysis, Settings(**moved))
            for name, value in scene.measures(after).items():
                changes[slider][name] += (value - before[name]) / scenes
    whole = {name: changes[name][name] for name in SLIDERS}
    return {
        slider: {name: value / (truths if name == slider else whole)[name] for name, value in row.items()}
        for slider, row in changes.items()
    }


def _truth(scene: Scene, before: dict[str, float]) -> dict[str, float]:
    """How far each measure should go with its slider at 1."""
    without: dict[str, Callable[[], Array]] = {
        "shine": lambda: scene.seen - scene.shine,
        "light": lambda: scene.skin * np.exp(scene.cast) + scene.shine,
        "colour": lambda: scene.skin * np.exp(scene.light) + scene.shine,
    }
    found = {
        name: scene.measures(encode_srgb(make().clip(0, 1)))[name] - before[name]
        for name, make in without.items()
    }
    warm, cast = _directions(scene)
    found["warmth"] = float(warm @ _apart(warm, cast))
    found["brightness"] = complexion.BRIGHTNESS
    return found


def passed(figures: dict[str, dict[str, float]]) -> bool:
    """Whether every slider does what is asked for."""
    return all(
        value >= OWN if name == slider else abs(value) <= OTHERS
        for slider, row in figures.items()
        for name, value in row.items()
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sliders", description=__doc__)
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    figures = table(arguments.scenes)
    print(f"{'slider':12}" + "".join(f"{name:>12}" for name in SLIDERS))
    for slider, row in figures.items():
        print(f"{slider:12}" + "".join(f"{row[name]:12.2f}" for name in SLIDERS))
    if arguments.json:
        print(json.dumps({"sliders": figures, "passed": passed(figures)}))
    if not passed(figures):
        raise SystemExit(
            f"Each slider must move its own measure by {OWN} and no other by more than {OTHERS}."
        )


if __name__ == "__main__":
    main()
