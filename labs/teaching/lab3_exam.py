"""What is asked in worksheet 3's exams, how far one gets without listening, and right answers kind by kind."""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from rich.table import Table
from torch import Tensor

from labs.evaluation.interval import Interval, interval
from labs.teaching.lab3_listener import Listener
from labs.teaching.lab3_rig import QUESTIONS

KINDS = {question: kind for kind, question in QUESTIONS.items()}


def asked(records: Sequence[Sequence[dict]]) -> list[tuple[int, str, str]]:
    """Window, kind and true answer of every question, window after window."""
    said = [(number, [one["content"] for one in record["messages"]])
            for number, some in enumerate(records) for record in some]  # fmt: skip
    return [(number, KINDS[question], answer) for number, (question, answer) in said]


def prior(learned: Sequence[Sequence[dict]], records: Sequence[Sequence[dict]]) -> Float[Tensor, " questions"]:
    """1 where the most frequent answer that training gave to a question is right: a model that does not listen."""
    counts = {kind: Counter(answer for _, one, answer in asked(learned) if one == kind) for kind in QUESTIONS}
    usual = {kind: count.most_common(1)[0][0] for kind, count in counts.items() if count}
    return torch.tensor([float(usual.get(kind) == answer) for _, kind, answer in asked(records)])


def by_kind(right: Float[Tensor, " questions"], records: Sequence[Sequence[dict]]) -> dict[str, Interval]:
    """Right answers of each kind that is asked and of "all", with 95 % intervals over windows."""
    found = {}
    for kind in (*QUESTIONS, "all"):
        own = [(one, number) for one, (number, of, _) in zip(right.tolist(), asked(records), strict=True)
               if kind in (of, "all")]  # fmt: skip
        if own:
            found[kind] = interval(*zip(*own, strict=True))
    return found


def table(
    conditions: Mapping[str, Float[Tensor, " questions"]], records: Sequence[Sequence[dict]], title: str = ""
) -> Table:
    """A row for each condition, a column for each kind: right answers in percent, with their interval."""
    scored = {name: by_kind(right, records) for name, right in conditions.items()}
    kinds = list(next(iter(scored.values())))
    drawn = Table("", *kinds, title=title, title_justify="left", padding=(0, 0), show_lines=True)
    for name, own in scored.items():
        cells = [f"{100 * one.mean:.0f} \\[{100 * one.low:.0f}, {100 * one.high:.0f}]" for one in own.values()]
        drawn.add_row(name, *cells)
    return drawn


def spoken(
    listener: Listener, sensed: Float[Tensor, "windows tokens width"], records: Sequence[Sequence[dict]]
) -> list[str]:
    """For each window what is said, left to itself, and what is true, two lines for a figure's title."""
    said = {kind: listener.say(sensed, question) for question, kind in KINDS.items()}
    lines = []
    for number in range(len(records)):
        true = {kind: answer for at, kind, answer in asked(records) if at == number}
        told = ", ".join(said[kind][number] for kind in true)
        lines.append(f"said: {told}\ntrue: {', '.join(true.values())}")
    return lines
