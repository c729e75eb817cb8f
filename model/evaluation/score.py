"""All numbers of one picture, as one flat record; who draws means of them is `bootstrap`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from model.paper import equations
from model.paper.bilateral import filter_crop

from . import metrics
from .bootstrap import RATIOS, Record
from .faces import describe, distance
from .flashes import Sample
from .systems import Outcome, System, matched, o_bar


def score(sample: Sample, systems: Mapping[str, System], real: bool = False) -> dict[str, Record]:
    """One record for each system. real: bring every outcome to `o`'s exposure first."""
    best = matched(sample, o_bar(sample)) if real else o_bar(sample)
    truth = describe(sample.o)
    skin = metrics.skin_regions(sample.skin)
    tone = metrics.median_lab(sample.o, skin)
    common = {"person": sample.person, "bin": metrics.ita_bin(metrics.ita(tone))}
    records = {}
    for name, system in systems.items():
        outcome = matched(sample, system(sample)) if real else system(sample)
        lab = metrics.median_lab(outcome.picture, skin)
        face = describe(outcome.picture)
        records[name] = {
            **common,
            **_fidelity(sample, outcome, best),
            **_residuals(sample, outcome),
            **_texture(sample, outcome),
            "identity": distance(face, truth),
            "identity_failures": float(face is None or truth is None),
            "deltae_skin": metrics.delta_e(tone, lab),
            "l_bias": float(lab[0] - tone[0]),
        }
    return records


def _fidelity(sample: Sample, outcome: Outcome, best: Outcome) -> Record:
    """Against `o` and, where the name says so, against `o_bar`."""
    y, t = (_planes(value) for value in (outcome.y, equations.target(sample.bl_x, sample.bl_o)))
    frame, similar = metrics.ssim(outcome.picture, sample.o)
    return {
        "loss": float(equations.loss(y, t)),
        "loss_dc": float(equations.loss(y, t, 1.0)),
        "accuracy": float(equations.accuracy(y, t)),
        "psnr_face": metrics.psnr(outcome.picture, sample.o, sample.skin),
        "psnr_frame": metrics.psnr(outcome.picture, sample.o),
        "ssim_face": float(similar[sample.skin].mean()),
        "ssim_frame": frame,
        "ssim_obar": metrics.ssim(outcome.picture, best.picture)[0],
        "ms_ssim": metrics.ms_ssim(outcome.picture, sample.o),
        "gmsd": metrics.gmsd(outcome.picture, sample.o),
    }


def _planes(picture: NDArray[Any]) -> NDArray[Any]:
    return picture.transpose(2, 0, 1)[None]


def _residuals(sample: Sample, outcome: Outcome) -> Record:
    result: Record = {}
    for (left, whole), mask in zip(RATIOS.values(), (sample.shine, sample.shade), strict=True):
        if mask is None or not mask.any():
            result[left], result[whole] = math.nan, math.nan
        else:
            result[left], result[whole] = metrics.residual(outcome.picture, sample.x, sample.o, mask)
    return result


def _texture(sample: Sample, outcome: Outcome) -> Record:
    mask = sample.skin & metrics.unclipped(sample.x)
    fine_hat = outcome.picture - filter_crop(outcome.picture)
    correlation, energy = metrics.detail(sample.x - sample.bl_x, fine_hat, mask)
    return {"detail": correlation, "detail_energy": energy}
