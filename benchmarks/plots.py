"""Plots as SVG, by hand: bars and lines need no library."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 45, 54, 40
COLOURS = ("#2f6f4f", "#7aa6c2", "#c2703d", "#8a8a8a", "#b5a642", "#5b5ea6")
Points = Sequence[tuple[float, float]]


def _frame(title: str, inner: Sequence[str], *, height: int = HEIGHT) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        f' font-size="12" role="img"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="20" font-size="15" font-weight="bold">{escape(title)}</text>'
    )
    return "\n".join([head, *inner, "</svg>", ""])


def format_value(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def round_ceiling(value: float) -> float:
    """Return the next of 1, 2, 4, 6, 8 times a power of ten: its quarters are easy to read."""
    power = 10 ** math.floor(math.log10(value)) if value > 0 else 1
    return next(float(step * power) for step in (1, 2, 4, 6, 8, 10) if step * power >= value)


def bar_chart(title: str, parts: Mapping[str, Mapping[str, float]]) -> str:
    """A horizontal bar for each name, stacked from its named parts; the sum stands at its end."""
    longest = max((sum(values.values()) for values in parts.values()), default=0) or 1
    kinds = list(dict.fromkeys(kind for values in parts.values() for kind in values))
    left, row = 250, 30
    room = WIDTH - left - 90
    inner = [] if len(kinds) < 2 else _legend(kinds, left)
    for number, (name, values) in enumerate(parts.items()):
        y, x = TOP + 14 + number * row, float(left)
        inner.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        for kind, value in values.items():
            width = room * value / longest
            colour = COLOURS[kinds.index(kind) % len(COLOURS)]
            inner.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="20" fill="{colour}"/>')
            x += width
        inner.append(f'<text x="{x + 6:.1f}" y="{y + 14}">{format_value(sum(values.values()))}</text>')
    return _frame(title, inner, height=TOP + 24 + row * len(parts))


def _legend(names: Sequence[str], left: float) -> list[str]:
    lines, x = [], left
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        lines.append(f'<rect x="{x}" y="30" width="10" height="10" fill="{colour}"/>')
        lines.append(f'<text x="{x + 14}" y="39">{escape(name)}</text>')
        x += 30 + 7 * len(name)
    return lines


def line_chart(
    title: str, series: Mapping[str, Points], *, across: str, ticks: Mapping[str, float] | None = None
) -> str:
    """A line for each name, over evenly spaced places where `ticks` names them, else over the values themselves."""
    points = [point for line in series.values() for point in line]
    if not points:
        return _frame(title, [])
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    top = round_ceiling(max(y for _, y in points))

    def at(x: float, y: float) -> tuple[float, float]:
        share = (x - low) / (high - low) if high > low else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    inner = _legend(list(series), LEFT)
    for part in range(5):
        value = top * part / 4
        _, y = at(low, value)
        inner.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        inner.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{format_value(value)}</text>')
    for name, x in (ticks or {format_value(x): x for x in (low, high)}).items():
        inner.append(f'<text x="{at(x, 0)[0]:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{escape(name)}</text>')
    inner.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 5}" text-anchor="middle">{escape(across)}</text>')
    for number, line in enumerate(series.values()):
        inner += _line([at(*point) for point in sorted(line)], COLOURS[number % len(COLOURS)])
    return _frame(title, inner)


def _line(places: Points, colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places[:40]]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]
