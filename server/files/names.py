"""What is said about files' names; apart, because it is asked before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from .errors import PictureError

SUFFIXES = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".tif": "tiff", ".tiff": "tiff"}


def unreadable(reason: str | None) -> PictureError:
    """Make the error for an input that is not there or may not be read; `reason` in the system's words."""
    return PictureError(
        "bad-image", f"The file cannot be read ({reason}).", "Check its name and who may read it."
    )


def format_of(path: Path) -> str:
    """``jpeg``, ``png`` or ``tiff``. Raises `PictureError` ``bad-output``."""
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        sentence = f"{path.name} does not say which format to write."
        raise PictureError("bad-output", sentence, "End the name with .jpg, .png or .tif.")
    return kind


def mask_beside(target: Path) -> Path:
    """Where the mask of a result goes."""
    return target.with_name(f"{target.stem}-mask.png")
