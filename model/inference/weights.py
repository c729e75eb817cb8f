"""Weights files: what they say of themselves, whether they are the right ones, and their tensors.

Beside each NAME.safetensors lies NAME.json, which names architecture, checksum, and what the weights were
trained with: preprocessing (bilateral filter, framing) and the numbers of the forward pass that no tensor
tells. Weights that were trained with other numbers than this version's code has are refused: they would give
wrong pictures.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import BadWeights, UnknownNetwork
from model.networks.registry import NETWORKS, SHIPPED
from model.paper.preprocessing import CURRENT, Preprocessing

WEIGHTS: Final = Path(__file__).resolve().parents[1] / "weights"
LARGEST_DESCRIPTION: Final = 1 << 20  # bytes
LARGEST_FILE: Final = 1 << 30

State = dict[str, NDArray[Any]]

log = logging.getLogger("networks")


@dataclass(frozen=True)
class NetworkInfo:
    """What a weights file's description says.

    file: path of the safetensors. architecture: one of `model.networks.registry`. answer: "y" or "picture".
    preprocessing, constants: what it was trained with, see `model.networks.network`. caption: one sentence.
    """

    name: str
    file: Path
    sha256: str
    default: bool
    parameters: int
    licence: str
    trained: dict[str, Any]
    architecture: str
    answer: str
    preprocessing: Preprocessing
    constants: Mapping[str, float] = field(default_factory=dict)
    caption: str = ""

    def check(self) -> None:
        """Refuse what this version cannot run. Raises `BadWeights` with a sentence."""
        if self.architecture not in NETWORKS:
            raise BadWeights(f"This version cannot run {self.name}, a {self.architecture!r} network.")
        if self.preprocessing != CURRENT:
            theirs, ours = asdict(self.preprocessing), asdict(CURRENT)
            other = ", ".join(
                f"{name} {theirs[name]:g} instead of {ours[name]:g}"
                for name in ours
                if theirs[name] != ours[name]
            )
            sentence = f"The weights of {self.name} were trained with another preprocessing than"
            raise BadWeights(f"{sentence} this version's: {other}.")
        if self.file.parent == WEIGHTS and SHIPPED.get(self.name, self.sha256) != self.sha256:
            raise BadWeights(f"The weights of {self.name} are not those that belong to this version.")


def available(folder: Path = WEIGHTS) -> list[NetworkInfo]:
    """List the networks of a folder, the default one first. Reads JSON only.

    One whose description cannot be read is left out and told to the log: the others can be used.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(_described(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            _warn_once(f"the description {path.name} of a network cannot be read ({type(error).__name__})")
    return sorted(found, key=lambda info: (not info.default, info.name))


def _described(path: Path) -> NetworkInfo:
    if path.stat().st_size > LARGEST_DESCRIPTION:
        raise ValueError("too large")
    facts = json.loads(path.read_text("utf-8"))
    facts["file"] = path.with_name(facts["file"])
    facts["preprocessing"] = Preprocessing(**facts["preprocessing"])
    info = NetworkInfo(**{one.name: facts[one.name] for one in fields(NetworkInfo) if one.name in facts})
    texts = (info.name, info.sha256, info.licence, info.architecture, info.answer, info.caption)
    if not all(isinstance(text, str) for text in texts) or not isinstance(info.trained, dict):
        raise TypeError("a text is none")
    return info


@functools.cache
def _warn_once(sentence: str) -> None:
    log.warning("%s", sentence)


def choose(network: str, known: list[NetworkInfo]) -> NetworkInfo:
    """Return the network that is meant, "" for the default one; never another.

    Raises `BadWeights` where none is there, `UnknownNetwork`.
    """
    if not known:
        raise BadWeights("No network is installed whose description can be read.")
    for info in known:
        if info.name == network or (info.default and not network):
            return info
    if not network:
        raise BadWeights("The default network's description is missing or cannot be read.")
    names = ", ".join(info.name for info in known)
    raise UnknownNetwork(f"There is no network {network!r}; there is: {names}.")


def checked(file: Path, sha256: str, name: str) -> bytes:
    """Return the bytes of a file whose checksum is right. name: whose weights. Raises `BadWeights`."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise BadWeights(f"The weights of {name} are larger than any network's.")
        data = file.read_bytes()
    except OSError as error:
        raise BadWeights(f"The weights of {name} are missing.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BadWeights(f"The weights of {name} are not those that belong to this version.")
    return data


def read(info: NetworkInfo) -> State:
    """Return the tensors of a weights file whose checksum is right. Raises `BadWeights`."""
    from safetensors.numpy import load as parse

    tensors: State = parse(checked(info.file, info.sha256, info.name))
    return {name: np.asarray(value, np.float32) for name, value in tensors.items()}


def another_network(info: NetworkInfo, reason: Exception | str) -> BadWeights:
    """Say that the tensors are another network's than the description says."""
    return BadWeights(f"The weights of {info.name} are of another network ({str(reason).splitlines()[0]}).")
