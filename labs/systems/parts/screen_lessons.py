"""Screens as lessons: the picture, each element on it, a description, a question with its answer, and a command."""

import random
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts.lexicon import Lexicon
from labs.world.domains import code, screens
from labs.world.domains.screens import Screen

COUNTS = {"train": 1500, "choice": 200, "exam": 200}
KINDS, ORDER, NUMBERS = ("none", *screens.KINDS, "header", "left", "right"), ("first", "second", "third"), "12345678"
COLOURS, ELEMENTS = ("none", *screens.INKS), 8
LEXICON = Lexicon([" ".join(("describe colour kind tap", *KINDS, *ORDER, *NUMBERS, *screens.INKS))])


class Lesson(NamedTuple):
    """A screen with what is asked of it."""

    pictures: Float[Tensor, "n 3 36 36"]
    elements: Int[Tensor, "n 8 2"]  # kinds and colours, 0 where nothing is
    description: Int[Tensor, "n words"]  # with the word that asks for it
    answering: Int[Tensor, "n words"]  # a question and last its answer
    pointing: Int[Tensor, "n words"]  # a command
    meant: Int[Tensor, " n"]  # the block that the command names, 0 to 5

    def of(self, rows: Tensor) -> "Lesson":
        """Some of the screens."""
        return Lesson(*(part[rows] for part in self))


def elements(screen: Screen) -> list[tuple[str, str]]:
    """Kind and colour of header, bar, and the blocks of three rows of two."""
    found = [("none", "none")] * ELEMENTS
    if screen.header:
        found[0] = ("header", screen.header)
    if screen.nav:
        found[1] = (screen.side, screen.nav)
    for at, row in enumerate(screen.rows):
        for place, block in enumerate(row):
            found[2 + 2 * at + place] = (block.kind, block.colour)
    return found


@cache
def lessons(split: str) -> Lesson:
    """Screens of a split, the exam's drawn apart from those on which settings were chosen."""
    rng, rows = random.Random(f"screens {split}"), []
    while len(rows) < COUNTS[split]:
        screen = code.sample(rng, "train" if split == "train" else "heldout", "screen")
        there = elements(screen)
        named = [(at, *one, ORDER[at // 2]) for at, one in enumerate(there[2:]) if one[0] != "none"]
        sole = [one for one in named if [other[1:] for other in named].count(one[1:]) == 1]
        if sole:
            rows.append((screen, there, rng.choice(sole), rng.choice(named), rng.choice(("colour", "kind"))))
    texts = [
        (f"describe {there[0][1]} {there[1][0]} {len(screen.blocks)} {there[2][0]}",
         f"{what} {asked[3]} {ORDER[asked[0] % 2]} {asked[2] if what == 'colour' else asked[1]}",
         f"tap {one[2]} {one[1]} {one[3]}")
        for screen, there, one, asked, what in rows
    ]  # fmt: skip
    drawn = np.stack([np.asarray(screens.draw(row[0]).reduce(2)) for row in rows])
    pairs = [[(KINDS.index(kind), COLOURS.index(colour)) for kind, colour in row[1]] for row in rows]
    return Lesson(
        torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.tensor(pairs),
        *(LEXICON.write([text[at] for text in texts], end=()) for at in range(3)),
        torch.tensor([row[2][0] for row in rows]),
    )  # fmt: skip
