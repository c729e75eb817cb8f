"""Takes this machine's folders out of a sentence that another machine's user will read."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from plugin.studio_portrait.link import runtime
from server import CHECKOUT

_PATH = re.compile(r"(?<![\w.~/\\])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\":;,]+)+[/\\]?")


def without_folders(text: str) -> str:
    """Return the text with each path replaced by its last part; commands stay readable that way."""
    own = (runtime.state_folder_path(), CHECKOUT, Path(sys.prefix), Path.home(), Path(tempfile.gettempdir()))
    for folder in sorted(
        {f"{path}{os.sep}" for path in own if path != Path(path.anchor)}, key=len, reverse=True
    ):
        text = text.replace(folder, "")  # these may have spaces in their names
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)
