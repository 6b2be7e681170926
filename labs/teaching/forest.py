"""All claims in one figure: the difference that each is about, with its interval, its seeds and its verdict."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from labs.systems.outcome import VERDICTS, Outcome

# Readable in grey too: the mark says what the colour says.
LOOKS = dict(zip(VERDICTS, (("o", "#1b7f4d"), ("v", "#b3402a"), ("s", "#8a8a8a")), strict=True))
OTHER = ("x", "black")  # a broken experiment, or too few seeds
COLUMNS = 3
Line = tuple[str, Outcome | None]  # a claim, or the heading of a system's claims


def forest(outcomes: Mapping[str, Outcome]) -> Figure:
    """One line a claim whose scores are shares, under the name of its system; given ones are counted in the title."""
    lines = headed({name: one for name, one in outcomes.items() if one.said["unit"] == "%" and not one.said["given"]})
    long = -(-len(lines) // COLUMNS)
    figure = Figure((17, 1.6 + 0.2 * long), layout="constrained")
    for number, axes in enumerate(figure.subplots(1, COLUMNS, sharex=True)):
        _column(axes, lines[number * long : (number + 1) * long], long)
    figure.supxlabel("difference in points, 95 % interval; | one seed; grey: what was allowed", fontsize=10)
    marks = [Line2D([], [], marker=mark, color=colour, label=verdict) for verdict, (mark, colour) in LOOKS.items()]
    figure.legend(handles=marks, loc="outside upper right", ncols=len(marks), fontsize=10)
    figure.suptitle(finding(outcomes), x=0.01, ha="left", fontsize=12)
    return figure


def headed(outcomes: Mapping[str, Outcome]) -> list[Line]:
    """The claims with a heading before those of each system."""
    lines: list[Line] = []
    for name, one in outcomes.items():
        system, claim = name.split("/", 1)
        if (system, None) not in lines:
            lines.append((system, None))
        lines.append((claim, one))
    return lines


def finding(outcomes: Mapping[str, Outcome]) -> str:
    """How many claims came to which verdict."""
    found = [one.verdict for one in outcomes.values()]
    counted = [f"{found.count(verdict)} {verdict}" for verdict in VERDICTS]
    given = found.count("holds by construction")
    return f"{len(found)} claims: {', '.join(counted)}, {given} hold{'s' * (given == 1)} by construction"


def _column(axes: Axes, lines: Sequence[Line], long: int) -> None:
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(lines)), [name for name, _ in lines], fontsize=9)
    axes.set(ylim=(long - 0.4, -0.6))  # the first claim on top
    axes.tick_params(axis="y", length=0)
    for y, (label, (_, one)) in enumerate(zip(axes.get_yticklabels(), lines, strict=True)):
        if one is None:
            label.set_weight("bold")
        else:
            _line(axes, y, one)


def _line(axes: Axes, y: int, one: Outcome) -> None:
    mark, colour = LOOKS.get(one.verdict, OTHER)
    if one.said["within"]:
        axes.barh(y, 200 * one.said["within"], 0.8, -100 * one.said["within"], color="#dddddd")
    axes.plot([100 * one.gap.low, 100 * one.gap.high], [y, y], color=colour, linewidth=2)
    axes.plot([100 * seed.mean for seed in one.gap_by_seed], [y] * len(one.gap_by_seed), "|", color=colour)
    axes.plot(100 * one.gap.mean, y, mark, color=colour, markersize=4)
