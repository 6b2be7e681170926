"""What has been published of closed beside open models: a row for each benchmark, a dot for each model."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from labs.systems.parts.published import STATES, Published
from labs.teaching.looks import COLOURS

MARKS = {  # closed ones are filled, open ones hollow, and no two share a shape: they can be told without colour
    "GPT-4V": "o", "Gemini Ultra": "s", "Gemini Pro": "D", "LLaVA-1.6-34B": "^", "LLaVA-1.5-13B": "v",
    "Qwen-VL-Chat": "P", "InstructBLIP (Vicuna-13B)": "X", "BLIP-2 (Vicuna-13B)": "p",
}  # fmt: skip
NEAR, LIFTS = 1.6, (0.0, 0.28, -0.28)  # points; parts of the way to the next line
SHADES = {"closed": COLOURS["text"], "open": COLOURS["sound"]}


def published(rows: Sequence[Published]) -> Figure:
    """Scores from left to right; above what nobody has read at its source stands a question mark.

    The title counts where a closed model is ahead. That is no ranking: an open one may have learned from the training
    half of the same set, as LLaVA-1.5 and Qwen-VL-Chat did from VQAv2's. Raises ValueError for a model without a mark.
    """
    if strange := {row.model for row in rows} - set(MARKS):
        raise ValueError(f"no mark for {', '.join(sorted(strange))}: add one to MARKS")
    names = list(dict.fromkeys(row.benchmark for row in rows))[::-1]
    figure = Figure((10, 1.6 + 0.42 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.hlines(range(len(names)), 0, 100, color="#e6e6e6", zorder=0)
    for row, lift in _apart(rows):
        colour, place = SHADES[row.kind], (row.value, names.index(row.benchmark) + lift)
        inside = colour if row.kind == "closed" else "white"
        axes.plot(*place, MARKS[row.model], color=colour, markerfacecolor=inside, markersize=8, linestyle="none")
        if row.status == STATES[-1]:
            axes.annotate("?", place, xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    for kind in SHADES:
        for model in dict.fromkeys(row.model for row in rows if row.kind == kind):
            inside = SHADES[kind] if kind == "closed" else "white"
            axes.plot([], [], MARKS[model], color=SHADES[kind], markerfacecolor=inside, label=f"{model}, {kind}")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 100), ylim=(-0.6, len(names) - 0.4), xlabel="score of the benchmark, 0 to 100")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    both = [name for name in names if len({row.kind for row in rows if row.benchmark == name}) == 2]
    best = [max((row for row in rows if row.benchmark == name), key=lambda row: row.value).kind for name in both]
    axes.set_title(f"As published, not measured here: a closed model is ahead on {best.count('closed')} "
                   f"of {len(both)} benchmarks that have both kinds", loc="left", fontsize=10)  # fmt: skip
    return figure


def _apart(rows: Sequence[Published]) -> list[tuple[Published, float]]:
    """Each row, and how far above its line it stands so that it hides no neighbour."""
    placed, before, turn = [], None, 0
    for row in sorted(rows, key=lambda row: (row.benchmark, row.value)):
        near = before and before.benchmark == row.benchmark and row.value - before.value < NEAR
        turn, before = (turn + 1 if near else 0), row
        placed.append((row, LIFTS[turn % len(LIFTS)]))
    return placed
