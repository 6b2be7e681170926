"""Scenes that differ in just what a search is about: twins, edits and what is near them, things alike in one way."""

import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from labs.systems.parts.company import move
from labs.world import splits
from labs.world.scene import Scene, sample_thing
from labs.world.vocabulary import COLOURS, SHAPES

RESPECTS = ("colour", "shape", "place")
ASKED = {"colour": "Make it {new}.", "shape": "Turn it into {a} {new}.", "place": "Put it at the {new}."}
THINGS = (2, 3)  # in scenes that have twins; those about which words are said have one


def exchanged(scene: Scene, rng: random.Random) -> Scene | None:
    """The scene with the colours of two things exchanged; None where all that differ in shape share a colour."""
    pairs = [(one, two) for one in scene.things for two in scene.things
             if one.cell < two.cell and one.colour != two.colour and one.shape != two.shape]  # fmt: skip
    if not pairs:
        return None
    one, two = rng.choice(pairs)
    rest = tuple(thing for thing in scene.things if thing not in (one, two))
    return replace(scene, things=(*rest, replace(one, colour=two.colour), replace(two, colour=one.colour)))


def scene_with_twin(rng: random.Random, split: str) -> tuple[Scene, Scene]:
    """A scene, and the same with two colours exchanged."""
    while True:
        scene = splits.sample(rng, split, count=rng.choice(THINGS))
        twin = exchanged(scene, rng)
        if twin and splits.is_held_out(twin) == (split == "heldout"):
            return scene, twin


class Edit(NamedTuple):
    """A scene of one thing, what is to be done to it, and the scene after that; `respect` is what changes."""

    before: Scene
    words: str
    after: Scene
    respect: str


def edit(rng: random.Random, split: str) -> Edit:
    """An edit that leads to a scene of the split; a held-out combination is wanted, and so need not be shown."""
    while True:
        after, respect = splits.sample(rng, split, count=1), rng.choice(RESPECTS)
        before = changed(after, respect, rng)
        if split == "heldout" or not splits.is_held_out(before):
            new = getattr(after.things[0], respect)
            article = "an" if new[0] in "aeiou" else "a"
            return Edit(before, ASKED[respect].format(new=new, a=article), after, respect)


def cube(one: Edit, rng: random.Random) -> list[Scene]:
    """Eight scenes, the wanted first: as before or after the edit, and in each other respect as it was or not."""
    others = {name: changed(one.after, name, rng) for name in RESPECTS if name != one.respect}
    others[one.respect] = one.before
    return [mixed(one.after, {name: others[name] for name in chosen})
            for size in range(4) for chosen in combinations(RESPECTS, size)]  # fmt: skip


def mixed(scene: Scene, others: Mapping[str, Scene]) -> Scene:
    """The scene with what some respects of its one thing are in others."""
    (thing,) = scene.things
    for respect, other in others.items():
        (from_,) = other.things
        thing = move(thing, from_.cell) if respect == "place" else replace(thing, **{respect: getattr(from_, respect)})
    return replace(scene, things=(thing,))


def changed(scene: Scene, respect: str, rng: random.Random) -> Scene:
    """The same thing in another colour, shape or place."""
    (thing,) = scene.things
    values = {"colour": tuple(COLOURS), "shape": SHAPES, "place": range(9)}[respect]
    value = rng.choice([value for value in values if value not in (getattr(thing, respect), thing.cell)])
    new = move(thing, value) if respect == "place" else replace(thing, **{respect: value})
    return replace(scene, things=(new,))


def like(scene: Scene, respect: str, rng: random.Random) -> Scene:
    """A thing of the same colour, shape or place as the scene's one thing, and in the two other respects another."""
    (thing,) = scene.things
    fixed = getattr(thing, respect)
    while True:
        other = sample_thing(rng, rng.randrange(9))
        found = replace(other, **{respect: fixed}) if respect != "place" else move(other, thing.cell)
        if all((getattr(found, name) == getattr(thing, name)) == (name == respect) for name in RESPECTS):
            return replace(scene, things=(found,))
