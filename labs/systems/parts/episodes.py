"""Pages of pictures with a name beside each: new names to be learned from a few examples, in one look.

    <cls> in the picture <decode> dax <end> <cls> in the picture <decode> wug <end> ... <cls> in the picture <decode> ?

Two names stand for two shapes or for two colours. One example of each leaves open which, for a picture that has the
shape of one and the colour of the other; more examples tell. For that colour and shape must be independent, as they
are in training scenes but for one colour that each shape lacks: among held-out scenes of one thing each shape has one
colour alone. So the exam too is of trained combinations: new are its pictures and its pages, on each of which the names
mean what its examples alone tell, as in Frozen's and Flamingo's tests (Tsimpoukelli et al., 2021,
https://arxiv.org/abs/2106.13884).
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from labs.systems.parts import eyes, told
from labs.systems.parts.lexicon import CLS, DECODE, END
from labs.systems.parts.lookout import EXAM
from labs.systems.parts.talk import write
from labs.tuning.packing import Row, question_answer

SHOWN = (CLS, *write("in the picture"))  # a picture: words that have nothing to say leave room for what is seen
POOL = {"train": 2048, "exam": 800}  # scenes of one thing, both of trained combinations


class Page(NamedTuple):
    """Its row, and which scenes of the pool are its pictures, in order: the examples, then those to be named."""

    row: Row
    pictures: list[int]


@cache
def pool(split: str) -> tuple[eyes.Scene, ...]:
    """Scenes of one thing; those of the exam are none that anything was learned from. Raises ValueError."""
    if split not in POOL:
        raise ValueError(f"split must be one of {', '.join(POOL)}, not {split!r}")
    return eyes.scenes("train", POOL[split], seed=EXAM if split == "exam" else 0)


@cache
def showing(split: str, about: str, meant: str) -> tuple[int, ...]:
    """Those of the pool whose thing has that shape or colour."""
    return tuple(i for i, scene in enumerate(pool(split)) if getattr(scene.things[0], about) == meant)


def page(rng: random.Random, split: str, shots: int, asked: int, swap: bool = False) -> Page:
    """`shots` examples of each of two names, in any order, and `asked` pictures to be named, as often one as the other.

    One of a picture's two attributes is what its name means, the other is drawn by chance. `swap` puts any pictures
    beside the names of the examples. The pictures to be named are drawn first: they are the same, however many examples
    there are; a page of few examples is part of that of many. In the exam no picture comes twice on a page; in lessons
    it may.
    """
    names, about, meant = told.new_names(rng)
    fitting, taken = [showing(split, about, one) for one in meant], []
    asking = [(_drawn(rng, split, fitting[number % 2], taken), write(names[number % 2])) for number in range(asked)]
    examples = [(_drawn(rng, split, fitting[which], taken), write(names[which])) for which in [0, 1] * shots]
    rng.shuffle(examples)
    if swap:
        examples = [(_drawn(rng, split, range(len(pool(split))), taken), name) for _, name in examples]
    prefix = [number for _, name in examples for number in (*SHOWN, DECODE, *name, END)]
    branches = [question_answer([*SHOWN, DECODE], [*name, END]) for _, name in asking]
    return Page(Row(prefix, branches), [picture for picture, _ in (*examples, *asking)])


def _drawn(rng: random.Random, split: str, some: Sequence[int], taken: list[int]) -> int:
    """One of `some`, which is then `taken`: in the exam none that was taken before."""
    taken.append(rng.choice([one for one in some if one not in taken] if split == "exam" else some))
    return taken[-1]
