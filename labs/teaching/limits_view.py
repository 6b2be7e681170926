"""Figures of the summary: how sure and how right, what the surer answers are worth, and how many things are counted."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL.Image import Image

from labs.systems.parts.limit_trust import BINS, Judged, tenths
from labs.teaching.looks import CONTROL

LINES = ("-", "--", ":", "-.")  # told apart in grey
FEWEST = 5  # answers that a mark stands for at least


def trust(views: Mapping[str, Judged]) -> Figure:
    """Left: of the answers of which it is so sure, how many are right. Right: of the surest so many."""
    figure = Figure((10, 3.8), layout="constrained")
    sure, selected = figure.subplots(1, 2)
    sure.plot([0, 100], [0, 100], color=CONTROL, linewidth=1)
    sure.annotate("as sure as right", (4, 8), rotation=37, fontsize=8, color="#666666")
    for line, (name, judged) in zip(LINES, views.items(), strict=False):
        points = [(one, other) for one, other, many in tenths(judged) if many >= FEWEST]
        sure.plot([100 * one for one, _ in points], [100 * one for _, one in points], f"o{line}", label=name)
        shares, right = coverage(judged)
        selected.plot([100 * one for one in shares], [100 * one for one in right], line, label=name)
    sure.set(xlabel="how sure, %", ylabel="right, %", xlim=(0, 101), ylim=(0, 103))
    selected.set(xlabel="answered: the surest so many, %", ylabel="right among them, %", xlim=(0, 101), ylim=(0, 103))
    selected.legend(fontsize=8, loc="lower left")
    return figure


def coverage(judged: Judged) -> tuple[list[float], list[float]]:
    """Shares of all answers, the surest first, and how many of each share are right; from a tenth upwards."""
    order = sorted(range(len(judged.sure)), key=lambda place: -judged.sure[place])
    shares, right, total = [], [], 0.0
    for number, place in enumerate(order, 1):
        total += judged.right[place]
        if number * BINS >= len(order):
            shares.append(number / len(order))
            right.append(total / number)
    return shares, right


def counts(curves: Mapping[str, Sequence[float]], chance: float) -> Figure:
    """How often so many things are counted rightly, a line each."""
    figure = Figure((7, 3.4), layout="constrained")
    axes = figure.subplots()
    for line, (name, shares) in zip(LINES, curves.items(), strict=False):
        axes.plot(range(1, len(shares) + 1), [100 * share for share in shares], f"o{line}", label=name)
    axes.axhline(100 * chance, color=CONTROL, linewidth=1, label="chance")
    axes.set(xlabel="things in the picture", ylabel="counted rightly, %", ylim=(0, 103))
    axes.legend(fontsize=8)
    return figure


def two(pictures: Sequence[Image], captions: Sequence[str]) -> Figure:
    """Two pictures side by side, each with the caption that is true of it."""
    figure = Figure((10, 3.6), layout="constrained")
    for axes, picture, caption in zip(figure.subplots(1, 2), pictures, captions, strict=True):
        _picture(axes, picture, caption)
    return figure


def _picture(axes: Axes, picture: Image, caption: str) -> None:
    axes.imshow(picture)
    axes.set_title(caption, fontsize=8, wrap=True)
    axes.axis("off")
