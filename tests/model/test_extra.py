"""One entry to the tools; without the packages that only they need: a sentence and status 2, no traceback."""

import json
import subprocess
import sys

import pytest

from model.__main__ import COMMANDS, main

BLOCKED = ("scipy", "skimage", "torchmetrics", "SimpleITK")
ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
EACH = """
import contextlib, io, json
from model.__main__ import main
for name in {names}:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            status = main([name, "--help"])
        except SystemExit as ended:
            status = ended.code
    print(json.dumps([name, status, out.getvalue(), err.getvalue()]))
"""


def run(code: str, *blocked: str) -> str:
    """What the code prints in a Python that lacks these packages."""
    command = [sys.executable, "-c", ABSENT.format(blocked=blocked) + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_tool_begins_without_or_says_what_is_missing() -> None:
    lacking, without = {"evaluate", "prepare", "compare"}, {"train", "synthesize", "look", "export"}
    told = [json.loads(line) for line in run(EACH.format(names=[*lacking, *without]), *BLOCKED).splitlines()]
    assert {name for name, *_ in told} == lacking | without
    for name, status, out, err in told:
        if name in without:
            assert status == 0 and "usage" in out, name
        else:
            assert status == 2 and "which is not installed" in err and "install.py --train" in err, name


def test_painters_serve_without() -> None:
    """Headshot style transfer and HDRNet are for users, who have the server's packages only."""
    names = "model.networks.headshot, model.networks.headshot_example, model.inference.predictor"
    run(f"import {names}", *BLOCKED, "torch")
    run("import model.networks.hdrnet", *BLOCKED)


def test_every_command_is_there_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and main(["--help"]) == 0
    told = capsys.readouterr().out
    for name in COMMANDS:
        assert name in told
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert f"python -m model {name}" in capsys.readouterr().out
    assert main(["dance"]) == 2
    assert "there is no 'dance'" in capsys.readouterr().err
