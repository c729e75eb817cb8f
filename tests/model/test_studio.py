"""Our own network: small, does nothing before it has learnt, and says light rather than texture."""

import torch

from model.networks import count_parameters
from model.studio import GAIN_RANGE, Studio, relight


def test_parameters() -> None:
    network = Studio()
    assert count_parameters(network) <= 10_000_000
    assert count_parameters(network.whole) == 2 * (256 * 256 + 256)
    assert count_parameters(network.head) == 16 * 32 * 9 + 32


@torch.no_grad()
def test_shapes_and_a_start_that_does_nothing() -> None:
    network = Studio().eval()
    image = torch.rand(2, 3, 128, 64, generator=torch.Generator().manual_seed(1))
    prediction = network.predict(image)
    torch.testing.assert_close(prediction.y, torch.full_like(image, 0.5))
    assert prediction.specular.shape == prediction.shadow.shape == (2, 1, 64, 32)
    assert network.predict(image, 1).specular.shape == (2, 1, 128, 64)
    torch.testing.assert_close(network(image), prediction.y)


def test_relight_is_gain_and_offset_in_the_papers_encoding() -> None:
    image = torch.tensor([0.0, 0.2, 0.9]).view(1, 3, 1, 1)
    light = torch.zeros(1, 6, 1, 1)
    light[:, :3] = torch.tensor(2.0).log()
    light[:, 5] = -0.1
    low_pass = image - 2 * relight(image, light) + 1  # eq. (2)
    torch.testing.assert_close(low_pass.flatten(), torch.tensor([0.0, 0.4, 1.0]))
    light[:, :3] = 99
    low_pass = image - 2 * relight(image, light) + 1
    assert float(low_pass[0, 1]) <= 0.2 * torch.tensor(GAIN_RANGE).exp() + 1e-6
