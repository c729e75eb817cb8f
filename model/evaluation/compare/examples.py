"""The examples of headshot style transfer: studio portraits of people whom training may see.

Made like the ground truth (`model.data.synthesize.target`), so that the method gets examples of the very look
that it is judged by. Which people: the first by the hash of their name, so that whoever has the
portraits has the same examples.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from model.data.synthesize.cache import INDEX, Entry, entries, fill, planes
from model.data.synthesize.maps import PLANES
from model.data.synthesize.portraits import Portrait, manifest
from model.evaluation.maps import find_mesh
from model.networks.headshot_example import Face, framed

PEOPLE: Final = 40
FOLDER: Final = "examples"
PROCESSES: Final = 2


def studio_examples(portraits: Path, mesh: Path | None, cache: Path) -> list[Face]:
    """One portrait of each of `PEOPLE` people. cache: training's, or a folder to keep their maps in."""
    wanted = chosen(manifest(portraits))
    known = {entry.name: entry for entry in entries(cache)}
    folder = cache
    if not all(name in known for name in wanted):
        folder = cache / FOLDER
        if not (folder / INDEX).is_file():
            fill(portraits, find_mesh(mesh, portraits), folder, PROCESSES, lambda one: one.name in wanted)
        known = {entry.name: entry for entry in entries(folder)}
    return [face(folder, known[name]) for name in wanted if name in known]


def chosen(listed: list[Portrait]) -> list[str]:
    """Return the names of the portraits, one of each person who is not held out."""
    people: dict[str, str] = {}
    for portrait in listed:
        if not portrait.held_out:
            people.setdefault(portrait.person, portrait.name)
    order = sorted(people, key=lambda person: hashlib.sha256(person.encode()).digest())
    return [people[person] for person in order[:PEOPLE]]


def face(folder: Path, entry: Entry) -> Face:
    """Return the person in studio light before the portrait's own background."""
    maps = np.asarray(planes(folder, entry.name), np.float32)
    person = maps[..., PLANES["person"]] / 255
    picture = person * maps[..., PLANES["studio"]] + (1 - person) * maps[..., PLANES["scene"]]
    return framed(np.ascontiguousarray((picture + 0.5).astype(np.uint8)))
