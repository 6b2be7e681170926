"""The teacher of a data engine as a plain function: from captions and boxes to questions and answers, in three kinds.

LLaVA's teacher is GPT-4, told by example what to write (https://arxiv.org/abs/2304.08485, section 3). This one takes
the same kind of text and says of it only what follows from it.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from labs.systems.parts.teacher_reads import Item, gather
from labs.systems.parts.teacher_writes import Turn, converse, describe, reason

KINDS = CONVERSATION, DESCRIPTION, REASONING = ("conversation", "detailed description", "complex reasoning")
TALKS, REASONS = 2, 1  # conversations about a picture, and questions that take reasoning


class Taught(NamedTuple):
    """What the teacher has written at one time: its kind, and questions with answers in turn."""

    kind: str
    turns: tuple[Turn, ...]


def teach(text: str, kinds: Sequence[str] = KINDS, draw: int = 0) -> list[Taught]:
    """A conversation, a description and some reasoning about the picture that the text stands for.

    The same text and draw are always taught in the same way. Raises TeacherError for a text that cannot be read.
    """
    return write(gather(text), random.Random(f"{draw} {text}"), kinds)


def write(items: Sequence[Item], rng: random.Random, kinds: Sequence[str] = KINDS) -> list[Taught]:
    """The same of things that are known."""
    written = []
    if CONVERSATION in kinds:
        written += [Taught(CONVERSATION, converse(items, rng)) for _ in range(TALKS)]
    if DESCRIPTION in kinds:
        written.append(Taught(DESCRIPTION, (describe(items, rng),)))
    if REASONING in kinds:
        written += [Taught(REASONING, (turn,)) for turn in reason(items, rng)[:REASONS]]
    return written
