"""What can be seen of a run while it runs: its log, a line with the time left, and its curve as a picture.

The log is the only record: the curve is drawn from it anew each time, so a resumed run has one curve.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ..contact_sheet import write

LOG: Final = "log.jsonl"
CURVE: Final = "curve.png"
HELD_OUT: Final = ("held_out", "held_out_real")  # rows of the log with the networks's numbers
WIDTH, HEIGHT, MARGIN = 900, 300, 60  # of a panel, pixels
INK, BLUE, RED, GREEN = (40, 40, 40), (190, 110, 30), (40, 40, 200), (60, 140, 40)  # BGR

Points = Sequence[tuple[float, float]]


class Log:
    """log.jsonl in a run's folder: one JSON object a line."""

    def __init__(self, folder: Path):
        self.path = folder / LOG

    def add(self, line: dict[str, Any]) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """All lines that are whole: a killed run may have left half a one."""
        if not self.path.is_file():
            return []
        found = []
        for text in self.path.read_text("utf-8").splitlines():
            try:
                found.append(json.loads(text))
            except ValueError:
                continue
        return found

    def rewind(self, step: int) -> None:
        """Forget what was logged after `step`: it will be done again."""
        kept = [json.dumps(line) for line in self.lines() if line["step"] <= step]
        part = self.path.with_suffix(".part")
        part.write_text("".join(f"{line}\n" for line in kept), "utf-8")
        part.replace(self.path)


class Ticker:
    """One line on stderr that says how far the run is. clock: seconds, monotonic."""

    def __init__(self, first: int, steps: int, budget: float, clock: Callable[[], float] = time.monotonic):
        self._first, self._steps, self._budget, self._clock = first, steps, budget, clock
        self._since = clock()

    def spent(self) -> bool:
        """Whether the time budget, in seconds, is used up."""
        return self._clock() - self._since >= self._budget

    def text(self, step: int, loss: float) -> str:
        """Return what the line says after `step`."""
        gone = self._clock() - self._since
        pace = gone / max(1, step - self._first)
        left = min((self._steps - step) * pace, self._budget - gone)
        return f"step {step}/{self._steps}, loss {loss:.4f}, {pace:.2f} s a step, {duration(left)} left"

    def show(self, step: int, loss: float) -> None:
        """Tell it; in place on a terminal."""
        self.say(self.text(step, loss), "\r" if sys.stderr.isatty() else "\n")

    def say(self, text: str, end: str = "\n") -> None:
        """Print a line on stderr."""
        print(f"{text:<78}", end=end, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Like 1 h 05 min, 12 min or 40 s."""
    seconds = max(0, round(seconds))
    if seconds < 90:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def numbers(row: dict[str, float]) -> str:
    """Held-out numbers on a line."""
    names = {"loss_eq1": "eq. (1)", "loss_lambda1": "lambda = 1", "accuracy": "accuracy", "psnr": "PSNR"}
    return ", ".join(f"{title} {row[name]:.4g}" for name, title in names.items() if name in row)


def curve(log: Log) -> None:
    """Write curve.png beside the log: the loss above, on a log scale; held-out accuracy below."""
    lines = log.lines()
    loss = [(line["step"], np.log10(max(line["loss"], 1e-9))) for line in lines if "loss" in line]
    panels = [panel("training loss, log10", [(loss, BLUE)], [])]
    series, levels = [], []
    for name, colour in zip(HELD_OUT, (RED, GREEN), strict=True):
        series.append(([(line["step"], line[name]["accuracy"]) for line in lines if name in line], colour))
    for line in lines:
        levels += [row["accuracy"] for name, row in line.items() if name.startswith("do_nothing")]
    panels.append(panel("held-out accuracy, eq. (3), %; grey: doing nothing", series, levels))
    cv2.imwrite(str(log.path.with_name(CURVE)), np.vstack(panels))


def panel(
    title: str, series: Sequence[tuple[Points, Any]], levels: Sequence[float], unit: str = "steps"
) -> np.ndarray:
    """Return a diagram (HEIGHT, WIDTH, 3) uint8 BGR of lines over the steps, and of level lines."""
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    write(picture, title, (MARGIN, 24), 0.5, INK)
    points = [point for line, _ in series for point in line]
    if points:
        heights = [value for _, value in points] + list(levels)
        low, last = min(heights), max(step for step, _ in points)
        frame = _Frame(last, low, max(*heights, low + 1e-3))
        frame.draw(picture, series, levels)
        write(picture, f"{last:.0f} {unit}", (WIDTH - MARGIN - 90, HEIGHT - 14), 0.5, INK)
    return picture


@dataclass(frozen=True)
class _Frame:
    """Where a diagram's lines lie: from 0 to `last` across, from `low` to `high` upwards."""

    last: float
    low: float
    high: float

    def at(self, step: float, value: float) -> tuple[int, int]:
        x = MARGIN + (WIDTH - 2 * MARGIN) * step / max(self.last, 1)
        return round(x), round(HEIGHT - 40 - (HEIGHT - 80) * (value - self.low) / (self.high - self.low))

    def draw(
        self, picture: np.ndarray, series: Sequence[tuple[Points, Any]], levels: Sequence[float]
    ) -> None:
        cv2.rectangle(picture, self.at(0, self.high), self.at(self.last, self.low), INK, 1)
        for level in levels:
            cv2.line(picture, self.at(0, level), self.at(self.last, level), (160, 160, 160), 1)
        for line, colour in series:
            path = np.array([self.at(*point) for point in line], np.int32).reshape(-1, 1, 2)
            cv2.polylines(picture, [path], False, colour, 2, cv2.LINE_AA)
            for x, y in path[:, 0] if len(path) < 40 else ():
                cv2.circle(picture, (int(x), int(y)), 3, colour, -1)
        for value in (self.low, self.high):
            write(picture, f"{value:.3g}", (6, self.at(0, value)[1] + 5), 0.5, INK)
