"""What needs a look at several things at once: how many there are, where one is, how two stand to each other.

In the exam every answer to a type of question is as frequent as any other.
"""

import random
from functools import cache
from typing import NamedTuple

from labs.systems.parts.collages import NOTHING, looked

EACH = 90  # questions of each type in an exam
NONE = 16  # words: colours, 0 to 7, shapes, 8 to 15, and no word
TYPES = {"count": 3, "locate": 9, "across": 2, "along": 2}  # type of question -> number of answers
CHANCE = sum(1 / many for many in TYPES.values()) / len(TYPES)


class Question(NamedTuple):
    """What is asked of a scene."""

    scene: int
    type: int
    words: tuple[int, int, int, int]  # colour and shape of one or of two
    answer: int  # from 0 within its type


@cache
def questions(split: str) -> tuple[Question, ...]:
    """About every scene all that can be asked; but in the exam each answer to a type is as frequent as any other."""
    rng, found = random.Random(f"graph questions {split}"), []
    for scene, row in enumerate(looked(split).kinds.tolist()):
        found += _asked(scene, row, rng)
    if split == "train":
        return tuple(found)
    even: list[Question] = []
    for at, many in enumerate(TYPES.values()):
        even += [one for answer in range(many) for one in rng.sample(
            [one for one in found if (one.type, one.answer) == (at, answer)], EACH // many)]  # fmt: skip
    return tuple(even)


def _asked(scene: int, row: list[int], rng: random.Random) -> list[Question]:
    things = [(cell, (kind // 8, 8 + kind % 8)) for cell, kind in enumerate(row) if kind != NOTHING]
    names, asked = [name for _, name in things], []
    for word in sorted({word for name in names for word in name}):
        count = sum(word in name for name in names)
        if count <= TYPES["count"]:
            words = (word, NONE, NONE, NONE) if word < 8 else (NONE, word, NONE, NONE)
            asked.append(Question(scene, 0, words, count - 1))
    only = [(cell, name) for cell, name in things if names.count(name) == 1]
    asked += [Question(scene, 1, (*name, NONE, NONE), cell) for cell, name in only]
    pairs = [(one, other) for one in only for other in only if one != other]
    for (here, one), (there, other) in rng.sample(pairs, min(4, len(pairs))):
        if here % 3 != there % 3:
            asked.append(Question(scene, 2, (*one, *other), int(here % 3 > there % 3)))
        if here // 3 != there // 3:
            asked.append(Question(scene, 3, (*one, *other), int(here // 3 > there // 3)))
    return asked
