"""The one interface through which the server knows a network, in two forms.

A `Predictor` answers filtered crops with y, a difference at 512 pixels: the paper's network and our own. A
`Painter` answers crops of the photograph with a `Rendering` of each, which gives the picture's rows at any
size: HDRNet, and headshot style transfer, which has no weights but a reference portrait.

Which networks there are is read from the small JSON files beside the weights; nothing heavy is imported
before a network is really loaded.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from model.paper.bilateral import filter_crop
from model.paper.equations import target
from plugin.studio_portrait.link.wire import HEADSHOT, Problem

if TYPE_CHECKING:
    from .components import Components
    from .layers import Architecture, Folded
    from .rendering import Rendering

SIZE: Final = 512
WEIGHTS: Final = Path(__file__).resolve().parents[1] / "weights"
ENGINES: Final = ("auto", "pytorch", "openvino")
GPU_BATCH: Final = 4  # crops at a time: bounds memory however many faces there are
DEVICES: Final = ("auto", "cuda", "mps", "cpu")

log = logging.getLogger("networks")

Array = NDArray[np.float32]


@dataclass(frozen=True)
class NetworkInfo:
    """A network in model/weights: its JSON file's contents. file: path of the safetensors.

    architecture: one of `model.inference.architectures`; files older than the second one say nothing.
    """

    name: str
    file: Path
    sha256: str
    default: bool
    parameters: int
    licence: str
    trained: dict[str, Any]
    architecture: str = "deepflash"


class Engine(Protocol):
    """What runs the network. device: in words, such as "cpu"."""

    name: str

    @property
    def device(self) -> str: ...

    def __call__(self, crops: Array, cancelled: Callable[[], bool]) -> Array:
        """Asks `cancelled` a few times a second and, if so, raises `Problem` ``cancelled``."""
        ...


class Predictor:
    """A loaded network. name, weights_sha256, engine ("pytorch" or "openvino"), device, size.

    batch: how many crops a call should bring at most.
    """

    size: Final = SIZE

    def __init__(self, info: NetworkInfo, engine: Engine):
        self.name = info.name
        self.weights_sha256 = info.sha256
        self.engine = engine.name
        self.device = engine.device
        # A processor gains nothing from a batch, and one crop at a time leaves room for a cancel.
        self.batch = 1 if self.device == "cpu" else GPU_BATCH
        self._engine = engine

    def __call__(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> Array:
        """y for bilateral-filtered crops (paper: network output, eq. (2) and (4) undo it).

        crops: (N, 512, 512, 3) float32 BL(x), sRGB in [0, 1]. Returns y, same shape, [0, 1].
        Raises `ValueError` for another shape or dtype, `Problem` ``out-of-memory`` or ``cancelled``.
        """
        _check(crops)
        with _memory():
            return self._engine(np.ascontiguousarray(crops), cancelled)

    def components(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> list[Components]:
        """Answer photographs' crops with components.

        crops: (N, 512, 512, 3) float32 x, sRGB in [0, 1], not filtered. Raises as calling does.
        """
        from .components import decompose

        _check(crops)
        filtered = np.stack([filter_crop(crop) for crop in crops])
        return [decompose(*pair) for pair in zip(filtered, self(filtered, cancelled), strict=True)]


class Painter:
    """A loaded method that paints pictures. name, weights_sha256, engine, device, batch as for `Predictor`.

    frames: whether it can answer for a whole photograph too, not only for the square around a face.
    """

    def __init__(
        self,
        name: str,
        sha256: str,
        engine: str,
        device: str,
        paint: Callable[[Array], list[Rendering]],
        frames: bool,
    ):
        self.name, self.weights_sha256, self.engine, self.device = name, sha256, engine, device
        self.frames = frames
        self.batch = 1 if device == "cpu" else GPU_BATCH
        self._paint = paint

    def paint(self, crops: Array) -> list[Rendering]:
        """One rendering for each crop. crops: (N, 512, 512, 3) float32 x, sRGB in [0, 1].

        Raises `ValueError` for another shape or dtype, `Problem` ``out-of-memory``.
        """
        _check(crops)
        with _memory():
            return self._paint(np.ascontiguousarray(crops))

    def components(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> list[Components]:
        """Answer photographs' crops with components, and with each rendering beside them; see `Predictor`.

        y is here what eq. (4) makes the painted picture of: (x - o_hat + 1) / 2.
        """
        from .components import decompose
        from .rendering import Place

        answers = []
        for crop, rendering in zip(crops, self.paint(crops), strict=True):
            y = target(crop, rendering.rows(crop, Place(0, 0, SIZE)))
            answers.append(decompose(filter_crop(crop), y, rendering=rendering))
        return answers


Network = Predictor | Painter


def _check(crops: Array) -> None:
    if crops.ndim != 4 or crops.shape[1:] != (SIZE, SIZE, 3) or crops.dtype != np.float32:
        raise ValueError(f"expected (N, {SIZE}, {SIZE}, 3) float32, got {crops.shape} {crops.dtype}")


@contextmanager
def _memory() -> Iterator[None]:
    """Whatever way an engine has of saying that there is too little memory, as one `Problem`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise Problem("out-of-memory", "There is not enough memory to run the network.") from error
        raise


def available(folder: Path = WEIGHTS) -> list[NetworkInfo]:
    """The networks that are there, the default one first. Reads JSON only.

    One whose description cannot be read is left out and told to the log: the others can be used.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            facts = json.loads(path.read_text("utf-8"))
            facts["file"] = path.with_name(facts["file"])
            known = NetworkInfo.__dataclass_fields__.keys() & facts.keys()
            found.append(NetworkInfo(**{name: facts[name] for name in known}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            _warn_once(f"the description {path.name} of a network cannot be read ({type(error).__name__})")
    return sorted(found, key=lambda info: (not info.default, info.name))


@functools.cache
def _warn_once(sentence: str) -> None:
    log.warning("%s", sentence)


def load(network: str = "", device: str = "auto", engine: str = "auto", folder: Path = WEIGHTS) -> Network:
    """Load a network by name, "" for the default one; its weights' SHA-256 is checked.

    device: one of `DEVICES`, or "cuda:1". engine: one of `ENGINES`. Raises `Problem`:
    ``unknown-network``, ``weights`` (missing or altered), ``bad-setting`` (device or engine).
    """
    if device.partition(":")[0] not in DEVICES or engine not in ENGINES:
        raise Problem("bad-setting", f"The device {device!r} or the engine {engine!r} is unknown.")
    info = _choose(network, available(folder))
    if info.architecture == "hdrnet":
        return _hdrnet(info, device, engine)
    architecture, folded = _folded(info)
    if _use_openvino(device, engine):
        from . import openvino

        return Predictor(info, openvino.Engine(architecture, folded))
    from . import pytorch

    return Predictor(info, pytorch.Engine(architecture, folded, device))


def match(references: Sequence[NDArray[np.uint8]]) -> Painter:
    """Headshot style transfer with its example, or the one of several with the most similar face.

    references: portraits (H, W, 3) sRGB. Raises `Problem` ``bad-setting`` for one without a usable face.
    """
    from ..networks.headshot import Headshot
    from ..networks.headshot_example import find

    faces = [find(reference) for reference in references]
    transfer = Headshot(faces)
    digest = hashlib.sha256(b"".join(face.crop.tobytes() for face in faces)).hexdigest()
    return Painter(HEADSHOT, digest, "opencv", "cpu", lambda crops: [transfer(crop) for crop in crops], False)


def _hdrnet(info: NetworkInfo, device: str, engine: str) -> Painter:
    """HDRNet, which slices its grid at full size, and that only PyTorch does."""
    if engine == "openvino":
        sentence = f"The network {info.name} does not run on OpenVINO."
        raise Problem("bad-setting", sentence, "Use engine auto or pytorch.")
    from .hdrnet import Engine

    try:
        made = Engine(_read(info), device)
    except KeyError as error:
        raise Problem("weights", f"The weights of {info.name} are of another network.") from error
    return Painter(info.name, info.sha256, made.name, made.device, made, True)


def _choose(network: str, known: list[NetworkInfo]) -> NetworkInfo:
    """Never another network than the one that was meant."""
    if not known:
        raise Problem("weights", "No network is installed whose description can be read.")
    for info in known:
        if info.name == network or (info.default and not network):
            return info
    if not network:
        raise Problem("weights", "The default network's description is missing or cannot be read.")
    names = ", ".join(info.name for info in known)
    raise Problem("unknown-network", f"There is no network {network!r}; there is: {names}.")


def _folded(info: NetworkInfo) -> tuple[Architecture, Folded]:
    """What an engine needs of a network."""
    from .architectures import ARCHITECTURES

    architecture = ARCHITECTURES.get(info.architecture)
    if architecture is None:
        raise Problem("weights", f"This version cannot run {info.name}, a {info.architecture!r} network.")
    try:
        return architecture, architecture.fold(_read(info))
    except KeyError as error:
        raise Problem("weights", f"The weights of {info.name} are of another network.") from error


def _read(info: NetworkInfo) -> dict[str, NDArray[Any]]:
    """The tensors of a weights file whose checksum is right."""
    from safetensors.numpy import load as parse

    try:
        data = info.file.read_bytes()
    except OSError as error:
        raise Problem("weights", f"The weights of {info.name} are missing.") from error
    if hashlib.sha256(data).hexdigest() != info.sha256:
        raise Problem("weights", f"The weights of {info.name} are not those that belong to this version.")
    tensors: dict[str, NDArray[Any]] = parse(data)
    return tensors


def _use_openvino(device: str, engine: str) -> bool:
    """OpenVINO serves where the processor does the work: there it measured faster than PyTorch."""
    there = importlib.util.find_spec("openvino") is not None
    if engine == "openvino":
        if not there:
            raise Problem("bad-setting", "OpenVINO is not installed.", "Install it, or use engine auto.")
        if device not in ("auto", "cpu"):
            raise Problem("bad-setting", f"OpenVINO does not run on {device!r} here.", "Use device cpu.")
        return True
    if engine == "pytorch" or not there or device not in ("auto", "cpu"):
        return False
    return device == "cpu" or not _accelerator()


def _accelerator() -> bool:
    """A GPU that PyTorch can use, asked for without importing torch where none can be."""
    import platform
    import shutil

    if platform.system() != "Darwin" and shutil.which("nvidia-smi") is None:
        return False
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()
