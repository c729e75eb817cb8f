"""``python -m model.data.synthesize``, see `command`."""

import sys

from model.extra import run

if __name__ == "__main__":
    sys.exit(run("model.data.synthesize.command"))
