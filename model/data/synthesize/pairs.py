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

from . import extras
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
    return _make(folder, chosen, others, placing, rng, _extras(chosen, rng), mix, device)


def fixed(
    folder: Path,
    entries: Sequence[Entry],
    chosen: Sequence[Entry],
    seed: Sequence[int],
    mix: Mix = TRAINING,
    shrink: int = 1,
) -> Pairs:
    """One full pair for each of `chosen`, 512 / shrink pixels, not turned: for validation and for judging."""
    rng = np.random.default_rng(seed)
    others = [entries[i] for i in rng.integers(0, len(entries), len(chosen))]
    extra = _extras(chosen, rng).still()
    placing = whole([entry.scale for entry in chosen], shrink)
    return _make(folder, chosen, others, placing, rng, extra, mix)


def _generator(rng: np.random.Generator, device: torch.device = CPU) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(rng.integers(2**62)))


def _extras(chosen: Sequence[Entry], rng: np.random.Generator) -> extras.Extras:
    """Drawn from a stream of their own, which leaves the flashes as they are without them."""
    return extras.sample(torch.tensor([entry.glasses for entry in chosen]), _generator(rng.spawn(1)[0]))


def _make(
    folder: Path,
    chosen: Sequence[Entry],
    others: Sequence[Entry],
    placing: Placing,
    rng: np.random.Generator,
    extra: extras.Extras,
    mix: Mix = TRAINING,
    device: torch.device = CPU,
) -> Pairs:
    generator = _generator(rng)
    size, n, shrink = placing.size, len(chosen), placing.shrink
    lightness = torch.tensor([entry.lightness for entry in chosen])
    flash = sample(lightness, generator, mix).to(device)
    if device != CPU:
        generator = _generator(rng, device)
    lightness, extra, placing = lightness.to(device), extra.to(device), placing.to(device)
    scenes = [load(folder, [entry], shrink)[0, PLANES["scene"]] for entry in others]
    behind = backgrounds(chosen, scenes, size, rng).to(device)
    maps = load(folder, chosen, shrink).to(device)
    scale = torch.tensor([entry.scale for entry in chosen], device=device)
    maps = extras.turn_heads(maps, scale / shrink, extra.yaw)
    placing = replace(placing, eyes=placing.eyes + extras.eyes_move(extra, placing.turn, placing.scale))
    scene, valid = surface(maps, placing, behind, flash, dyes(chosen, rng).to(device))
    lit = replace(scene, albedo=scene.albedo / scene.light**mix.unlit)
    light = render(lit, flash, patchiness(n, size, rng).to(device))
    glare = extras.glare(extra, placing.eyes, placing.turn, placing.scale, size) * scene.person
    own = decode_srgb(lightness).view(n, 1, 1, 1) * flash.darken.mean(dim=1, keepdim=True)
    gain = decode_srgb(flash.face_level) / (own * (FRONT + flash.ambient))
    exposed = (light.radiance + flash.flash_colour * glare) * gain
    tie = (decode_srgb(flash.face_level) / own) ** (0.0 if mix.hue_tie else mix.exposure_tie)
    tie = torch.where(flash.identity > 0, torch.ones_like(tie), tie.clip(*TIE_RANGE))
    tone = 1 - scene.tone + scene.tone * flash.darken
    studio = lit.albedo * tone * tie * _studio_light(scene, light, mix)
    exposed = torch.where(flash.identity > 0, torch.lerp(exposed, studio, scene.person), exposed)
    x = jpeg(develop(compress(exposed, flash), flash, generator, shrink), flash.jpeg)
    if mix.hue_tie:
        bare = (scene.skin * valid > 0.5) & (light.specular * gain < SHINY)
        studio = studio * complexion(x, srgb(studio), bare, flash, mix).to(device)
    same = (flash.identity > 0) & (flash.balance == 1).all(1, keepdim=True)
    o = torch.where(same, x, torch.lerp(x, srgb(studio), scene.person))
    moved = extra.jitter / shrink * (1 - flash.identity[:, 0, 0, 0])
    o = extras.shake(o, moved, _generator(rng.spawn(1)[0]))
    weight = valid * (1 + SKIN_WEIGHT * scene.skin + BACKGROUND_WEIGHT * (1 - scene.person))
    flashed = valid * (1 - flash.identity)
    specular, shadow = (light.specular * gain).clip(0, 1) * flashed, light.shadow * flashed
    bl_x, bl_o = _filtered(x, shrink), _filtered(o, shrink)
    return Pairs(
        x, o, bl_x, bl_o, weight, scene.skin * valid, specular, shadow, placing.theta, scene.person, flash.led
    )


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
        good = (before > 0.02).all(0) & (before < 0.98).all(0)
        if good.sum() < 50:
            continue
        known = min(1.0, float(good.mean()) / UNCLIPPED)
        colours = np.stack([np.median(before[:, good], axis=1), np.median(after[:, good], axis=1)])
        seen, own = cv2.cvtColor(colours[None].astype(np.float32), cv2.COLOR_RGB2Lab)[0]
        led = bool(flash.led[i] > 0)
        wanted = own + (seen - own) * known * np.array(
            [mix.exposure_tie, *[mix.led_hue_tie if led else mix.hue_tie] * 2], np.float32
        )
        wanted[0] = (wanted[0] + mix.lift).clip(*LIGHTNESS)
        rgb = cv2.cvtColor(wanted[None, None].astype(np.float32), cv2.COLOR_Lab2RGB)[0, 0].clip(0.01, 1)
        gain = decode_srgb(rgb) / decode_srgb(colours[1]).clip(1e-3)
        gains[i] = torch.from_numpy(np.asarray(gain, np.float32))
    return gains[..., None, None]


def _filtered(batch: Tensor, shrink: int) -> Tensor:
    if batch.is_cuda:
        return bilateral(batch, shrink)
    done = [filter_crop(picture, shrink) for picture in batch.permute(0, 2, 3, 1).contiguous().numpy()]
    return torch.from_numpy(np.stack(done)).permute(0, 3, 1, 2).contiguous()
