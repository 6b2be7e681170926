"""Pages of pictures with a name beside each: new names to be learned from a few examples, in one look.

    <cls> in the picture <decode> dax <end> <cls> in the picture <decode> wug <end> ... <cls> in the picture <decode> ?

Two names stand for two shapes or for two colours; which, only several examples tell. As in Frozen's and Flamingo's
tests (Tsimpoukelli et al., 2021, https://arxiv.org/abs/2106.13884), a name means something else on every page.
"""

import random
from functools import cache
from typing import NamedTuple

from labs.systems.parts import eyes, told
from labs.systems.parts.lexicon import CLS, DECODE, END
from labs.systems.parts.lookout import EXAM
from labs.systems.parts.talk import write
from labs.tuning.packing import Row, question_answer

SHOWN = (CLS, *write("in the picture"))  # a picture: words that have nothing to say leave room for what is seen
POOL = {"train": 2048, "heldout": 800}  # scenes of one thing


class Page(NamedTuple):
    """Its row, and which scenes of the pool are its pictures, in order: the examples, then those to be named."""

    row: Row
    pictures: list[int]


@cache
def pool(split: str) -> tuple[eyes.Scene, ...]:
    """Scenes of one thing."""
    return eyes.scenes(split, POOL[split], seed=EXAM if split == "heldout" else 0)


@cache
def showing(split: str, about: str, meant: str) -> tuple[int, ...]:
    """Those of the pool whose thing has that shape or colour."""
    return tuple(i for i, scene in enumerate(pool(split)) if getattr(scene.things[0], about) == meant)


def page(rng: random.Random, split: str, shots: int, asked: int, swap: bool = False) -> Page:
    """`shots` examples of each of two names, in any order, and `asked` pictures to be named, as often one as the other.

    One of a picture's two attributes is what its name means, the other is drawn by chance. `swap` puts any pictures
    beside the names. The pictures to be named are drawn first: they are the same, however many examples there are.
    """
    names, about, meant = told.new_names(rng)
    fitting = [showing(split, about, one) for one in meant]
    asking = [(rng.choice(fitting[number % 2]), write(names[number % 2])) for number in range(asked)]
    examples = [(rng.choice(fitting[which]), write(names[which])) for which in [0, 1] * shots]
    rng.shuffle(examples)
    if swap:
        examples = [(rng.randrange(len(pool(split))), name) for _, name in examples]
    prefix = [number for _, name in examples for number in (*SHOWN, DECODE, *name, END)]
    branches = [question_answer([*SHOWN, DECODE], [*name, END]) for _, name in asking]
    return Page(Row(prefix, branches), [picture for picture, _ in (*examples, *asking)])
