"""Sets up Studio Portrait: ``python3 install.py``, or ``python3 install.py --help``.

This file only checks the Python that runs it, in words that any Python 3 understands;
the work is in ``server/setup``.
"""

import os
import sys

OLDEST, NEWEST = (3, 11), (3, 14)

if not OLDEST <= sys.version_info[:2] <= NEWEST:
    sys.exit(
        "Studio Portrait needs Python 3.11, 3.12, 3.13 or 3.14; this is Python %d.%d.\n"  # noqa: UP031
        "Start it with one of those, for example: python3.12 install.py" % sys.version_info[:2]
    )

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server.setup.install import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
