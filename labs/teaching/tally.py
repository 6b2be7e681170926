"""All verdicts on one screen: a mark for each claim, a column for each system."""

from collections import Counter
from collections.abc import Mapping

from matplotlib.figure import Figure

from labs.systems.outcome import VERDICTS, Outcome
from labs.teaching.forest import LOOKS, finding

GIVEN = "holds by construction"
MARKS = LOOKS | {GIVEN: ("_", "#8a8a8a")}
ABOVE, BELOW = (VERDICTS[0], GIVEN), VERDICTS[1:]


def tally(outcomes: Mapping[str, Outcome]) -> Figure:
    """A column a system: above the line what holds, below it what does not; the most reproduced claims on the left."""
    counted = by_system(outcomes)
    figure = Figure((12.5, 5.4), layout="constrained")
    axes = figure.subplots()
    for side, verdicts in ((1, ABOVE), (-1, BELOW)):
        done = dict.fromkeys(counted, 0)  # marks that stand in a column already
        for verdict in verdicts:
            places = [(x, side * (done[name] + number + 0.6)) for x, name in enumerate(counted)
                      for number in range(counted[name][verdict])]  # fmt: skip
            mark, colour = MARKS[verdict]
            axes.plot(*zip(*places, strict=True) if places else ((), ()), mark, color=colour, ms=4.2, label=verdict)
            done = {name: done[name] + counted[name][verdict] for name in counted}
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(counted)), [name.replace("_", " ") for name in counted], rotation=90, fontsize=9)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    axes.set(xlim=(-0.7, len(counted) - 0.3), ylabel="claims")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.legend(loc="upper right", frameon=False)
    figure.suptitle(finding(outcomes), x=0.01, ha="left")
    return figure


def by_system(outcomes: Mapping[str, Outcome]) -> dict[str, Counter]:
    """system -> how many of its claims came to which verdict, the most reproduced first."""
    found: dict[str, Counter] = {}
    for name, one in outcomes.items():
        found.setdefault(name.partition("/")[0], Counter())[one.verdict] += 1
    return dict(sorted(found.items(), key=lambda item: (-item[1][VERDICTS[0]], item[0])))
