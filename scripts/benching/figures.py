"""python scripts/benching/figures.py

Draw data/bench/growth.png from data/bench/growth.json: what a pair costs as pairs, picture tokens, rank, records grow.
"""

import json
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BENCH = Path(__file__).resolve().parents[2] / "data" / "bench"
PANELS = {  # what grows -> its name in words, what is plotted, its unit
    "pairs": ("pairs a picture", "milliseconds", "ms for a pair"),
    "picture_tokens": ("tokens a picture", "milliseconds", "ms for a pair"),
    "rank": ("rank r", "milliseconds", "ms for a pair"),
    "records": ("records in the file", "peak_megabytes", "MB above the idle process"),
}
LOOKS = {"labs": ("o-", "#1a7f37", "labs"), "trainer": ("s--", "#7a5195", "plain Trainer"),
         "reading": ("o-", "#1a7f37", "checked, split, first step made")}  # fmt: skip


def main() -> None:
    found = json.loads((BENCH / "growth.json").read_text())
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.8), layout="constrained")
    for axis, (what, (words, measure, unit)) in zip(axes, PANELS.items(), strict=True):
        points = {int(name.split()[1]): arms["arms"] for name, arms in found.items() if name.startswith(f"{what} ")}
        for arm in next(iter(points.values())):
            marks, colour, label = LOOKS["reading" if what == "records" else arm]
            grown = sorted(points)
            values = [value(points[x][arm], measure) for x in grown]
            label += f", slope {slope(grown, values):+.2f}"
            axis.plot(grown, values, marks, color=colour, label=label)
        axis.set(xscale="log", yscale="log", xlabel=words, ylabel=unit)
        axis.set_xticks(sorted(points), [f"{x:,}" for x in sorted(points)], minor=False)
        axis.minorticks_off()
        axis.set_ylim(bottom=min(line.get_ydata().min() for line in axis.lines) / 2,
                      top=max(line.get_ydata().max() for line in axis.lines) * 3)  # fmt: skip
        axis.legend(fontsize=8, frameon=False)
        axis.grid(alpha=0.3)
    where = next(iter(found.values()))["machine"]
    figure.suptitle(f"What a pair costs as things grow (log-log; {where['processor']}, {where['threads']} threads, "
                    "float32)", fontsize=11)  # fmt: skip
    figure.savefig(BENCH / "growth.png", dpi=110)


def value(arm: dict, measure: str) -> float:
    """Milliseconds a pair, or a figure of the arm as it is."""
    return 1000 / arm["pairs_per_second"] if measure == "milliseconds" else arm[measure]


def slope(x: list[float], y: list[float]) -> float:
    """Of the straight line through the points, both logarithmic: 1 is in proportion, 0 not at all."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


if __name__ == "__main__":
    main()
