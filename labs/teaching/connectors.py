"""Connectors side by side, from data/claims.json: tokens, parameters, and what three seeds answer."""

from matplotlib.figure import Figure
from rich.table import Table

from labs.systems.blip2 import ARMS, WIDTH
from labs.systems.outcome import Outcome, kept
from labs.systems.parts.connected import Connector
from labs.teaching.looks import COLOURS, CONTROL

BLIND = "MLP, other pictures"
MARKS = {"linear": "s", "MLP": "D", "resampler": "^", "Q-Former": "o"}


def table() -> Table:
    """A line a connector; behind each seed's accuracy its place among all of them with that seed."""
    found = kept("blip2/fewer tokens")
    seeds = range(len(found.gap_by_seed))
    shown = Table("connector", "tokens", "parameters", "right, mean", *(f"seed {seed} (place)" for seed in seeds))
    for arm, (kind, tokens) in ARMS.items():
        one = Connector(kind, WIDTH, tokens)
        places = [f"{100 * found.arms_by_seed[arm][seed].mean:.1f} % ({place(found, arm, seed)})" for seed in seeds]
        count = sum(parameter.numel() for parameter in one.parameters())
        shown.add_row(arm, str(one.tokens), f"{count:,}", f"{100 * found.arms[arm].mean:.1f} %", *places)
    shown.add_row(BLIND, "36", "", f"{100 * found.arms[BLIND].mean:.1f} %")
    return shown


def place(found: Outcome, arm: str, seed: int) -> int:
    """1 for the connector that answers best with that seed."""
    return 1 + sum(found.arms_by_seed[other][seed].mean > found.arms_by_seed[arm][seed].mean for other in ARMS)


def scatter() -> Figure:
    """Right answers against tokens that the language model has to read, a dot a seed."""
    found, figure = kept("blip2/fewer tokens"), Figure((7.5, 3.4), layout="constrained")
    axes = figure.subplots()
    for arm, (kind, tokens) in ARMS.items():
        each = [100 * one.mean for one in found.arms_by_seed[arm]]
        beside = tokens * (0.93 if kind in ("resampler", "linear") else 1)  # of two with as many tokens
        label = {} if kind in axes.get_legend_handles_labels()[1] else {"label": kind}
        axes.plot([beside] * len(each), each, MARKS[kind], color=COLOURS["picture"], markerfacecolor="none", **label)
    axes.axhline(100 * found.arms[BLIND].mean, color=CONTROL, linestyle="--", label="trained beside other pictures")
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted({tokens for _, tokens in ARMS.values()}), labels=["1", "4", "16", "36"])
    axes.set(xlabel="visual tokens (logarithmic)", ylabel="right answers, %", ylim=(25, 75))
    axes.legend(fontsize=8, loc="lower right", ncols=2)
    axes.set_title("More queries tell more, and sixteen tell more than all 36 patches: three seeds", fontsize=10)
    return figure
