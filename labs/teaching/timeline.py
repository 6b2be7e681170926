"""The way from specialists to generalists, drawn from data/timeline.csv; the year is that of the first paper.

Only of the two oldest, which were older, it is one by which they were in everyday use.
"""

import csv

from matplotlib.figure import Figure

import labs
from labs.teaching.looks import COLOURS

KINDS = ("specialist", "pretrained", "generalist")  # the lanes, from the bottom up
TODAY = 2026


def events() -> list[dict[str, str]]:
    """The rows of data/timeline.csv, by year: year, name, kind, senses, what, source."""
    with (labs.home() / "data" / "timeline.csv").open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["year"]))


def timeline() -> Figure:
    """One lane for each kind of model, the years from left to right, colours for the newest sense."""
    figure = Figure((12, 6.2), layout="constrained")
    axes = figure.subplots()
    for lane, kind in enumerate(KINDS):
        mine = [row for row in events() if row["kind"] == kind]
        axes.axhspan(lane - 0.46, lane + 0.46, color="#f3f3f0")
        for number, row in enumerate(mine):
            y = lane - 0.38 + 0.76 * (number % 9) / 8  # staggered, so that names do not meet
            colour = COLOURS[row["senses"]]
            axes.plot(int(row["year"]), y, "o", color=colour, markersize=5)
            axes.annotate(row["name"], (int(row["year"]), y), xytext=(6, -3), textcoords="offset points",
                          color=colour, fontsize=8)  # fmt: skip
    axes.set(
        xlim=(2005.4, TODAY + 1),
        ylim=(-0.5, len(KINDS) - 0.5),
        xlabel="year of the first paper; the first two: in everyday use by then",
    )
    axes.set_yticks(range(len(KINDS)), ["specialists:\none task", "pretrained:\nfine-tuned to tasks",
                                        "generalists:\nasked in words"])  # fmt: skip
    axes.set_xticks(range(2006, TODAY + 1, 2))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for sense in dict.fromkeys(row["senses"] for row in events()):
        axes.plot([], [], "o", color=COLOURS[sense], markersize=5, label=sense)
    axes.legend(title="newest sense", loc="lower right", fontsize=8, title_fontsize=8, frameon=False)
    axes.set_title("In twenty years, from one model a task to one model that is asked", loc="left")
    return figure
