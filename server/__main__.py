"""``python -m server`` is the same as the console script ``studio-portrait``."""

from .cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
