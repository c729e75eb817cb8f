"""A chart of a few lines as SVG, both axes logarithmic: for the docs, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 340, 60, 50, 20, 60
COLOURS = ("#3465a4", "#cc0000", "#4e9a06", "#75507b")


def svg(x_name: str, y_name: str, xs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> str:
    """Return the lines by name, each with a y above 0 for every x."""
    values = [y for line in lines.values() for y in line]
    ticks = _ticks(min(values), max(values))

    def x_at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * _share(x, min(xs), max(xs))

    def y_at(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * _share(y, ticks[0], ticks[-1])

    parts = [_HEAD]
    for y in ticks:
        parts.append(f'<path d="M{LEFT} {y_at(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts[-1] += _text(f"{LEFT - 6}", f"{y_at(y) + 4:.1f}", f"{y:g}", 'text-anchor="end"')
    parts += [_text(f"{x_at(x):.1f}", f"{HEIGHT - BOTTOM + 18}", f"{x:g}", _MIDDLE) for x in xs]
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        points = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in zip(xs, line, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        place = f"{x_at(xs[-1]) + 6:.1f}", f"{y_at(line[-1]) + 4:.1f}"
        parts.append(_text(*place, name, f'fill="{colour}"'))
    return "\n".join([*parts, *_axes(x_name, y_name)])


_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
    f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
)
_MIDDLE = 'text-anchor="middle"'


def _axes(x_name: str, y_name: str) -> Iterator[str]:
    middle = (HEIGHT - BOTTOM) / 2
    yield _text(f"{WIDTH / 2}", f"{HEIGHT - 10}", x_name, _MIDDLE)
    turned = f'transform="rotate(-90 14 {middle})"'
    yield f"{_text('14', f'{middle}', y_name, f'{_MIDDLE} {turned}')}</svg>\n"


def _text(x: str, y: str, words: str, attributes: str) -> str:
    return f'<text x="{x}" y="{y}" {attributes}>{words}</text>'


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low) if high > low else 0.5


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten from below the lowest value to above the highest."""
    steps = [step * 10.0**power for power in range(-4, 6) for step in (1, 2, 5)]
    first = max(i for i, step in enumerate(steps) if step <= max(low, steps[0]))
    last = min(i for i, step in enumerate(steps) if step >= min(high, steps[-1]))
    return steps[first : last + 1] if last > first else steps[first : first + 2]
