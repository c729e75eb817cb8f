"""``studio-portrait`` with the worker of plain_worker.py: what the tests start as the server."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from server.cli import main as cli  # noqa: E402
from server.cli import serve as serve_command
from server.service import worker_process, worker_supervisor  # noqa: E402
from tests.server.plain_worker import FAULTS  # noqa: E402

if __name__ == "__main__":
    command = [sys.executable, "-m", "tests.server.plain_worker"]
    worker_process.default_command = lambda device, engine: [*command, "--device", device]
    worker_supervisor.STUCK_SECONDS = 1.0
    serve_command.networks = lambda: [
        {"name": name, "sha256": "0" * 64, "default": name == "plain"} for name in ("plain", *FAULTS)
    ]
    raise SystemExit(cli.main())
