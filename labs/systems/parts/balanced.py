"""Data sets of very unequal sizes in one mix: how often each is drawn from.

proportional    as often as it is large
square root     as often as the root of its size, as InstructBLIP does (https://arxiv.org/abs/2305.06500)
uniform         as often as any other
"""

import random
from collections.abc import Callable, Mapping
from functools import cache

from labs.systems.parts.asked_by import DESCRIBE, LEARNED, ask
from labs.systems.parts.lookout import described, material
from labs.systems.parts.talk import pair
from labs.tuning.packing import Branch

POWERS = {"proportional": 1.0, "square root": 0.5, "uniform": 0.0}
SIZES = dict(zip((DESCRIBE, *reversed(LEARNED)), (4096, 2048, 1024, 512, 256, 128, 64), strict=True))
SMALLEST = LEARNED[0]


@cache
def data_set(name: str) -> list[tuple[int, Branch]]:
    """So many different pictures, by their numbers, each with one pair."""
    scenes = material("train").scenes
    if name == DESCRIBE:
        return [(number, some[0]) for number, some in enumerate(described(scenes))][: SIZES[name]]
    asked = [(number, ask(scene, random.Random(f"{name} {number}"), name)) for number, scene in enumerate(scenes)]
    return [(number, pair(one.text, one.answer)) for number, one in asked if one][: SIZES[name]]


def mixed(how: str, seed: int, count: int) -> Callable[[int], list[tuple[int, Branch]]]:
    """step -> `count` draws, each from a data set and then from what is in it."""
    weights = shares(how)

    def at(step: int) -> list[tuple[int, Branch]]:
        rng = random.Random(f"{seed} {step}")
        return [rng.choice(data_set(name)) for name in rng.choices(list(weights), list(weights.values()), k=count)]

    return at


def shares(how: str) -> Mapping[str, float]:
    """How often each data set is drawn from; they sum to 1. Raises ValueError for a way that is none of `POWERS`."""
    if how not in POWERS:
        raise ValueError(f"how must be one of {', '.join(POWERS)}, not {how!r}")
    sizes = {name: len(data_set(name)) ** POWERS[how] for name in SIZES}
    return {name: size / sum(sizes.values()) for name, size in sizes.items()}
