"""Pictures made to exhaust the machine are refused by what they say of themselves, before decoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.files import names, pictures
from server.files.errors import PictureError
from tests.sample import CHECKOUT

from .bombs import BOMBS

MEMORY_MB, SECONDS = 200, 8.0  # of the processor; the bombs want gigabytes, or minutes
CHILD = """
import json, resource, sys, time
from pathlib import Path
from server.files.errors import PictureError
from server.files import pictures
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
for path in sys.argv[1:]:
    before, begin = peak(), time.process_time()
    try:
        pictures.decode(Path(path).read_bytes())
        code = None
    except PictureError as problem:
        code = problem.code
    print(json.dumps([code, peak() - before, time.process_time() - begin]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured in Linux's way")
def test_bombs_cost_little(tmp_path: Path) -> None:
    paths = []
    for number, (make, _) in enumerate(BOMBS.values()):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(make())
        assert paths[-1].stat().st_size < 8_000_000
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)],
        cwd=CHECKOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(told) == len(BOMBS), child.stderr
    for (name, (_, expected)), (code, megabytes, seconds) in zip(BOMBS.items(), told, strict=True):
        assert code == expected or (expected is None and code == "bad-image"), name
        assert megabytes < MEMORY_MB and seconds < SECONDS, name


def test_a_file_larger_than_any_picture(tmp_path: Path) -> None:
    path = tmp_path / "sparse.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    os.truncate(path, names.MAX_FILE_BYTES + 1)
    with pytest.raises(PictureError, match="more than 2048 MB") as caught:
        pictures.read(path)
    assert caught.value.code == "too-large"
