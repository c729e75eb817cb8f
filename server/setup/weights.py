"""Which networks the checkout holds, and whether all weights are what they should be.

Reads the small JSON file beside each weights file; the network itself is never loaded here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from model.inference import segmentation
from plugin.studio_portrait.link.wire import ERRORS
from server import CHECKOUT

HINT = ERRORS["weights"]


@dataclass(frozen=True)
class Network:
    """A network's name, and what is wrong with its weights file ("" if nothing)."""

    name: str
    file: Path
    sha256: str
    fault: str


def networks(checkout: Path = CHECKOUT) -> list[Network]:
    """Every network in ``model/weights``, the default one first, each checked by its SHA-256."""
    found = []
    for description in sorted((checkout / "model" / "weights").glob("*.json")):
        try:
            facts = json.loads(description.read_text("utf-8"))
            file = description.with_name(facts["file"])
            sha256 = str(facts["sha256"])
            network = Network(str(facts["name"]), file, sha256, _fault(file, sha256))
            found.append((not facts.get("default", False), network))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            found.append((True, Network(description.stem, description, "", "its description cannot be read")))
    return [network for _, network in sorted(found, key=lambda pair: (pair[0], pair[1].name))]


def person_finder(checkout: Path = CHECKOUT) -> Network:
    """Check the segmentation that finds the person for every network."""
    file = checkout / "model" / "weights" / segmentation.FILE
    return Network("that finds the person", file, segmentation.SHA256, _fault(file, segmentation.SHA256))


def fingerprint(found: list[Network]) -> str:
    """One word that changes when any network's weights do."""
    return "+".join(f"{network.name}:{network.sha256[:12]}" for network in found)


def _fault(file: Path, sha256: str) -> str:
    try:
        with file.open("rb") as stream:
            actual = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "its weights are missing"
    return "" if actual == sha256 else "its weights' checksum is wrong"
