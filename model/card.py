"""The model card beside the weights, written with them so that its numbers cannot fall behind."""

from __future__ import annotations

from typing import Any, Final

TEMPLATE: Final = """# {name}

The network of *Turning a Smartphone Selfie Into a Studio Portrait* (Capece, Banterle, Cignoni, Ganovelli,
Erra, IEEE CG&A 2020), trained anew on synthetic flash: the authors' code, weights and photographs
are not public. {parameters:,} parameters, fp16, SHA-256 `{sha256}`.

**Use**: crops of 512x512 pixels, head and shoulders (`model/framing.py`), bilateral-filtered
(`model/bilateral.py`), sRGB in [0, 1]; the output y is undone by eq. (4), `clip(x - 2y + 1)`.

## Training
{steps:,} steps, {samples:,} samples, {hours:.1f} h on {hardware};
{resolution}. The encoder is VGG-16 as published (each layer rescaled by a factor,
which changes nothing), the decoder was trained. Every sample is a new flash: a face mesh is fitted to a
portrait and lit by a point source beside the lens (`model/synthesize`). Target: the portrait itself,
balanced and made matte; the background is left alone.

## Held-out people
{count} full flashes of people who were never trained on (a fifth of all, by a hash of the person's name).
Synthetic flash: real photographs are harder, and these numbers say nothing about them.

| | loss eq. (1) | lambda = 1 | accuracy eq. (3) | PSNR | PSNR skin |
|---|---|---|---|---|---|
{rows}

PSNR is of the clipped picture against the real studio portrait.

## Known limits
- A first, short training on two processor cores: the correction is careful. Shine is lessened, not
  removed; where the flash burnt all three channels there is nothing to bring back.
- Trained on almost only frontal, adult faces. Profiles, children, hands and hats are outside.
- Skin tones regress towards the middle: exposure and skin colour cannot be told apart in one photograph.
  Darker skin was drawn more often and light skin re-rendered darker, but not yet measured by tone.
- Plain or strongly coloured backgrounds inside the crop take on a slight tint or lose some colour; dark
  backgrounds and hair are lifted a little, with a faint pale rim round dark hair.
- Glare on glasses stays. Strong colour casts are only partly corrected.

## Sources
| what | from | licence |
|---|---|---|
| encoder's start | VGG-16, ImageNet (Simonyan & Zisserman) | CC BY 4.0 |
| portraits | Face Research Lab London Set (DeBruine & Jones 2017, figshare 5047666) | CC BY 4.0 |
| portraits | Young adult white faces (DeBruine, figshare 4220517) | CC BY 4.0 |
| portraits | US Presidential Innovation Fellows, headshots | CC0 / US public domain (1, 2) |
| portraits | "interfaces" portrait collection | CC0 by its README |
| portraits | GSA digitalcorps, cio.gov, fpc.gov; 18F | US public domain / CC0 (1) |
| portraits | newjersey/innovation.nj.gov, open-life-science | CC BY 4.0 |
| portraits | GSA centers of excellence | presumed US government work (1) |
| face mesh (not in the weights) | ICT-FaceKit light, USC ICT | MIT |

(1) Publicity rights are not waived. (2) The provenance of single photographs is undocumented.

The weights are {licence}. They hold no photograph, and are meant for retouching, not for recognising anybody.
"""

COLUMNS: Final = (
    ("loss_eq1", "{:.4f}"),
    ("loss_lambda1", "{:.4f}"),
    ("accuracy", "{:.2f} %"),
    ("psnr", "{:.2f} dB"),
    ("psnr_skin", "{:.2f} dB"),
)
ROWS: Final = (("do_nothing", "doing nothing"), ("network", "this network"))


def text(facts: dict[str, Any]) -> str:
    """The card for the contents of a network's JSON file."""
    trained = facts["trained"]
    held_out = trained["held_out"]
    rows = [
        f"| {title} | " + " | ".join(form.format(held_out[key][column]) for column, form in COLUMNS) + " |"
        for key, title in ROWS
        if key in held_out
    ]
    return TEMPLATE.format(
        **{key: facts[key] for key in ("name", "parameters", "sha256", "licence")},
        **{key: trained[key] for key in ("steps", "samples", "hardware", "resolution")},
        hours=trained["seconds"] / 3600,
        count=held_out.get("pictures", "No"),
        rows="\n".join(rows),
    )
