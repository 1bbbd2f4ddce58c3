"""Bar charts as coordinates, which a template draws as inline SVG: no script, no colour of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560.0, 168.0
LEFT, TOP, BOTTOM = 44.0, 12.0, 30.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Bar:
    """One bar and its text, for those who can't see its height."""

    x: float
    y: float
    width: float
    height: float
    label: str
    text: str


@dataclass(frozen=True)
class Line:
    """A line of the grid, and the value that it stands for."""

    y: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A chart: what it shows, its bars, its grid, the labels at both ends."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    first: str
    last: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    baseline: float = HEIGHT - BOTTOM


def bars(title: str, unit: str, values: Sequence[tuple[str, float | None]]) -> Plot:
    """Return a chart of (label, value) pairs, from left to right; a missing value is a gap."""
    top = _ceiling(max((value for _, value in values if value is not None), default=0.0))
    room = HEIGHT - TOP - BOTTOM
    slot = (WIDTH - LEFT) / max(1, len(values))
    drawn = tuple(
        Bar(
            x=round(LEFT + slot * number + slot * 0.15, 1),
            y=round(TOP + room * (1 - value / top), 1),
            width=round(slot * 0.7, 1),
            height=round(room * value / top, 1),
            label=label,
            text=f"{label}: {number_text(value)} {unit}",
        )
        for number, (label, value) in enumerate(values)
        if value is not None
    )
    lines = tuple(
        Line(round(TOP + room * (1 - share), 1), number_text(top * share)) for share in (0.0, 0.5, 1.0)
    )
    labels = [label for label, _ in values] or [""]
    return Plot(title, unit, drawn, lines, labels[0], labels[-1])


def number_text(value: float) -> str:
    """Return a number as people write it: three digits that count, no needless zeros."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _ceiling(value: float) -> float:
    """Return the least round number that is not below `value`, 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0
    while power > value:
        power /= 10
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in _STEPS if step * power >= value)
