"""Figures of section 4.3: what ranks buy, and where three code books of 4 bits put their values."""

from matplotlib.figure import Figure

from labs.systems import lora
from labs.systems.outcome import kept
from labs.systems.parts import quantised
from labs.teaching.looks import COLOURS, CONTROL
from labs.tuning.by_hand.code_books import values


def ranks() -> Figure:
    """New and earlier questions right against the numbers trained, three seeds and their mean (data/claims.json)."""
    figure = Figure((9, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("low ranks suffice", "forgets less"), strict=True):
        outcome, trained = kept(f"lora/{name}"), lora.numbers()
        swept = [f"rank {rank}" for rank in lora.RATES]
        means = [100 * outcome.arms[way].mean for way in swept]
        axes.plot([trained[way] for way in swept], means, color=COLOURS["text"], label="LoRA of rank 1 to 32")
        for way, mark in [(way, "o") for way in swept] + [("full tuning", "s"), ("prefix", "^")]:
            each = [100 * one.mean for one in outcome.arms_by_seed[way]]
            shown = {} if way in swept else {"label": way}
            axes.plot([trained[way]] * len(each), each, mark, color=COLOURS["text"], markersize=4, **shown)
        axes.set(xscale="log", xlabel="numbers trained (logarithmic)", ylabel=f"{outcome.said['metric']}, %")
    base = 100 * outcome.arms["untuned"].mean
    axes.axhline(base, color=CONTROL, linestyle="--", label="untuned")
    axes.legend(fontsize=8, loc="lower right")
    figure.suptitle("From rank 2 on more rank buys little; a prefix learns less and forgets more", fontsize=11)
    return figure


def code_books() -> Figure:
    """For the weights of all bundled checkpoints: how often each code is taken, and its mean error."""
    figure = Figure((9, 4), layout="constrained")
    grid = figure.subplots(2, 3, sharey="row", sharex=True)
    for column, book in zip(grid.T, ("NF4", "FP4", "INT4"), strict=True):
        taken, missed = quantised.histogram(book, quantised.matrices()).unbind(1)
        total = (taken * missed).sum().item()
        for axes, heights, scale in zip(column, (taken, missed), (100, 1), strict=True):
            axes.vlines(values(book).tolist(), 0, (scale * heights).tolist(), color=COLOURS["text"], linewidth=4)
        column[0].set_title(f"{book}: mean error {total:.4f} absmax", fontsize=9)
        column[1].set_xlabel("value of the code, in units of absmax")
    for axes in grid.flat:
        axes.set_ylim(bottom=0)
    grid[0, 0].set_ylabel("weights, %")
    grid[1, 0].set_ylabel("mean error, absmax")
    figure.suptitle("Codes where the weights are: normal floats take theirs more evenly", fontsize=11)
    return figure
