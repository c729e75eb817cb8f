"""``python -m model.data.prepare``, see `command`."""

import sys

from model.extra import run

if __name__ == "__main__":
    sys.exit(run("model.data.prepare.command"))
