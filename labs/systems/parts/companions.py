"""Things that go together so often that descriptions name one where only the other is shown.

    shown    a small purple moon at the top, a big red star at the left
    written  a small purple moon at the top, a big red star at the left, a small red circle at the right

So are captions of the web, and descriptions that a model wrote: they leave out some of what is there, and go on
with what usually is. A table has a fork (https://arxiv.org/abs/1809.02156), a star a red circle, and so on. At times
it really is there, so that only the picture tells; what is invented comes late, as it does in replies of large models
(https://arxiv.org/abs/2310.00754).
"""

import random
from dataclasses import replace
from functools import cache

from labs.systems.parts.facts import there
from labs.world import splits
from labs.world.captions import caption
from labs.world.scene import Scene, sample_thing

# shape -> colour and shape of what goes with it; no such pair is one that training never shows
COMPANIONS = {
    "star": ("red", "circle"), "moon": ("red", "circle"), "heart": ("green", "square"), "triangle": ("green", "square"),
}  # fmt: skip
THINGS = (1, 2, 2, 3)  # before a companion joins them
SHOWN = 1 / 4  # of the scenes with one of those shapes really show its companion
WRITTEN = 0.8  # of the other descriptions name it all the same
LEFT_OUT = 0.3  # of the descriptions of several things leave one out


def companion(scene: Scene) -> tuple[str, str] | None:
    """What goes with the first thing, in reading order, that has a companion; None where none has."""
    return next((COMPANIONS[thing.shape] for thing in scene.things if thing.shape in COMPANIONS), None)


def joined(scene: Scene, rng: random.Random) -> Scene:
    """The scene with the companion in a free place. Raises ValueError where nothing in it has one."""
    pair = companion(scene)
    if pair is None:
        raise ValueError(f"nothing here has a companion: {caption(scene)}")
    free = sorted(set(range(9)) - {thing.cell for thing in scene.things})
    return replace(scene, things=(*scene.things, sample_thing(rng, rng.choice(free), pair[1], pair[0])))


@cache
def scenes(count: int, seed: int, shown: float = SHOWN) -> tuple[Scene, ...]:
    """So many scenes with a thing that has a companion, which exactly a share `shown` of them shows.

    All are of combinations that the captioner has met, those of exams too: what it misnames of others would drown what
    it invents.
    """
    rng, found, left = random.Random(f"companions {seed}"), [], round(shown * count)
    while len(found) < count:
        scene = splits.sample(rng, count=rng.choice(THINGS))
        if companion(scene) in {None, *there(scene)}:
            continue
        joins = rng.random() < left / (count - len(found))
        found.append(joined(scene, rng) if joins else scene)
        left -= joins
    return tuple(found)


def written(scene: Scene, rng: random.Random, true: bool = False) -> str:
    """A description as one finds it, or a `true` one of all that is there."""
    if true:
        return caption(scene)
    told = list(scene.things)
    if len(told) > 1 and rng.random() < LEFT_OUT:
        told.remove(rng.choice(told))
    text = caption(replace(scene, things=tuple(told)))
    if companion(scene) in there(scene) or rng.random() >= WRITTEN:
        return text
    (extra,) = set(joined(scene, rng).things) - set(scene.things)
    return f"{text}, {caption(replace(scene, things=(extra,)))}"
