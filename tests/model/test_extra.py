"""One entry to the tools; without the packages that only they need: a sentence and status 2, no traceback."""

import subprocess
import sys

import pytest

from model.__main__ import COMMANDS, main

BLOCKED = ("scipy", "skimage", "torchmetrics", "SimpleITK")
RUN = """
import runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.argv = {argv}
runpy.run_module({module!r}, run_name="__main__")
"""


def run(module: str, *arguments: str, blocked: tuple[str, ...] = BLOCKED) -> subprocess.CompletedProcess[str]:
    code = RUN.format(blocked=blocked, argv=[module, *arguments], module=module)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", ["evaluate", "prepare", "compare"])
def test_a_tool_says_what_is_missing(name: str) -> None:
    done = run("model", name, "--help")
    assert done.returncode == 2
    assert "which is not installed" in done.stderr and "install.py --train" in done.stderr
    assert "Traceback" not in done.stderr


def test_painters_serve_without() -> None:
    """Headshot style transfer and HDRNet are for users, who have the server's packages only."""
    for module, blocked in (
        ("model.networks.headshot", (*BLOCKED, "torch")),
        ("model.networks.headshot_example", (*BLOCKED, "torch")),
        ("model.networks.hdrnet", BLOCKED),
        ("model.inference.predictor", (*BLOCKED, "torch")),
    ):
        done = run(module, blocked=blocked)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["train", "synthesize", "look", "export"])
def test_the_others_begin_without(name: str) -> None:
    done = run("model", name, "--help")
    assert done.returncode == 0 and "usage" in done.stdout, done.stderr


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
