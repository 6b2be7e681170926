"""Dialogues into which pictures come one after another, each with a question, so that the last ones have seen all.

    <cls> V V V V Where is the star in picture one <decode> top <end> <cls> V V V V | What colour ... in picture two
                                                                                    | How many ... in picture one

Earlier turns stand in what all last questions share, with their true answers; no last question was asked before.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from labs.systems.parts import told
from labs.systems.parts.lexicon import DECODE, END
from labs.systems.parts.school import of_page
from labs.systems.parts.talk import pair, read, see, write
from labs.tuning.packing import Row
from labs.world.scene import Scene

TOLD = 0  # visual tokens for a picture that is told in words instead


class Dialogue(NamedTuple):
    """Its row, and how many last questions it has about each of its pictures."""

    row: Row
    about: list[int]


def dialogue(rng: random.Random, scenes: Sequence[Scene], tokens: int, asked: int | None = None) -> Dialogue:
    """The scenes as pictures, with a question about one of those so far before each but the first.

    The last questions are `asked` of any kind about any picture, or by default one of every kind about each picture.
    With `TOLD` for visual tokens, the scenes are told in words. One picture alone is asked about as in single turns.
    """
    before, prefix = set(), []
    for number, scene in enumerate(scenes):
        prefix += see(tokens) if tokens != TOLD else read(told.tell(scene))
        if number < len(scenes) - 1:
            text, answer = ask(rng, scenes, rng.randrange(number + 1))
            before.add(text)
            prefix += [*write(text), DECODE, *write(answer), END]
    numbers = range(len(scenes))
    wanted = [(which, kind) for which in numbers for kind in told.KINDS]
    if asked is not None:
        wanted = [(rng.choice(numbers), rng.choice(told.KINDS)) for _ in range(asked)]
    last, about = [], [0] * len(scenes)
    for which, kind in wanted:
        found = ask(rng, scenes, which, kind)
        if found and found[0] not in before:
            last.append(pair(*found))
            about[which] += 1
    return Dialogue(Row(prefix, last), about)


def ask(rng: random.Random, scenes: Sequence[Scene], which: int, kind: str | None = None) -> tuple[str, str] | None:
    """A question about one of the scenes, and its answer; of `kind`, if the scene offers any, or of any kind."""
    kinds = rng.sample(told.KINDS, len(told.KINDS)) if kind is None else (kind,)
    for one in kinds:
        found = told.question(scenes[which], rng, one)
        if found:
            return of_page(found.text, found.answer, which) if len(scenes) > 1 else (found.text, found.answer)
    return None
