"""``python -m tests.fuzz``: see `campaign`."""

from .campaign import main

if __name__ == "__main__":
    raise SystemExit(main())
