"""Descriptions by the shipped model that names what usually is there, contrasted in several ways or not at all."""

from functools import cache

from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts import companions
from labs.systems.parts.chair import MEASURES
from labs.systems.parts.companions import companion
from labs.systems.parts.contrasted import How, replies
from labs.systems.parts.eyes import picture_of
from labs.systems.parts.facts import stated, there
from labs.systems.parts.preferred import REQUEST
from labs.systems.parts.shipped_preference import shipped
from labs.world.scene import Scene

DESCRIBED, DATA, LONGEST = 300, 3000, 64  # pictures, the data seed to which those of arms are added, words
WAYS = {
    "greedy": None, "against noise": How(beta=0.5, step=999), "against noise, as published": How(),
    "against nothing": How("nothing", beta=0.5),
}  # fmt: skip


@cache
def talker() -> Loaded:
    """The shipped model that has learned descriptions as they are found, and names what usually is there."""
    return shipped().before


@cache
def scenes(seed: int) -> tuple[Scene, ...]:
    """New scenes, of which half show the usual companion of what else is there."""
    return companions.scenes(DESCRIBED, DATA + seed, 0.5)


@cache
def described(seed: int, way: str) -> list[str]:
    """What is said about each, in one of `WAYS`. Raises KeyError for another."""
    pictures = [picture_of(scene) for scene in scenes(seed)]
    return replies(talker(), pictures, [REQUEST] * len(pictures), LONGEST, WAYS[way], seed)


def measured(seed: int, way: str, measure: str) -> Scores:
    """One of `MEASURES` of each description."""
    values = [MEASURES[measure](text, scene) for text, scene in zip(described(seed, way), scenes(seed), strict=True)]
    return Scores(values, range(len(values)))


def of_others(seed: int, way: str) -> Scores:
    """For each scene the share of all other descriptions that name its companion if it is there, and not if not."""
    said, values = [stated(text) for text in described(seed, way)], []
    for number, scene in enumerate(scenes(seed)):
        fits = [(companion(scene) in one) == (companion(scene) in there(scene)) for one in said]
        values.append((sum(fits) - fits[number]) / (len(said) - 1))
    return Scores(values, range(len(values)))
