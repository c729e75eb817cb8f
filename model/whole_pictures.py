"""Half a picture is no picture.

face_recognition, once it is imported, lets Pillow pass truncated files for whole ones. Files of
a user's, which are read by the server's side and by the training tools alike, must be refused instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ImageFile


@contextmanager
def only_whole_pictures() -> Iterator[None]:
    """Pillow refuses truncated pictures inside, with `OSError`."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
