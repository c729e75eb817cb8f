"""Which file finds the person; set-up reads it, too, without what runs it."""

from __future__ import annotations

from typing import Final

FILE: Final = "selfie_segmentation.tflite"  # in model/weights
SHA256: Final = "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c"
