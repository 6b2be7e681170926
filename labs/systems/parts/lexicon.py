"""Whole words as tokens: the texts of one experiment need a few dozen of them, which a small model learns soonest."""

import re
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

SPECIAL = ("<pad>", "<cls>", "<mask>", "<end>", "<decode>")
PAD, CLS, MASK, END, DECODE = range(len(SPECIAL))


class Lexicon:
    """The words of some texts, in lower case; commas count as words, other marks are left out."""

    def __init__(self, texts: Iterable[str]):
        self.words = (*SPECIAL, *sorted({word for text in texts for word in split(text)}))
        self.number = {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def write(self, texts: Sequence[str], start: int = CLS, end: Sequence[int] = (END,)) -> Int[Tensor, "texts words"]:
        """Numbers of `start`, the words and `end`, filled up with PAD. Raises ValueError for a word not known."""
        unknown = {word for text in texts for word in split(text)} - self.number.keys()
        if unknown:
            raise ValueError(f"texts must be made of known words, not {', '.join(sorted(unknown))}")
        rows = [[start, *(self.number[word] for word in split(text)), *end] for text in texts]
        longest = max(map(len, rows))
        return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])

    def read(self, row: Int[Tensor, " words"]) -> str:
        """The text again, up to its end."""
        told = row.tolist()
        told = told[: told.index(END)] if END in told else told
        return " ".join(self.words[number] for number in told if number >= len(SPECIAL)).replace(" ,", ",")


def split(text: str) -> list[str]:
    """ "A red circle, a star" -> a, red, circle, comma, a, star."""
    return re.findall(r"\w+|,", text.lower())
