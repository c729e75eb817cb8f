"""``studio-portrait`` with the worker of faulty_worker.py; the fault is the first argument."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from server.cli import main as cli  # noqa: E402
from server.service import worker_process  # noqa: E402

if __name__ == "__main__":
    command = [sys.executable, "-m", "tests.server.faulty_worker", sys.argv.pop(1)]
    worker_process.default_command = lambda device, engine: command
    raise SystemExit(cli.main())
