"""Before and after in one PNG: ``python -m server.files.side_by_side BEFORE AFTER OUT``."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageOps

_HEIGHT, _GAP = 1024, 16


def join(before: Path, after: Path, out: Path) -> None:
    """Write both pictures, scaled to one height, side by side on white."""
    pictures = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in (before, after)]
    height = min(_HEIGHT, *(picture.height for picture in pictures))
    scaled = [
        picture.resize((round(picture.width * height / picture.height), height)) for picture in pictures
    ]
    sheet = Image.new("RGB", (sum(picture.width for picture in scaled) + _GAP, height), "white")
    sheet.paste(scaled[0], (0, 0))
    sheet.paste(scaled[1], (scaled[0].width + _GAP, 0))
    beside = out.with_name(f".{out.name}.new")
    sheet.save(beside, "png")
    beside.replace(out)


if __name__ == "__main__":
    join(*(Path(word) for word in sys.argv[1:4]))
