"""A software bill of materials in CycloneDX's JSON: every pinned package, its files' hashes and its licence.

https://cyclonedx.org/specification/overview (version 1.6). The same for the same version of Studio Portrait,
whatever is installed: it says what belongs to it, the audit whether that is what is there.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from plugin.studio_portrait.link.version import VERSION
from server import CHECKOUT

from . import licences, pins, weights


def text(checkout: Path = CHECKOUT) -> str:
    """Return the bill as JSON."""
    return json.dumps(bill(checkout), indent=1)


def bill(checkout: Path = CHECKOUT) -> dict[str, Any]:
    """Return the bill of what lies in `checkout`: packages by group, and the shipped networks."""
    folder = checkout / "requirements"
    locked = pins.locked((folder / "hashes.txt").read_text("utf-8"))
    told = licences.listed((folder / "licences.txt").read_text("utf-8"))
    groups = {group: pins.read([folder / f"{group}.txt"], everywhere=True) for group in pins.groups(folder)}
    components = []
    for name, entry in locked.items():
        used_by = sorted(group for group, wanted in groups.items() if name in map(pins.normal, wanted))
        components.append(
            _package(name, entry, told.get(name, licences.UNKNOWN), used_by or ["torch (CUDA)"])
        )
    components += [_network(network) for network in weights.networks(checkout)]
    product = {
        "type": "application",
        "bom-ref": "studio-portrait",
        "name": "studio-portrait",
        "version": VERSION,
        "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
    }
    references = [component["bom-ref"] for component in components]
    number = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(components))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
        "dependencies": [{"ref": "studio-portrait", "dependsOn": references}],
    }


def _package(name: str, entry: pins.Locked, expression: str, groups: list[str]) -> dict[str, Any]:
    """Return a component. Its many files' hashes are properties: CycloneDX's own field means one file."""
    address = f"pkg:pypi/{name}@{entry.version}"
    properties = [{"name": "group", "value": group} for group in groups]
    if entry.marker:
        properties.append({"name": "marker", "value": entry.marker})
    properties += [{"name": "file:sha256", "value": digest} for digest in entry.hashes]
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": entry.version,
        "purl": address,
        "licenses": [{"expression": expression}]
        if _is_spdx(expression)
        else [{"license": {"name": expression}}],
        "properties": properties,
    }


def _is_spdx(expression: str) -> bool:
    """Whether it is one of SPDX's own expressions, and not a package's looser word."""
    words = expression.replace("(", " ").replace(")", " ").split()
    return not any(word in ("BSD", licences.UNKNOWN, "Zlib-acknowledgement") for word in words)


def _network(network: weights.Network) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": f"network:{network.name}",
        "name": network.name,
        "version": VERSION,
        **({"hashes": [{"alg": "SHA-256", "content": network.sha256}]} if network.sha256 else {}),
        "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
    }
