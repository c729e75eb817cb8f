"""``python -m tests.soak``: see `campaign`."""

from .campaign import main

if __name__ == "__main__":
    raise SystemExit(main())
