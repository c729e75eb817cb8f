"""What a network says of itself: one frozen descriptor, beside its `torch.nn.Module`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor, nn


class TwoPart(Protocol):
    """A module that answers y, cut where the precision changes; `forward` is one part after the other.

    What is rounded in the second part shows as bands in the picture, so it always runs in single precision.
    """

    def body(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, 512, 512) BL(x), sRGB in [0, 1] -> features; runs in the precision that suits the device."""

    def finish(self, image: Tensor, *features: Tensor) -> tuple[Tensor, ...]:
        """BL(x) and the features -> the descriptor's `outputs`, y first; runs in single precision."""


@dataclass(frozen=True)
class Network:
    """One architecture.

    name: as recipes and weights call it. caption: one sentence for the user. build: makes the module with
    fresh weights. answer: "y" (of BL(x), a `TwoPart`) or "picture" (o_hat of x). outputs: what
    `TwoPart.finish` returns, in order; "person", "skin" and "shine" are maps (N, 1, h, w) in [0, 1]. later:
    heads that older weights lack, by the start of their tensors' names, and the outputs that are then not
    given. paint: for a picture, the module and x (N, 3, 512, 512) -> o_hat, not clipped. render: for a
    picture that the server can paint at any size, the module, crops and the device -> a `Rendering` of each.
    constants: numbers of the forward pass that no tensor tells; weights trained with others are refused.
    trainer: ``module:class`` that trains it, so that networks need not import training. published_encoder:
    its `encoder` is `vgg16.Encoder`, which can start from published weights. scale: how much
    smaller than the 512-pixel crop it works. stride: sides of training crops are multiples of it, at that
    scale. only_size: the only training size, 0 for any.
    """

    name: str
    caption: str
    build: Callable[[], nn.Module]
    trainer: str
    answer: Literal["y", "picture"] = "y"
    outputs: tuple[str, ...] = ("y",)
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paint: Callable[[Any, Tensor], Tensor] | None = None
    render: Callable[[Any, Any, Any], list[Any]] | None = None
    constants: Mapping[str, float] = field(default_factory=dict)
    published_encoder: bool = False
    scale: int = 1
    stride: int = 32
    only_size: int = 0

    @property
    def served(self) -> bool:
        """Whether the server can run it; the others are there to be compared with."""
        return self.answer == "y" or self.render is not None
