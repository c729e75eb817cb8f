"""Run a network's module with PyTorch: NVIDIA GPU, Apple GPU, or processor.

channels_last everywhere; batch norm folded into the layer before it; a module's body in 16 bits where the
hardware multiplies them (a processor without it would emulate it, slower than fp32), its finish in fp32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.errors import BadSetting, Cancelled
from model.networks.network import Network

from .threads import limit

Array = NDArray[np.float32]

NAME: Final = "pytorch"
LAYERS: Final = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
TRIAL: Final = 128  # pixels: a small picture that shows which layers a body uses


def pick_device(wanted: str) -> torch.device:
    """Return the device of that name, for "auto" the best there is. Raises `BadSetting` if there is none."""
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if not present.get(wanted.partition(":")[0], False):
        raise BadSetting(f"The device {wanted!r} is not there.", "Use auto or cpu.")
    return torch.device(wanted)


def in_words(device: torch.device) -> str:
    """Describe a device: such as "cpu", or a GPU with its name."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def precision(device: torch.device) -> torch.dtype:
    """Return the type that suits a device: 16 bits only where the hardware multiplies them."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.float16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Compute in bf16 where the hardware does; elsewhere nothing changes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision(device) is torch.bfloat16)


@dataclass(frozen=True)
class Loaded:
    """A network's module with its weights, for evaluation. outputs: those of the network that it gives."""

    network: Network
    module: nn.Module
    outputs: tuple[str, ...]

    def select(self, answer: Sequence[Tensor]) -> list[Tensor]:
        """Leave out of `TwoPart.finish`'s answer what a head said that has no weights."""
        named = zip(self.network.outputs, answer, strict=True)
        return [value for name, value in named if name in self.outputs]


def put_together(network: Network, state: Mapping[str, NDArray[Any]]) -> Loaded:
    """Build a network's module and put its weights in. Raises `KeyError` for other tensors."""
    module = network.build()
    tensors = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in state.items()}
    try:
        missing, unexpected = module.load_state_dict(tensors, strict=False)
    except RuntimeError as error:  # sizes differ
        raise KeyError(str(error)) from error
    lacking = [start for start in network.later if not any(name.startswith(start) for name in tensors)]
    needed = (name for name in missing if not name.startswith(tuple(lacking)))
    wrong = [*unexpected, *(name for name in needed if not name.endswith("num_batches_tracked"))]
    if wrong:
        raise KeyError(wrong[0])
    silent = {output for start in lacking for output in network.later[start]}
    outputs = tuple(name for name in network.outputs if name not in silent)
    return Loaded(network, module.eval().requires_grad_(False), outputs)


@torch.no_grad()
def folded(module: nn.Module) -> nn.Module:
    """Fold each batch norm into the layer that its parent names before it; then what a module folds."""
    module = copy.deepcopy(module)
    for parent in list(module.modules()):
        before: tuple[str, nn.Module] | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and before is not None:
                layer: Any = before[1]
                fused = fuse_conv_bn_eval(layer, child, transpose=isinstance(layer, nn.ConvTranspose2d))
                setattr(parent, before[0], fused)
                setattr(parent, name, nn.Identity())
            before = (name, child) if isinstance(child, LAYERS) else None
    fold: Callable[[], None] | None = getattr(module, "fold", None)
    if fold is not None:
        fold()
    return module.eval().requires_grad_(False)


class Engine:
    """A module that answers y. Calling it: (N, 512, 512, 3) float32 BL(x) -> the descriptor's outputs.

    dtype: what the body works in, None for what suits the device.
    """

    name = NAME

    def __init__(self, loaded: Loaded, device: str, dtype: torch.dtype | None = None) -> None:
        self._device = pick_device(device)
        if (most := limit()) is not None:
            torch.set_num_threads(most)
        torch.backends.cudnn.benchmark = self._device.type == "cuda"
        self._loaded = loaded
        self._module: Any = folded(loaded.module).to(  # type: ignore[call-overload]  # torch's types lack it
            self._device, memory_format=torch.channels_last
        )
        self._cancelled: Callable[[], bool] = lambda: False
        for layer in _layers_of_the_body(self._module, self._device):
            layer.to(dtype or precision(self._device))
        for layer in self._module.modules():
            if isinstance(layer, LAYERS):
                layer.register_forward_pre_hook(self._before)

    @property
    def device(self) -> str:
        """The device in words."""
        return in_words(self._device)

    def _before(self, layer: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Stop between two layers if that is wanted; else give the layer its own type."""
        if self._cancelled():
            raise Cancelled
        return tuple(value.to(layer.weight.dtype) for value in arguments)

    @torch.inference_mode()
    def __call__(self, crops: Array, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Array]:
        """Predict. Maps come as (N, h, w, channels). Raises `Cancelled`."""
        self._cancelled = cancelled
        image = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2)
        features = [part.float() for part in self._module.body(image)]
        outputs = self._loaded.select(self._module.finish(image, *features))
        return {
            name: np.ascontiguousarray(value.permute(0, 2, 3, 1).cpu().numpy())
            for name, value in zip(self._loaded.outputs, outputs, strict=True)
        }


@torch.inference_mode()
def _layers_of_the_body(module: Any, device: torch.device) -> list[nn.Module]:
    used: list[nn.Module] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, _: used.append(layer))
        for layer in module.modules()
        if isinstance(layer, LAYERS)
    ]
    module.body(torch.zeros(1, 3, TRIAL, TRIAL, device=device))
    for hook in hooks:
        hook.remove()
    return used


class Renderer:
    """A module that paints pictures. Calling it: (N, 512, 512, 3) float32 x -> a rendering of each."""

    name = NAME

    def __init__(self, loaded: Loaded, device: str) -> None:
        self._device = pick_device(device)
        self._render = loaded.network.render
        self._module = loaded.module.to(self._device)

    @property
    def device(self) -> str:
        """The device in words."""
        return in_words(self._device)

    def __call__(self, crops: Array) -> list[Any]:
        """Render each crop."""
        assert self._render is not None
        return self._render(self._module, crops, self._device)
