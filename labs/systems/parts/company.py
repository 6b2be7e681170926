"""Who might be shown together: pictures of two things, of which one picture shows just those that are asked for."""

import random
from dataclasses import replace
from functools import cache

from labs.world.scene import Scene, Thing


@cache
def company(singles: tuple[Scene, ...]) -> tuple[tuple[Scene, ...], tuple[Scene, ...]]:
    """For each scene of one thing another one, and four scenes of two things: only the first shows the things of both.

    In the others a stranger stands for the one, for the other, or for both; places and background are the same. All
    four things differ in colour.
    """
    rng, others, shown = random.Random("company"), [], []
    for scene in singles:
        second, *strange = drawn = rng.choices(singles, k=3)
        while len({one.things[0].colour for one in (scene, *drawn)}) < 4:
            second, *strange = drawn = rng.choices(singles, k=3)
        here, there = rng.sample(range(9), 2)
        others.append(second)
        for one in (scene, strange[0]):
            for two in (second, strange[1]):
                shown.append(replace(scene, things=(move(one.things[0], here), move(two.things[0], there))))
    return tuple(others), tuple(shown)


def move(thing: Thing, cell: int) -> Thing:
    """The same thing at the same spot of another cell."""
    x, y = thing.x - thing.column / 3, thing.y - thing.row / 3
    return replace(thing, x=x + cell % 3 / 3, y=y + cell // 3 / 3)
