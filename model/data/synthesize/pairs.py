"""Pairs (flash photograph, studio portrait) without end: the network's training samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from model.paper.bilateral import filter_crop
from model.paper.colour import decode_srgb

from . import extras, highlights
from .batched import bilateral
from .cache import Entry
from .camera import compress, develop, jpeg
from .flash import TRAINING, Flash, Mix, sample
from .light import FRONT, Light, Surface, render
from .maps import PLANES
from .scene import Placing, backgrounds, dyes, load, patchiness, place, srgb, surface, whole

TIE_RANGE: Final = (0.45, 2.5)
LIGHTNESS: Final = (24.0, 80.0)  # L* of the target's skin, however dark or burnt out the photograph is
UNCLIPPED: Final = 0.4  # share of the skin that must not be burnt out for its colour to be believed in full
SHINY: Final = 0.06  # linear: skin that shines more than this does not show its own colour
DARKER_OFTEN: Final = 6.0  # how much more often the darkest skin is drawn than light skin
SKIN_WEIGHT: Final = 1.0  # a skin pixel counts 1 + this
BACKGROUND_WEIGHT: Final = 0.5  # so does the background, where the network must learn to keep still
CPU: Final = torch.device("cpu")


@dataclass(frozen=True)
class Pairs:
    """N samples, (N, C, H, W) float32 sRGB in [0, 1]: x, o, BL(x), BL(o).

    weight: of the loss. skin: where bare skin is, [0, 1]. specular: the flash's shine as exposed, linear
    [0, 1]. shadow: how much of the flash is missing on the person, [0, 1]. Both are 0 in identity pairs.
    theta (N, 2, 3): where the crop lies in the 512 crop, see `Placing`. person: the matte, [0, 1].
    cast: (N, 1, 1, 1), 1 where the photograph has a colour cast that the target lacks.
    """

    x: Tensor
    o: Tensor
    bl_x: Tensor
    bl_o: Tensor
    weight: Tensor
    skin: Tensor
    specular: Tensor
    shadow: Tensor
    theta: Tensor
    person: Tensor
    cast: Tensor


def weights(entries: Sequence[Entry]) -> np.ndarray:
    """How often each portrait is drawn: people alike, darker skin more often."""
    pictures = {entry.person: 0 for entry in entries}
    for entry in entries:
        pictures[entry.person] += 1
    share = np.array([1 / pictures[entry.person] for entry in entries])
    lightness = np.array([entry.lightness for entry in entries])
    share *= 1 + DARKER_OFTEN * np.clip((0.62 - lightness) / 0.2, 0, 1)
    return np.asarray(share / share.sum())


def draw(
    folder: Path,
    entries: Sequence[Entry],
    count: int,
    size: int,
    seed: Sequence[int],
    shrink: int = 1,
    device: torch.device = CPU,
    mix: Mix = TRAINING,
) -> Pairs:
    """`count` pairs of `size` pixels, 1 / shrink of the 512 crop's scale.

    The same for the same seed and kind of device (noise, JPEG and filter are not the same on a GPU).
    """
    rng = np.random.default_rng(seed)
    picks = rng.choice(len(entries), count, p=weights(entries))
    chosen = [entries[i] for i in picks]
    others = [entries[i] for i in rng.integers(0, len(entries), count)]
    placing = place([entry.scale for entry in chosen], size, rng, shrink)
    return _photographed(folder, chosen, others, placing, rng, _extras(chosen, rng), mix, device).pairs()


def fixed(
    folder: Path,
    entries: Sequence[Entry],
    chosen: Sequence[Entry],
    seed: Sequence[int],
    mix: Mix = TRAINING,
    shrink: int = 1,
) -> Photographs:
    """One full photograph of each of `chosen`, 512 / shrink pixels, not turned: to judge by."""
    rng = np.random.default_rng(seed)
    others = [entries[i] for i in rng.integers(0, len(entries), len(chosen))]
    extra = _extras(chosen, rng).still()
    placing = whole([entry.scale for entry in chosen], shrink)
    return _photographed(folder, chosen, others, placing, rng, extra, mix)


def _generator(rng: np.random.Generator, device: torch.device = CPU) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(rng.integers(2**62)))


def _extras(chosen: Sequence[Entry], rng: np.random.Generator) -> extras.Extras:
    """Drawn from a stream of their own, which leaves the flashes as they are without them."""
    return extras.sample(torch.tensor([entry.glasses for entry in chosen]), _generator(rng.spawn(1)[0]))


def _photographed(
    folder: Path,
    chosen: Sequence[Entry],
    others: Sequence[Entry],
    placing: Placing,
    rng: np.random.Generator,
    extra: extras.Extras,
    mix: Mix = TRAINING,
    device: torch.device = CPU,
) -> Photographs:
    generator = _generator(rng)
    lightness = torch.tensor([entry.lightness for entry in chosen])
    flash = sample(lightness, generator, mix).to(device)
    if device != CPU:
        generator = _generator(rng, device)
    extra, placing = extra.to(device), placing.to(device)
    scene, valid, placing = _scene(folder, chosen, others, placing, rng, extra, flash)
    lit = replace(scene, albedo=scene.albedo / scene.light**mix.unlit)
    light = render(lit, flash, patchiness(len(chosen), placing.size, rng).to(device))
    own = decode_srgb(lightness.to(device)).view(-1, 1, 1, 1) * flash.darken.mean(dim=1, keepdim=True)
    gain = decode_srgb(flash.face_level) / (own * (FRONT + flash.ambient))
    glare = extras.glare(extra, placing.eyes, placing.turn, placing.scale, placing.size) * scene.person
    noise, drawn = (_generator(stream) for stream in rng.spawn(2))
    shine, kept = _highlights(chosen, scene, placing, flash, extra, mix, drawn)
    exposed = (light.radiance + flash.flash_colour * glare + shine) * gain
    studio = _studio(scene, lit.albedo, light, flash, own, mix) + kept
    exposed = torch.where(flash.identity > 0, torch.lerp(exposed, studio, scene.person), exposed)
    x = jpeg(develop(compress(exposed, flash), flash, generator, placing.shrink), flash.jpeg)
    return Photographs(
        x, studio, mix, scene, lit.albedo, light, flash, extra, placing, valid, gain, own, kept, noise
    )


def _highlights(
    chosen: Sequence[Entry],
    scene: Surface,
    placing: Placing,
    flash: Flash,
    extra: extras.Extras,
    mix: Mix,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the light beside the skin's in the photograph and in the target, both (N, 3, H, W)."""
    if not mix.highlights:
        nothing = torch.zeros_like(scene.albedo)
        return nothing, nothing
    drawn = highlights.sample(len(chosen), mix.highlights, placing, generator).to(flash.oil.device)
    parts = highlights.shine(drawn, scene, placing, flash, chosen, extra.yaw)
    shine, kept = (part * (1 - flash.identity) for part in parts)
    return shine, kept / (FRONT + flash.ambient)  # the target is exposed for skin that is lit from the front


def _scene(
    folder: Path,
    chosen: Sequence[Entry],
    others: Sequence[Entry],
    placing: Placing,
    rng: np.random.Generator,
    extra: extras.Extras,
    flash: Flash,
) -> tuple[Surface, Tensor, Placing]:
    """Return what the cameras see, where it lies in the photograph, and where the turned heads lie."""
    device, shrink = flash.oil.device, placing.shrink
    scenes = [load(folder, [entry], shrink)[0, PLANES["scene"]] for entry in others]
    behind = backgrounds(chosen, scenes, placing.size, rng).to(device)
    maps = load(folder, chosen, shrink).to(device)
    scale = torch.tensor([entry.scale for entry in chosen], device=device)
    maps = extras.turn_heads(maps, scale / shrink, extra.yaw)
    placing = replace(placing, eyes=placing.eyes + extras.eyes_move(extra, placing.turn, placing.scale))
    return (*surface(maps, placing, behind, flash, dyes(chosen, rng).to(device)), placing)


@dataclass(frozen=True)
class Photographs:
    """N flash photographs x, (N, 3, H, W) sRGB, with what is known of them.

    studio: the target, linear, as `mix` lights and exposes it. albedo: with the portraits' own light taken
    off. valid: where the scene lies in the photograph. gain: of the exposure. own: linear level of the skin.
    kept: the highlights beside the skin that the target has, see `highlights`. noise: of what makes `o` a
    little off.
    """

    x: Tensor
    studio: Tensor
    mix: Mix
    scene: Surface
    albedo: Tensor
    light: Light
    flash: Flash
    extra: extras.Extras
    placing: Placing
    valid: Tensor
    gain: Tensor
    own: Tensor
    kept: Tensor
    noise: torch.Generator

    def aimed(self, mix: Mix) -> Photographs:
        """Return the same photographs with the target that another mix asks for."""
        studio = _studio(self.scene, self.albedo, self.light, self.flash, self.own, mix) + self.kept
        return replace(self, studio=studio, mix=mix)

    def pairs(self) -> Pairs:
        """Put each photograph beside its target."""
        x, scene, flash, shrink = self.x, self.scene, self.flash, self.placing.shrink
        o = self._target()
        flashed = self.valid * (1 - flash.identity)
        return Pairs(
            x=x,
            o=o,
            bl_x=_filtered(x, shrink),
            bl_o=_filtered(o, shrink),
            weight=self.valid * (1 + SKIN_WEIGHT * scene.skin + BACKGROUND_WEIGHT * (1 - scene.person)),
            skin=scene.skin * self.valid,
            specular=(self.light.specular * self.gain).clip(0, 1) * flashed,
            shadow=self.light.shadow * flashed,
            theta=self.placing.theta,
            person=scene.person,
            cast=flash.led,
        )

    def _target(self) -> Tensor:
        """Return `o`: the studio portrait, or the photograph itself where there is nothing to be changed."""
        x, studio, scene, flash = self.x, self.studio, self.scene, self.flash
        if self.mix.hue_tie:
            bare = (scene.skin * self.valid > 0.5) & (self.light.specular * self.gain < SHINY)
            studio = studio * complexion(x, srgb(studio), bare, flash, self.mix).to(studio.device)
        same = (flash.identity > 0) & (flash.balance == 1).all(1, keepdim=True)
        o = torch.where(same, x, torch.lerp(x, srgb(studio), scene.person))
        moved = self.extra.jitter / self.placing.shrink * (1 - flash.identity[:, 0, 0, 0])
        return extras.shake(o, moved, self.noise)


def _studio(scene: Surface, albedo: Tensor, light: Light, flash: Flash, own: Tensor, mix: Mix) -> Tensor:
    """Return the target, linear: exposed as the photograph where only the exposure follows it, see `Mix`."""
    tie = (decode_srgb(flash.face_level) / own) ** (0.0 if mix.hue_tie else mix.exposure_tie)
    tie = torch.where(flash.identity > 0, torch.ones_like(tie), tie.clip(*TIE_RANGE))
    tone = 1 - scene.tone + scene.tone * flash.darken
    return albedo * tone * tie * _studio_light(scene, light, mix)


def _studio_light(scene: Surface, light: Light, mix: Mix) -> Tensor:
    """Return what the target is lit by: what is left of its own light, the soft key, and the flash's form."""
    return scene.light**mix.own * scene.key**mix.key * light.contour**mix.form


def complexion(x: Tensor, o: Tensor, bare: Tensor, flash: Flash, mix: Mix) -> Tensor:
    """Gains (N, 3, 1, 1) in linear light that let the target keep the photograph's exposure and complexion.

    Skin colour and light cannot be told apart in one photograph: a person's colour is left as it is, unless
    a cast is certain (`Mix.led`) or the skin is burnt out. Medians in CIE Lab over `bare` (N, 1, H, W), skin
    that does not shine; x, o: sRGB.
    """
    gains = torch.ones(len(x), 3)
    for i, (photo, studio, where) in enumerate(zip(x, o, bare[:, 0], strict=True)):
        before, after = (picture[:, where].cpu().numpy() for picture in (photo, studio))
        hue_tie = mix.led_hue_tie if bool(flash.led[i] > 0) else mix.hue_tie
        gain = _own_colour(
            before, after, np.array([mix.exposure_tie, hue_tie, hue_tie], np.float32), mix.lift
        )
        if gain is not None:
            gains[i] = torch.from_numpy(gain)
    return gains[..., None, None]


def _own_colour(before: np.ndarray, after: np.ndarray, ties: np.ndarray, lift: float) -> np.ndarray | None:
    """Return one face's gains, (3,). before, after: (3, K) sRGB of its skin; None: too little is seen."""
    good = (before > 0.02).all(0) & (before < 0.98).all(0)
    if good.sum() < 50:
        return None
    known = min(1.0, float(good.mean()) / UNCLIPPED)
    colours = np.stack([np.median(before[:, good], axis=1), np.median(after[:, good], axis=1)])
    seen, own = cv2.cvtColor(colours[None].astype(np.float32), cv2.COLOR_RGB2Lab)[0]
    wanted = own + (seen - own) * known * ties
    wanted[0] = (wanted[0] + lift).clip(*LIGHTNESS)
    rgb = cv2.cvtColor(wanted[None, None].astype(np.float32), cv2.COLOR_Lab2RGB)[0, 0].clip(0.01, 1)
    gain = decode_srgb(rgb) / decode_srgb(colours[1]).clip(1e-3)
    return np.asarray(gain, np.float32)


def _filtered(batch: Tensor, shrink: int) -> Tensor:
    if batch.is_cuda:
        return bilateral(batch, shrink)
    done = [filter_crop(picture, shrink) for picture in batch.permute(0, 2, 3, 1).contiguous().numpy()]
    return torch.from_numpy(np.stack(done)).permute(0, 3, 1, 2).contiguous()
