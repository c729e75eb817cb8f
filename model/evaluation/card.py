"""``python -m model card --evaluation RESULT.json``: write weights/MODEL_CARD.md.

Facts come from the networks' own JSON files and from the last line of ``python -m model evaluate
--json``, so that the card cannot say other numbers than were measured. What nobody measured stays away.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .. import command_line
from ..errors import Unusable
from ..inference.weights import WEIGHTS
from . import photographs
from .systems import YARDSTICKS
from .table import TITLES, cell

CARD: Final = "MODEL_CARD.md"
MAX_BYTES: Final = 1_000_000  # of all pictures together
# Sources as the portraits' manifest calls them: what, licence.
SOURCES: Final = {
    "london": ("Face Research Lab London Set (DeBruine & Jones 2017, figshare 5047666)", "CC BY 4.0"),
    "canada": ("Young adult white faces (DeBruine, figshare 4220517)", "CC BY 4.0"),
    "pif": ("US Presidential Innovation Fellows, headshots", "CC0 / US public domain (1, 2)"),
    "interfaces": ('"interfaces" portrait collection', "CC0 by its README"),
    "civic_digitalcorps": ("GSA digitalcorps", "US public domain / CC0 (1)"),
    "civic_cio": ("GSA cio.gov", "US public domain / CC0 (1)"),
    "civic_fpc": ("GSA fpc.gov", "US public domain / CC0 (1)"),
    "civic_nj_innovation": ("newjersey/innovation.nj.gov", "CC BY 4.0"),
    "civic_ols": ("open-life-science", "CC BY 4.0"),
    "civic_coe": ("GSA centers of excellence", "presumed US government work (1)"),
    "us_congress": ("US members of Congress, unitedstates/images", "US public domain (1)"),
    "us_house_csu": ("US House, official portraits", "US public domain, presumed (1)"),
    "us_senate_csu": ("US Senate, official portraits", "US public domain, presumed (1)"),
    "us_congress_voteview": ("US Congress, official portraits", "US public domain, presumed; weak (1, 2)"),
    "us_executive": ("US executive, official portraits", "US public domain, presumed; weak (1, 2)"),
    "us_pif": ("US Presidential Innovation Fellows, later years", "CC0 / US public domain (1)"),
    "gsa_digitalcorps": ("GSA digitalcorps, later", "CC0 / US public domain (1)"),
    "gsa_cio": ("GSA cio.gov, later", "CC0 / US public domain (1)"),
    "gsa_fpc": ("GSA fpc.gov, later", "CC0 / US public domain (1)"),
    "gsa_councils": ("GSA councils", "presumed US government work; weak (1, 2)"),
    "nj_innovation": ("newjersey/innovation.nj.gov, later", "CC BY 4.0"),
    "dds_mil": ("Defense Digital Service", "US public domain (1)"),
    "ropensci": ("rOpenSci", "CC BY 4.0"),
    "ai_faker": ("generated faces, Stable Diffusion 3", "CC0"),
    "ai_openpeople": ("generated faces, Gemini", "MIT"),
}
DIGITS: Final = {
    "accuracy": 2,
    "loss": 4,
    "loss_dc": 4,
    "psnr_face": 2,
    "psnr_frame": 2,
    "ssim_face": 3,
    "ssim_obar": 3,
    "identity": 3,
    "specular_residual": 3,
    "shadow_residual": 3,
    "detail": 3,
    "deltae_skin": 2,
    "studio_change": 2,
}
ABOUT_PHOTOGRAPHS: Final = """
None of them was trained on or is shown. Change of the face's median colour; shine: L* of the brightest
twentieth over the median, after / before; neck step: distance in a*, b* from face to neck, after - before;
outside: levels of 255 changed beside the person (`model/evaluation/photographs.py`)."""
BIN_DIGITS: Final = {"l_bias": 2, "specular_residual": 3, "deltae_skin": 2}

# With the history of what `python -m model blind score` counted, which was typed and not measured here.
TEMPLATE: Final = Path(__file__).with_name("card_template.md")


def text(
    networks: Sequence[Mapping[str, Any]],
    result: Mapping[str, Any],
    portraits: Sequence[Mapping[str, Any]] = (),
    pictures: Sequence[str] = (),
) -> str:
    """Return the card. networks: contents of weights/*.json. result: the JSON of `model.evaluation`.

    portraits: the training cache's index, to count people by source. pictures: paths from the card's folder.
    """
    mixes = {_mix(name): judged for name, judged in result["mixes"].items()}
    names = [*YARDSTICKS, *(facts["name"] for facts in networks)]
    for mix, judged in mixes.items():
        if absent := [name for name in names if name not in judged["systems"]]:
            raise Unusable(f"{mix} has no row {absent[0]}; run python -m model evaluate again")
    return TEMPLATE.read_text("utf-8").format(
        networks=_networks(networks, result["default"]),
        training="\n".join(_training(facts) for facts in networks),
        sources=_sources(portraits),
        tables="\n\n".join(_judged(mix, judged, names, result["seed"]) for mix, judged in mixes.items()),
        fairness="\n\n".join(_by_tone(mix, judged["systems"], names) for mix, judged in mixes.items()),
        photographs=_photographs(result.get("photographs")),
        pictures="".join(["\n## Pictures\n", *map(_picture, pictures)] if pictures else []),
        licences=" and ".join(sorted({str(facts["licence"]) for facts in networks})),
    )


def _mix(name: str) -> str:
    known = {"hard": "Mix hard, that of the first versions", "real": "Mix real, calibrated"}
    return known.get(name, f"Mix {name}")


def _photographs(found: Mapping[str, Any] | None) -> str:
    """Real photographs without a truth: percentiles of what changes in them."""
    if not found:
        return ""
    rows = [["5 / 25 / 50 / 75 / 95 %", "photographs", *photographs.COLUMNS]]
    for system, groups in found["systems"].items():
        for group, row in groups.items():
            cells = [photographs.spread(row[name], 1, "") for name in photographs.COLUMNS]
            rows.append([f"{system}, {group}", str(row["n"]), *cells])
    return f"\n## Real flash photographs{ABOUT_PHOTOGRAPHS}\n\n{markdown(rows)}\n"


def _networks(networks: Sequence[Mapping[str, Any]], default: str) -> str:
    rows = [["network", "", "parameters", "file", "SHA-256"]]
    for facts in networks:
        name = facts["name"]
        about = facts["caption"]
        shown = f"**{name}** (default)" if name == default else name
        size = f"{facts['bytes'] / 1e6:.1f} MB, fp16"
        rows.append([shown, about, f"{facts['parameters']:,}", size, f"`{facts['sha256']}`"])
    return markdown(rows)


def _training(facts: Mapping[str, Any]) -> str:
    trained = facts["trained"]
    hardware = f" on {trained['hardware']}" if trained["hardware"] else ""
    before = f"; started from {trained['before']}" if trained.get("before") else ""
    colour = trained.get("colour", {})
    fitted = f"; the person's colour fitted on {colour['samples']:,} pictures" if colour else ""
    return (
        f"- {facts['name']}: {trained['steps']:,} steps, {trained['samples']:,} samples, "
        f"{trained['seconds']:,} seconds{hardware}; {trained['resolution']}{before}{fitted}."
    )


def _sources(portraits: Sequence[Mapping[str, Any]]) -> str:
    pictures = Counter(entry["source"] for entry in portraits)
    people = Counter(source for source, _ in {(entry["source"], entry["person"]) for entry in portraits})
    held_out = Counter(
        source for source, _ in {(e["source"], e["person"]) for e in portraits if e["held_out"]}
    )
    counts = ["portraits", "people", "of them held out"] if portraits else []
    rows = [["from", "licence", *counts]]
    for source, (what, licence) in SOURCES.items():
        if portraits and not pictures[source]:
            continue
        numbers = [str(count[source]) for count in (pictures, people, held_out)] if portraits else []
        rows.append([what, licence, *numbers])
    if portraits:
        totals = [str(count.total()) for count in (pictures, people, held_out)]
        rows.append(["all", "", *totals])
    return markdown(rows)


def _judged(mix: str, judged: Mapping[str, Any], names: Sequence[str], seed: int) -> str:
    rows = [["", *names]]
    for column, digits in DIGITS.items():
        rows.append([TITLES[column], *(_cell(judged["systems"][name], column, digits) for name in names)])
    head = f"**{mix}**: {judged['samples']} flashes of {judged['people']} people, seed {seed}."
    return f"{head}\n\n{markdown(rows)}"


def _by_tone(mix: str, systems: Mapping[str, Any], names: Sequence[str]) -> str:
    shown = [name for name in names if name == "do_nothing" or name not in YARDSTICKS]
    return "\n\n".join([f"**{mix}**", *(_fairness(name, systems[name]) for name in shown)])


def _fairness(name: str, system: Mapping[str, Any]) -> str:
    rows = [[name, "flashes", "people", "L* bias", "specular residual", "skin CIEDE2000"]]
    for tone, row in system["by_ita"].items():
        cells = [_cell(row, column, digits) for column, digits in BIN_DIGITS.items()]
        rows.append([tone.replace("_", " "), str(row["n"]), str(row["people"]), *cells])
    worst = [system["worst"][column] for column in BIN_DIGITS]
    ends = ["" if w is None else f"{w['bin'].replace('_', ' ')}; {w['gap']:.2f}" for w in worst]
    return markdown([*rows, ["worst; gap", "", "", *ends]])


def _cell(row: Mapping[str, Any], column: str, digits: int) -> str:
    return cell(row, column, f"{{:.{digits}f}}".format, "")


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table, its first row the head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _picture(path: str) -> str:
    title = Path(path).stem.replace("_", " ")
    return f"\n![{title}]({path})\n\n{title}\n"


def _json(path: Path, last_line: bool = False) -> Any:
    try:
        words = path.read_text("utf-8")
        return json.loads(words.splitlines()[-1] if last_line else words)
    except (OSError, ValueError, IndexError) as error:
        raise Unusable(f"{path} is missing or holds no JSON; name another file or folder") from error


def found_pictures(folder: Path, beside: Path) -> list[str]:
    """Return the PNG and JPEG files of `folder`, as paths from `beside`. Raises `Unusable`."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    size = sum(path.stat().st_size for path in files)
    if size > MAX_BYTES:
        raise Unusable(f"the pictures have {size:,} bytes, more than {MAX_BYTES:,}; make them smaller")
    if not folder.resolve().is_relative_to(beside.resolve()):
        raise Unusable(f"{folder} is not below {beside}, where the card is; put the pictures there")
    return [path.resolve().relative_to(beside.resolve()).as_posix() for path in files]


def write(weights: Path, evaluation: Path, cache: Path | None, pictures: Path | None) -> Path:
    """Write the card into `weights`. Raises `Unusable`."""
    networks = [_json(path) for path in sorted(weights.glob("*.json"))]
    if not networks:
        raise Unusable(f"{weights} describes no network; export one first")
    portraits = _json(cache / "index.json") if cache else []
    if pictures and not pictures.is_dir():
        raise Unusable(f"{pictures} is not a folder; name one with pictures")
    paths = found_pictures(pictures, weights) if pictures else []
    try:
        words = text(networks, _json(evaluation, last_line=True), portraits, paths)
    except (KeyError, TypeError) as error:
        raise Unusable(f"{evaluation} is no result of python -m model evaluate --json: no {error}") from error
    card = weights / CARD
    card.write_text(words, "utf-8")
    return card


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    parser = command_line.parser("card", __doc__)
    add = parser.add_argument
    add("--evaluation", type=Path, required=True, help="output of python -m model evaluate --json")
    add("--cache", type=Path, help="the maps that training used, to count portraits and people by source")
    add("--pictures", type=Path, help="folder of pictures to show, below the weights' folder")
    add("--weights", type=Path, default=WEIGHTS, help="folder of networks (default: the shipped)")
    return command_line.run(parser, _run, arguments)


def _run(options: argparse.Namespace) -> int:
    print(write(options.weights, options.evaluation, options.cache, options.pictures))
    return 0
