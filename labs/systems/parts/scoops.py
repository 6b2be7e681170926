"""Pictures whose captions differ in the order of two words alone: "a pink scoop on top and a blue scoop on bottom"."""

import random
from dataclasses import replace
from functools import cache

from labs.world.scene import Scene, sample_background, sample_thing
from labs.world.splits import has_held_out_pair
from labs.world.vocabulary import COLOURS, SHAPES


@cache
def scoops(count: int) -> tuple[tuple[Scene, ...], tuple[Scene, ...], tuple[Scene, ...]]:
    """Two things of one shape above each other; the same with exchanged colours; and with one colour that is not there.

    No thing in them is of a held-out combination: only the order is asked about.
    """
    rng, found = random.Random("scoops"), []
    while len(found) < count:
        shape, (one, two, other) = rng.choice(SHAPES), rng.sample(tuple(COLOURS), 3)
        column, (high, low) = rng.randrange(3), sorted(rng.sample(range(3), 2))
        things = (sample_thing(rng, 3 * high + column, shape, one), sample_thing(rng, 3 * low + column, shape, two))
        looks = sample_background(rng)
        trio = [Scene((replace(things[0], colour=first), replace(things[1], colour=second)), **looks)
                for first, second in ((one, two), (two, one), (one, other))]  # fmt: skip
        if not any(map(has_held_out_pair, trio)):
            found.append(trio)
    return tuple(zip(*found, strict=True))
