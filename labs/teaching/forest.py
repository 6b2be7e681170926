"""All claims in one figure: the difference that each is about, with its interval, its seeds and its verdict."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from labs.systems.outcome import VERDICTS, Outcome

# Readable in grey too: the mark says what the colour says.
LOOKS = dict(zip(VERDICTS, (("o", "#1b7f4d"), ("v", "#b3402a"), ("s", "#8a8a8a")), strict=True))
OTHER = ("x", "black")  # a broken experiment, or too few seeds


def forest(outcomes: Mapping[str, Outcome]) -> Figure:
    """One line a claim whose scores are shares; what holds by construction is counted beneath."""
    shown = {name: one for name, one in outcomes.items() if one.said["unit"] == "%" and not one.said["given"]}
    figure = Figure((10, 1.4 + 0.34 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for y, one in enumerate(reversed(shown.values())):
        mark, colour = LOOKS.get(one.verdict, OTHER)
        if one.said["within"]:
            axes.barh(y, 200 * one.said["within"], 0.8, -100 * one.said["within"], color="#dddddd")
        axes.plot([100 * one.gap.low, 100 * one.gap.high], [y, y], color=colour, linewidth=2)
        axes.plot([100 * seed.mean for seed in one.gap_by_seed], [y] * len(one.gap_by_seed), "|", color=colour)
        axes.plot(100 * one.gap.mean, y, mark, color=colour)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [_label(name, one) for name, one in reversed(shown.items())], fontsize=8)
    axes.set_xlabel("difference in points, 95 % interval; | one seed; grey: what was allowed", fontsize=9)
    for verdict, (mark, colour) in LOOKS.items():
        axes.plot([], [], mark, color=colour, label=verdict)
    axes.legend(loc="upper right", fontsize=8)
    figure.suptitle(_finding(outcomes), x=0.01, ha="left", fontsize=10)
    return figure


def _label(name: str, one: Outcome) -> str:
    than = one.said["than"]
    return f"{name}: {one.said['better']} - {than if isinstance(than, str) else one.show(than)}"


def _finding(outcomes: Mapping[str, Outcome]) -> str:
    found = [one.verdict for one in outcomes.values()]
    counted = [f"{found.count(verdict)} {verdict}" for verdict in VERDICTS]
    given = found.count("holds by construction")
    return f"{len(found)} claims: {', '.join(counted)}, {given} hold{'s' * (given == 1)} by construction"
