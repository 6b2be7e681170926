"""Connectors side by side, from data/claims.json: tokens, parameters, and what three seeds answer."""

from matplotlib.figure import Figure
from rich.table import Table
from torch import nn

from labs.systems.blip2 import ARMS, BLIND, WIDTH
from labs.systems.outcome import Outcome, kept
from labs.systems.parts.connected import Connector
from labs.teaching.looks import COLOURS, CONTROL

MARKS = {"linear": "s", "MLP": "D", "resampler": "^", "Q-Former": "o"}


def table() -> Table:
    """A line a connector; behind each seed's accuracy its place among all of them with that seed."""
    found = kept("blip2/fewer tokens")
    seeds = range(len(found.gap_by_seed))
    shown = Table("connector", "tokens", "parameters", "right, mean", *(f"seed {seed} (place)" for seed in seeds))
    for arm, (kind, tokens) in ARMS.items():
        one = Connector(kind, WIDTH, tokens)
        places = [f"{100 * found.arms_by_seed[arm][seed].mean:.1f} % ({place(found, arm, seed)})" for seed in seeds]
        shown.add_row(arm, str(one.tokens), f"{used(one):,}", f"{100 * found.arms[arm].mean:.1f} %", *places)
    shown.add_row(BLIND, "36", "", f"{100 * found.arms[BLIND].mean:.1f} %")
    return shown


def used(part: nn.Module) -> int:
    """Its parameters, without those of a Q-Former that wait for words, as InstructBLIP's get and ours do not."""
    return sum(parameter.numel() for name, parameter in part.named_parameters() if "think_in_words" not in name)


def place(found: Outcome, arm: str, seed: int) -> int:
    """1 for the connector that answers best with that seed."""
    return 1 + sum(found.arms_by_seed[other][seed].mean > found.arms_by_seed[arm][seed].mean for other in ARMS)


def scatter() -> Figure:
    """Right answers against tokens that the language model has to read, a dot a seed; those at a place stand aside."""
    found, figure = kept("blip2/fewer tokens"), Figure((8.6, 3.4), layout="constrained")
    axes = figure.subplots()
    for arm, (kind, tokens) in ARMS.items():
        each = [100 * one.mean for one in found.arms_by_seed[arm]]
        beside = tokens * (0.93 if kind in ("resampler", "linear") else 1)  # of two with as many tokens
        label = {} if kind in axes.get_legend_handles_labels()[1] else {"label": kind}
        axes.plot([beside] * len(each), each, MARKS[kind], color=COLOURS["picture"], markerfacecolor="none", **label)
    axes.axhline(100 * found.arms[BLIND].mean, color=CONTROL, linestyle="--", label="trained beside other pictures")
    axes.set_xscale("log", base=2)
    ticks = sorted({tokens for _, tokens in ARMS.values()})
    axes.set_xticks(ticks, labels=map(str, ticks))
    axes.set(xlabel="visual tokens (logarithmic)", ylabel="right answers, %")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set_title(
        f"Tokens that the language model reads, and what it answers: {len(found.gap_by_seed)} seeds", fontsize=10
    )
    return figure
