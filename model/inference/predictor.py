"""The one interface through which the server knows a network: `load` one, ask it for `components`.

A `Predictor` answers filtered crops with y, a difference at 512 pixels: the paper's network and our own. A
`Painter` answers crops with a `Rendering`, the picture's rows at any size: HDRNet, and headshot style
transfer, which has no weights but a reference portrait. Both give the same components; nothing heavy is
imported before a network is really loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model.errors import BadSetting, BadWeights, OutOfMemory
from model.networks.registry import NETWORKS
from model.paper import equations
from model.paper.bilateral import SIZE, filter_crop

from . import cache
from .components import Components, decompose
from .rendering import Place, Rendering
from .weights import WEIGHTS, NetworkInfo, another_network, available, choose, read

if TYPE_CHECKING:
    from model.networks.headshot_example import Face

    from .pytorch import Loaded

__all__ = [
    "SIZE",
    "WEIGHTS",
    "Network",
    "NetworkInfo",
    "Outcome",
    "Painter",
    "Predictor",
    "available",
    "load",
]

ENGINES: Final = ("auto", "pytorch", "openvino")
DEVICES: Final = ("auto", "cuda", "mps", "cpu")
GPU_BATCH: Final = 4  # crops at a time: bounds memory however many faces there are
HEADSHOT: Final = "headshot"

Array = NDArray[np.float32]
Cancelled = Callable[[], bool]


class Engine(Protocol):
    """What runs a network that answers y. device: in words, such as "cpu"."""

    name: str

    @property
    def device(self) -> str:
        """Describe the device in words."""
        ...

    def __call__(self, crops: Array, cancelled: Cancelled) -> dict[str, Array]:
        """Predict the outputs by name. Asks `cancelled` a few times a second; if so, raises `Cancelled`."""
        ...


class Outcome(NamedTuple):
    """y of eq. (2), in [0, 1], and o_hat, sRGB in [0, 1]; (512, 512, 3) float32 each."""

    y: Array
    picture: Array


class Predictor:
    """A loaded network that answers y. name, weights_sha256, engine ("pytorch" or "openvino"), device.

    batch: how many crops a call should bring at most.
    """

    def __init__(self, info: NetworkInfo, engine: Engine) -> None:
        self.name = info.name
        self.weights_sha256 = info.sha256
        self.engine = engine.name
        self.device = engine.device
        # A processor gains nothing from a batch, and one crop at a time leaves room for a cancel.
        self.batch = 1 if self.device == "cpu" else GPU_BATCH
        self._engine = engine

    def __call__(self, crops: Array, cancelled: Cancelled = lambda: False) -> Array:
        """Return y for filtered crops (paper: network output, eq. (2) and (4) undo it).

        crops: (N, 512, 512, 3) float32 BL(x), sRGB in [0, 1]. Returns y, same shape, [0, 1].
        Raises `ValueError` for another shape or dtype, `OutOfMemory`, `Cancelled`.
        """
        return self.answer(crops, cancelled)["y"]

    def answer(self, crops: Array, cancelled: Cancelled = lambda: False) -> dict[str, Array]:
        """Return all that the network answers filtered crops with, by name; y is one. As calling does."""
        _check(crops)
        with _memory():
            return self._engine(np.ascontiguousarray(crops), cancelled)

    def components(self, crops: Array, cancelled: Cancelled = lambda: False) -> list[Components]:
        """Answer photographs' crops with components.

        crops: (N, 512, 512, 3) float32 x, sRGB in [0, 1], not filtered. Raises as calling does.
        """
        _check(crops)
        filtered = np.stack([filter_crop(crop) for crop in crops])
        answer = self.answer(filtered, cancelled)
        maps = {name: value[..., 0] for name, value in answer.items() if name != "y"}
        return [
            decompose(bl_x, answer["y"][i], **{name: value[i] for name, value in maps.items()})
            for i, bl_x in enumerate(filtered)
        ]

    def outcome(self, x: Array, bl_x: Array) -> Outcome:
        """Return y and eq. (4)'s picture of one crop x with its BL(x), (512, 512, 3) sRGB in [0, 1]."""
        y = self(bl_x[None])[0]
        return Outcome(y, np.asarray(equations.reconstruct(x, y).clip(0, 1), np.float32))


class Painter:
    """A loaded method that paints pictures. Its attributes are those of `Predictor`."""

    def __init__(
        self, name: str, sha256: str, engine: str, device: str, paint: Callable[[Array], list[Rendering]]
    ) -> None:
        self.name, self.weights_sha256, self.engine, self.device = name, sha256, engine, device
        self.batch = 1 if device == "cpu" else GPU_BATCH
        self._paint = paint

    def paint(self, crops: Array) -> list[Rendering]:
        """Return one rendering for each crop. crops: (N, 512, 512, 3) float32 x, sRGB in [0, 1].

        Raises `ValueError` for another shape or dtype, `OutOfMemory`.
        """
        _check(crops)
        with _memory():
            return self._paint(np.ascontiguousarray(crops))

    def components(self, crops: Array, cancelled: Cancelled = lambda: False) -> list[Components]:
        """Answer photographs' crops with components, and with each rendering beside them; see `Predictor`.

        y is here what eq. (4) makes the painted picture of: (x - o_hat + 1) / 2.
        """
        answers = []
        for crop, rendering in zip(crops, self.paint(crops), strict=True):
            y = equations.target(crop, rendering.rows(crop, Place(0, 0, SIZE)))
            answers.append(decompose(filter_crop(crop), y, rendering=rendering))
        return answers

    def outcome(self, x: Array, bl_x: Array) -> Outcome:
        """Return the painted picture, and the y that would have led to its low-pass part; see `Predictor`."""
        picture = self.paint(x[None])[0].rows(x, Place(0, 0, SIZE)).clip(0, 1)
        return Outcome(equations.target(bl_x, filter_crop(np.asarray(picture, np.float32))), picture)


Network = Predictor | Painter


def _check(crops: Array) -> None:
    if crops.ndim != 4 or crops.shape[1:] != (SIZE, SIZE, 3) or crops.dtype != np.float32:
        raise ValueError(f"expected (N, {SIZE}, {SIZE}, 3) float32, got {crops.shape} {crops.dtype}")


@contextmanager
def _memory() -> Iterator[None]:
    """Turn whatever way an engine has of saying that there is too little memory into one error."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise OutOfMemory("There is not enough memory to run the network.") from error
        raise


def load(network: str = "", device: str = "auto", engine: str = "auto", folder: Path = WEIGHTS) -> Network:
    """Load a network by name, "" for the default one; its weights' SHA-256 and preprocessing are checked.

    device: one of `DEVICES`, or "cuda:1". engine: one of `ENGINES`. Raises `UnknownNetwork`, `BadWeights`
    (missing, altered, or trained with other numbers), `BadSetting` (device or engine).
    """
    if device.partition(":")[0] not in DEVICES or engine not in ENGINES:
        raise BadSetting(f"The device {device!r} or the engine {engine!r} is unknown.")
    info = choose(network, available(folder))
    info.check()
    if info.answer == "picture":
        return _painter(info, device, engine)
    if _use_openvino(device, engine):
        return Predictor(info, _converted(info))
    from . import pytorch

    return Predictor(info, pytorch.Engine(module(info), device))


def match(references: Sequence[NDArray[np.uint8]]) -> Painter:
    """Make headshot style transfer of its example, or of the one of several with the most similar face.

    references: portraits (H, W, 3) sRGB. Raises `BadReference` for one without a usable face.
    """
    from ..networks.headshot_example import find

    return matched([find(reference) for reference in references])


def matched(faces: Sequence[Face], as_published: bool = False) -> Painter:
    """Make headshot style transfer of examples whose faces were found; see `Headshot`."""
    from ..networks.headshot import Headshot

    transfer = Headshot(faces, as_published)
    digest = hashlib.sha256(b"".join(face.crop.tobytes() for face in faces)).hexdigest()
    return Painter(HEADSHOT, digest, "opencv", "cpu", lambda crops: [transfer(crop) for crop in crops])


def module(info: NetworkInfo) -> Loaded:
    """Return the network's module with the weights in it. Raises `BadWeights`."""
    from ..networks.registry import find
    from .pytorch import put_together

    descriptor = find(info.architecture)
    if dict(info.constants) != dict(descriptor.constants):
        sentence = f"The weights of {info.name} were trained with other constants than"
        raise BadWeights(f"{sentence} this version's {info.architecture}.")
    try:
        return put_together(descriptor, read(info))
    except KeyError as error:
        raise another_network(info, error) from error


def _painter(info: NetworkInfo, device: str, engine: str) -> Painter:
    """Slicing at full size is what only PyTorch does."""
    if engine == "openvino":
        sentence = f"The network {info.name} does not run on OpenVINO."
        raise BadSetting(sentence, "Use engine auto or pytorch.")
    from . import pytorch

    made = pytorch.Renderer(module(info), device)
    return Painter(info.name, info.sha256, made.name, made.device, made)


def _converted(info: NetworkInfo) -> Engine:
    """Return OpenVINO's engine: from the cache, or converted now and kept there."""
    from . import openvino

    read(info)  # also where the cache has it: weights that were altered are refused
    name = _entry(info)
    found = cache.get(name)
    if found is not None:
        try:
            return openvino.Engine(openvino.read(found[0]), found[1]["outputs"], found[1]["precision"])
        except (RuntimeError, KeyError):  # of another build of OpenVINO
            pass
    loaded = module(info)
    models = openvino.convert(loaded)
    precision = openvino.faster(models[0])
    facts = {"outputs": loaded.outputs, "precision": precision}
    cache.put(name, facts, lambda path: openvino.save(models, path))
    return openvino.Engine(models, loaded.outputs, precision)


def _entry(info: NetworkInfo) -> str:
    """Return the name of a converted network in the cache: a hash of all that it is made of."""
    from . import openvino

    trained_with = json.dumps([asdict(info.preprocessing), dict(info.constants)], sort_keys=True)
    return cache.key(info.sha256, trained_with, _source(info), openvino.VERSION)


def _source(info: NetworkInfo) -> str:
    """Return the hash of the module's own file and of the conversion: changed code is converted anew."""
    files = [Path(__file__).with_name("openvino.py"), Path(__file__).with_name("pytorch.py")]
    spec = importlib.util.find_spec(NETWORKS[info.architecture].partition(":")[0])
    if spec is not None and spec.origin:
        files.append(Path(spec.origin))
    return cache.key(*(hashlib.sha256(file.read_bytes()).hexdigest() for file in files))


def _use_openvino(device: str, engine: str) -> bool:
    """OpenVINO serves where the processor does the work: there it measured faster than PyTorch."""
    there = importlib.util.find_spec("openvino") is not None
    if engine == "openvino":
        if not there:
            raise BadSetting("OpenVINO is not installed.", "Install it, or use engine auto.")
        if device not in ("auto", "cpu"):
            raise BadSetting(f"OpenVINO does not run on {device!r} here.", "Use device cpu.")
        return True
    if engine == "pytorch" or not there or device not in ("auto", "cpu"):
        return False
    return device == "cpu" or not _accelerator()


def _accelerator() -> bool:
    """Look for a GPU that PyTorch can use, asked for without importing torch where none can be."""
    import platform
    import shutil

    if platform.system() != "Darwin" and shutil.which("nvidia-smi") is None:
        return False
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())
