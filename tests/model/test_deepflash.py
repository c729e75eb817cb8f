"""The network is the paper's: layers and sizes."""

import torch
import torch.nn.functional as F
from torch import nn

from model.networks.deepflash import DeepFlash
from model.networks.registry import count_parameters


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(5))


def test_parameters_layer_by_layer() -> None:
    network = DeepFlash()
    assert count_parameters(network.encoder) == 14_714_688
    assert count_parameters(network.bottleneck) == 512 * 512 * 9 + 512
    sizes = [(512, 512), (512, 512), (512, 256), (256, 128), (128, 64)]
    for rise, (below, out) in zip(network.rises, sizes, strict=True):
        assert count_parameters(rise.up) == below * out * 16 + out
        assert count_parameters(rise.norm) == 2 * out
        assert count_parameters(rise.fuse) == 2 * out * out + out
    assert count_parameters(network.head) == 64 * 3 + 3
    assert count_parameters(network) == 29_443_331


def test_shapes_and_a_start_that_does_nothing() -> None:
    torch.manual_seed(0)
    network = DeepFlash().eval()
    with torch.no_grad():
        y = network(picture())
    assert y.shape == (1, 3, 128, 128)
    assert abs(float(y.mean()) - 0.5) < 0.05


def test_it_works_at_a_quarter_of_the_crops_size() -> None:
    """Told to look at all of the crop's pixels, it sees a picture of a quarter of the size alike."""
    torch.manual_seed(3)
    network, small = DeepFlash().eval(), torch.rand(1, 3, 64, 64)
    nn.init.normal_(network.head.bias)
    large = F.interpolate(small, scale_factor=4.0)
    with torch.no_grad():
        found = network(large)
        network.shrink = 1
        expected = F.interpolate(torch.logit(network(small)), scale_factor=4.0, mode="bilinear")
    torch.testing.assert_close(found, torch.sigmoid(expected), atol=1e-5, rtol=0)
