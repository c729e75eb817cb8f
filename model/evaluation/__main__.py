"""``python -m model.evaluation``, see `command`."""

import sys

from model.extra import run

if __name__ == "__main__":
    sys.exit(run("model.evaluation.evaluate"))
