"""All claims in one figure: the difference that each is about, with its interval, its seeds and its verdict."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from labs.systems.outcome import VERDICTS, Outcome

# Readable in grey too: the mark says what the colour says.
LOOKS = dict(zip(VERDICTS, (("o", "#1b7f4d"), ("v", "#b3402a"), ("s", "#8a8a8a")), strict=True))
OTHER = ("x", "black")  # a broken experiment, or too few seeds


def forest(outcomes: Mapping[str, Outcome]) -> Figure:
    """One line a claim whose scores are shares, in two columns; what holds by construction is counted beneath."""
    shown = [(name, one) for name, one in outcomes.items() if one.said["unit"] == "%" and not one.said["given"]]
    half = -(-len(shown) // 2)
    figure = Figure((17, 1.6 + 0.26 * half), layout="constrained")
    for axes, part in zip(figure.subplots(1, 2, sharex=True), (shown[:half], shown[half:]), strict=True):
        for y, (_, one) in enumerate(part):
            _line(axes, y, one)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(part)), [_label(name, one) for name, one in part], fontsize=8)
        axes.set(ylim=(half - 0.4, -0.6))  # the first claim on top
    figure.supxlabel("difference in points, 95 % interval; | one seed; grey: what was allowed", fontsize=9)
    marks = [Line2D([], [], marker=mark, color=colour, label=verdict) for verdict, (mark, colour) in LOOKS.items()]
    figure.legend(handles=marks, loc="outside upper right", ncols=len(marks), fontsize=8)
    figure.suptitle(finding(outcomes), x=0.01, ha="left", fontsize=10)
    return figure


def finding(outcomes: Mapping[str, Outcome]) -> str:
    """How many claims came to which verdict."""
    found = [one.verdict for one in outcomes.values()]
    counted = [f"{found.count(verdict)} {verdict}" for verdict in VERDICTS]
    given = found.count("holds by construction")
    return f"{len(found)} claims: {', '.join(counted)}, {given} hold{'s' * (given == 1)} by construction"


def _line(axes: Axes, y: int, one: Outcome) -> None:
    mark, colour = LOOKS.get(one.verdict, OTHER)
    if one.said["within"]:
        axes.barh(y, 200 * one.said["within"], 0.8, -100 * one.said["within"], color="#dddddd")
    axes.plot([100 * one.gap.low, 100 * one.gap.high], [y, y], color=colour, linewidth=2)
    axes.plot([100 * seed.mean for seed in one.gap_by_seed], [y] * len(one.gap_by_seed), "|", color=colour)
    axes.plot(100 * one.gap.mean, y, mark, color=colour)


def _label(name: str, one: Outcome) -> str:
    than = one.said["than"]
    return f"{name}: {one.said['better']} - {than if isinstance(than, str) else one.show(than)}"
