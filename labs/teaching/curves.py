"""Curves of results that ship in data/claims.json."""

from matplotlib.figure import Figure

from labs.systems.outcome import kept
from labs.systems.scaling import INGREDIENTS, UNITS
from labs.teaching.looks import COLOURS, CONTROL


def scaling() -> Figure:
    """Accuracy against each ingredient, three seeds and their mean, with the control."""
    figure = Figure((10, 3.2), layout="constrained")
    for axes, (name, amounts) in zip(figure.subplots(1, 3, sharey=True), INGREDIENTS.items(), strict=True):
        result = kept(f"scaling/more {name}")
        arms = [f"{amount} {name}" for amount in amounts]
        means = [100 * result.arms[arm].mean for arm in arms]
        axes.plot(amounts, means, color=COLOURS["picture"])
        for amount, arm in zip(amounts, arms, strict=True):
            each = [100 * one.mean for one in result.arms_by_seed[arm]]
            axes.plot([amount] * len(each), each, "o", color=COLOURS["picture"], markersize=4)
        control = 100 * result.arms["shuffled pairs"].mean
        axes.axhline(control, color=CONTROL, linestyle="--", label="shuffled pairs (chance: 1.6 %)")
        axes.set_xscale("log")
        axes.set_xticks(amounts, [str(amount) for amount in amounts])
        axes.minorticks_off()
        axes.set(xlabel=f"{UNITS[name]} (logarithmic)", ylim=(-3, 100))
    first = figure.axes[0]
    first.set_ylabel("accuracy over 64 names, %")
    first.legend(fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.08))
    figure.suptitle("More of each ingredient names more unseen combinations: three seeds, and their mean", fontsize=11)
    return figure
