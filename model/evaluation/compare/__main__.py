"""``python -m model.evaluation.compare``, see `command`."""

import sys

from model.extra import run

if __name__ == "__main__":
    sys.exit(run("model.evaluation.compare.command"))
