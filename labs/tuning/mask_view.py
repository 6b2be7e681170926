"""The label mask to look at: every token coloured by what it is, in the terminal and in a notebook.

rich.print(explain(processor, ids, labels))        in a notebook the last line `explain(...)` is enough
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from rich.text import Text

from labs.models.conversation import picture_token
from labs.tuning.packing import IGNORE

LOOKS = {  # kind -> in the terminal, in a notebook
    "prompt": ("white", "color: inherit"),
    "picture": ("blue", "color: #2f6fd0"),
    "supervised": ("bold green", "color: #1a7f37; font-weight: bold; text-decoration: underline"),
    "padding": ("dim", "color: inherit; opacity: 0.5"),
}


@dataclass(frozen=True)
class View:
    """One (text, kind) for each token. rich shows it in a terminal, Jupyter in a notebook."""

    tokens: list[tuple[str, str]]

    @property
    def counts(self) -> dict[str, int]:
        """How many tokens are of each kind."""
        kinds = [kind for _, kind in self.tokens]
        return {kind: kinds.count(kind) for kind in LOOKS}

    def __rich__(self) -> Text:
        text = Text()
        for token, kind in self.runs():
            text.append(token, LOOKS[kind][0])
        text.append("\n")
        for kind, number in self.counts.items():
            text.append(f"{kind} {number}  ", LOOKS[kind][0])
        return text

    def _repr_html_(self) -> str:
        tokens = "".join(_span(token, kind) for token, kind in self.runs())
        legend = " &nbsp; ".join(_span(f"{kind} {number}", kind) for kind, number in self.counts.items())
        return f'<div style="white-space: pre-wrap; font-family: monospace">{tokens}</div><p>{legend}</p>'

    def runs(self) -> list[tuple[str, str]]:
        """The tokens, a row of equal ones of pictures or padding written once."""
        runs = []
        for (text, kind), group in groupby(self.tokens):
            number = len(list(group))
            folded = kind in ("picture", "padding")
            runs += [(text if number == 1 else f"{text}*{number}", kind)] if folded else [(text, kind)] * number
        return runs


def explain(processor: Any, ids: Sequence[int], labels: Sequence[int]) -> View:
    """Token ids and labels of one row, with or without padding -> the same to look at."""
    names = {picture_token(processor): "picture", processor.tokenizer.pad_token_id: "padding"}
    kinds = ["supervised" if label != IGNORE else names.get(token, "prompt")
             for token, label in zip(ids, labels, strict=True)]  # fmt: skip
    return View(list(zip(_texts(processor.tokenizer, ids), kinds, strict=True)))


def count(processor: Any, ids: Sequence[int], labels: Sequence[int]) -> dict[str, int]:
    """How many tokens are prompt, picture, supervised and padding."""
    return explain(processor, ids, labels).counts


def _span(text: str, kind: str) -> str:
    return f'<span style="{LOOKS[kind][1]}">{escape(text)}</span>'


def _texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The text of each token after its neighbour: alone, some tokenizers would drop the space before a word."""
    alone = [tokenizer.decode([token]) for token in ids]
    both = [tokenizer.decode(list(pair)) for pair in zip(ids, ids[1:], strict=False)]
    return alone[:1] + [text.removeprefix(before) for text, before in zip(both, alone, strict=False)]
