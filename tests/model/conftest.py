"""What the commands that judge are tried on."""

from pathlib import Path

import pytest

from . import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portraits' folder with a training cache in it: two round people who are held out, one who is not."""
    folder = tmp_path_factory.mktemp("portraits")
    made.portraits(folder, made.PEOPLE)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network as it is before training: it does nothing."""
    folder = tmp_path_factory.mktemp("weights")
    made.fresh_weights(folder)
    return folder
