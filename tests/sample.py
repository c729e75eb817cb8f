"""The selfie that is shipped with Studio Portrait, found from wherever the tests are started."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SELFIE = CHECKOUT / "server" / "setup" / "sample" / "selfie.jpg"
