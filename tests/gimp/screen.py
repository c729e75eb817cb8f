"""A screen of its own for GIMP's window: Xvfb with a window manager, keys and screenshots."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import psutil

TOOLS = ("Xvfb", "openbox", "xdotool", "import")
SIZE = "1280x800"
LOOK_SECONDS, LEAST_WORK = 10.0, 0.1  # programs that hang use less of a processor in that time


def missing() -> list[str]:
    """The programs that are needed and not here."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class Screen:
    """An X server that also listens on 127.0.0.1, for a GIMP that does not see its socket."""

    def __enter__(self) -> Screen:
        read, write = os.pipe()
        options = [
            "-screen",
            "0",
            f"{SIZE}x24",
            "-noreset",
            "-ac",
            "-listen",
            "tcp",
            "-displayfd",
            str(write),
        ]
        self._server = subprocess.Popen(["Xvfb", *options], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        self.display = f"127.0.0.1:{number}"
        self._environment = {**os.environ, "DISPLAY": self.display}
        self._manager = subprocess.Popen(
            ["openbox"], env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self._manager, self._server):
            process.terminate()
            process.wait(10)

    def _tool(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def window(self, name: str, seconds: float = 60.0) -> str:
        """The number of the visible window whose title matches `name`; waits for it."""
        return self.wait_for(
            lambda: self._tool("xdotool", "search", "--onlyvisible", "--name", name).split("\n")[-1], seconds
        )

    def shows(self, name: str) -> bool:
        """Whether a window whose title matches `name` is there now."""
        return bool(self._tool("xdotool", "search", "--onlyvisible", "--name", name))

    def focus(self, window: str) -> None:
        self._tool("xdotool", "windowactivate", "--sync", window)
        time.sleep(0.3)

    def maximize(self, window: str) -> None:
        """Fills the screen with the window; the pointer goes where it touches nothing."""
        width, height = SIZE.split("x")
        self._tool("xdotool", "windowmove", window, "0", "0", "windowsize", window, width, height)
        self._tool("xdotool", "mousemove", width, height)
        time.sleep(0.5)

    def keys(self, *keys: str) -> None:
        """One key after the other, with time for the program to follow."""
        for key in keys:
            self._tool("xdotool", "key", key)
            time.sleep(0.3)

    def type(self, text: str) -> None:
        self._tool("xdotool", "type", "--delay", "50", text)
        time.sleep(0.3)

    def picture(self, path: Path, whole: bool = False) -> None:
        """The whole screen, in few colours, since it is kept for a README, or as it is."""
        few = [] if whole else ["+dither", "-colors", "200"]
        kind = "PNG24" if whole else "PNG8"
        self._tool("import", "-window", "root", "-depth", "8", *few, "-strip", f"{kind}:{path}")

    def wait_for(self, what: Callable[[], str], seconds: float) -> str:
        """The first value of `what()` that is not empty; who is late is waited for while it works."""
        deadline, used = time.monotonic() + seconds, self._work()
        while not (value := what()):
            if time.monotonic() > deadline:
                before, used = used, self._work()
                assert used - before > LEAST_WORK, "it did not happen in time"
                deadline = time.monotonic() + LOOK_SECONDS
            time.sleep(0.2)
        return value

    def _work(self) -> float:
        """Seconds of a processor that the programs on this screen have used, as far as they still run."""
        used = 0.0
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("DISPLAY") == self.display:
                    used += sum(process.cpu_times())
        return used
