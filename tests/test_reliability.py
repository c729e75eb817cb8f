"""The page that says which test holds which promise names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sample import CHECKOUT

PAGE = CHECKOUT / "docs" / "reliability.md"
NAMED = re.compile(r"`(?:(?P<file>[\w/]+\.py))?(?:::(?P<test>test_\w+)(?:\[[^]]*\])?)?`")


def test_every_test_that_is_named_exists() -> None:
    named = 0
    for line in PAGE.read_text("utf-8").splitlines():
        file: Path | None = None
        for found in NAMED.finditer(line) if line.startswith("|") else ():
            if found["file"]:
                path = Path(found["file"])
                file = path if path.parts[0] in ("tests", "model") else Path("tests/server") / path
                assert file.is_file(), file
            if found["test"]:
                assert file is not None and f"def {found['test']}(" in file.read_text("utf-8"), found["test"]
                named += 1
    assert named > 25
