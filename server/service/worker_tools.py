"""What a worker does its jobs with: the pipeline, and the networks, each loaded once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin.studio_portrait.link.wire import Box

from .fallback import Fallback, Painting, with_fallback
from .tasks import TASKS
from .work import Work


@dataclass(frozen=True)
class Tools:
    """What a job is done with. The tests of the wire bring simpler ones.

    retouch: `server.imaging.retouch`. selection: makes its selection of a box and a
    mask. predictor: the predictor of a name, "" for the default one. match: the one
    that matches a reference portrait, (H, W, 3) sRGB. tasks: by their kind.
    """

    retouch: Callable[..., Any]
    selection: Callable[[Box, NDArray[np.uint8]], Any]
    predictor: Callable[[str], Any]
    match: Callable[[NDArray[np.uint8]], Any] | None = None
    tasks: Mapping[str, Callable[[Work], dict[str, Any]]] = field(default_factory=lambda: TASKS)


class LoadedNetworks:
    """The networks that were asked for, loaded once; anew when a file of theirs has changed since.

    load: loads a network of a name, "" for the default one. files: those that it is read from.
    """

    def __init__(self, load: Callable[[str], Any], files: Callable[[str], Sequence[Path]]):
        self._load = load
        self._files = files
        self._loaded: dict[str, Any] = {}
        self._stamps: dict[str, object] = {}  # by the network's own name

    def __call__(self, name: str) -> Any:
        """Return the network, ready to be used. Raises what `load` raises, for altered weights too."""
        network = self._loaded.get(name)
        if network is None or self._stamps[network.name] != self._stamp(network.name):
            self._loaded = {other: kept for other, kept in self._loaded.items() if kept is not network}
            network = self._load(name)
            self._loaded[name] = self._loaded[network.name] = network
            self._stamps[network.name] = self._stamp(network.name)
        return network

    def _stamp(self, name: str) -> object:
        found = []
        for path in self._files(name):
            with contextlib.suppress(OSError):
                about = path.stat()
                found.append((path, about.st_mtime_ns, about.st_size, about.st_ino))
        return tuple(found)


def real_tools(device: str, engine: str) -> Tools:
    """Return the pipeline and the network. The default one is loaded while the pipeline is imported.

    engine: one of the predictor's, or ``ray:ADDRESS`` (see `ray_serve`).
    """
    from model.inference import threads

    if most := threads.limit():
        threads.use(most)
    from model.inference.predictor import available, load, match

    load_here = load
    if engine.startswith("ray:"):
        from .ray_serve import Cluster

        load = Cluster(engine.partition(":")[2], device).load  # type: ignore[assignment]
    first: Future[Any] | None = ThreadPoolExecutor(1).submit(load, "", device=device, engine=engine)
    from model import face_models
    from server import imaging

    face_models.load()

    def loaded(name: str) -> Fallback | Painting:
        nonlocal first
        begun, first = (first, None) if name == "" else (None, first)
        new = begun.result() if begun else load(name, device=device, engine=engine)
        return with_fallback(new, lambda: load_here(new.name, device="cpu"))

    def files(name: str) -> list[Path]:
        info = next((info for info in available() if info.name == name), None)
        return [] if info is None else [info.file, info.file.with_suffix(".json")]

    return Tools(
        imaging.retouch,
        imaging.Selection,
        LoadedNetworks(loaded, files),
        lambda reference: Painting(match([reference])),
    )
