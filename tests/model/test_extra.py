"""The tools without the packages that only they need: a sentence and exit status 2, never a traceback."""

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("name", ["evaluate", "prepare", "compare"])
def test_a_tool_says_what_is_missing(name: str) -> None:
    code = RUN.format(blocked=BLOCKED, argv=[name, "--help"], module=f"model.{name}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "which is not installed" in done.stderr and "install.py --train" in done.stderr
    assert "Traceback" not in done.stderr


def test_painters_serve_without() -> None:
    """Headshot style transfer and HDRNet are for users, who have the server's packages only."""
    code = RUN.format(blocked=(*BLOCKED, "torch"), argv=[""], module="model.networks.headshot")
    code += "\nimport model.networks.headshot_example"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    code = RUN.format(blocked=BLOCKED, argv=[""], module="model.inference.hdrnet")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["train", "synthesize", "look", "export"])
def test_the_others_begin_without(name: str) -> None:
    code = RUN.format(blocked=BLOCKED, argv=[name, "--help"], module=f"model.{name}")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "usage" in done.stdout
