"""Two small curves as SVG, in the page's own colours: they are drawn anew every second, so they have to be light."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 460, 170, 52, 24  # pixels, with room for the numbers of the axes
Points = Sequence[tuple[int, float]]


def curve(points: Points, last: int, top: float, title: str, unit: str = "") -> str:
    """Points (step, value) between 0 and `last` steps, 0 and `top`; the newest value is written beside its point."""
    if not points:
        return _frame(last, top, title, f"{title}: nothing yet", unit, "")
    places = [(LEFT + step / last * (WIDTH - LEFT - 60), _height(value, top)) for step, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    (x, y), value = places[-1], f"{points[-1][1]:.3g}{unit}"
    drawn = (
        f'<polyline points="{path}" fill="none" stroke="var(--color-accent)" stroke-width="2"/>'
        + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="var(--color-accent)"/>' for x, y in places[-1:])
        + f'<text x="{x + 7:.1f}" y="{y + 4:.1f}" font-weight="600">{value}</text>'
    )
    return _frame(last, top, title, f"{title}: {value} at step {points[-1][0]} of {last}", unit, drawn)


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - min(1.0, max(0.0, value / top)) * (HEIGHT - BOTTOM - 30)


def _frame(last: int, top: float, title: str, said: str, unit: str, drawn: str) -> str:
    """Axes with their ends, a title, and words for whoever cannot see the curve."""
    floor, right = HEIGHT - BOTTOM, WIDTH - 60
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}" font-size="12" '
        f'fill="currentColor"><text x="{LEFT}" y="16" font-weight="600">{escape(title)}</text>'
        f'<path d="M{LEFT} 30V{floor}H{right}" fill="none" stroke="currentColor" opacity="0.5"/>'
        f'<text x="{LEFT - 6}" y="36" text-anchor="end">{top:.3g}{unit}</text>'
        f'<text x="{LEFT - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">step 0</text>'
        f'<text x="{right}" y="{HEIGHT - 6}" text-anchor="end">{last}</text>{drawn}</svg>'
    )
