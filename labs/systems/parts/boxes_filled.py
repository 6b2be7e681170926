"""Whether things are where they were asked for, by a box or in words, as the judge sees it."""

import random
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.parts.grounded import NEVER_BOXED
from labs.systems.parts.picture_judge import Read, judge, overlap, truth
from labs.world.scene import Scene, sample_thing


def filled(
    pictures: Float[Tensor, "scenes 3 36 36"], scenes: Sequence[Scene], never: bool = False
) -> tuple[list[float], list[int]]:
    """How far each thing's box overlaps with the nearest thing of its colour, 0 if there is none; and whose it is.

    Of things of the shapes that came with boxes in training, or `never` did. Whether the shape is right is asked by
    `as_told`: here the place is in question.
    """
    return overlaps(judge(pictures), scenes, never)


def overlaps(found: Read, scenes: Sequence[Scene], never: bool = False) -> tuple[list[float], list[int]]:
    """The same of what was read."""
    true, values, whose = truth(scenes), [], []
    for number, scene in enumerate(scenes):
        for thing in scene.things:
            if (thing.shape in NEVER_BOXED) == never:
                box, colour = true.boxes[number, thing.cell], true.names[number, thing.cell, 1]
                same = (found.names[number, :, 1] == colour) & found.there[number]
                values.append((overlap(box.expand(len(same), 4), found.boxes[number]) * same).max().item())
                whose.append(number)
    return values, whose


def as_told(pictures: Float[Tensor, "scenes 3 36 36"], scenes: Sequence[Scene]) -> tuple[list[float], list[int]]:
    """1 where the cell of a thing shows it, with its shape, colour and size; and whose scene it is."""
    found, true = judge(pictures), truth(scenes)
    right, (whose, cells) = (found.names == true.names).all(-1), true.there.nonzero(as_tuple=True)
    return right[whose, cells].float().tolist(), whose.tolist()


def same_words(scenes: Sequence[Scene], seed: int) -> list[Scene]:
    """Other scenes with the same captions: where in its cell a thing lies is drawn again, as the world does it."""
    rng, again = random.Random(seed), []
    for scene in scenes:
        things = []
        for thing in scene.things:
            other = sample_thing(rng, thing.cell)
            while other.size != thing.size:
                other = sample_thing(rng, thing.cell)
            things.append(replace(thing, x=other.x, y=other.y, tilt=other.tilt))
        again.append(replace(scene, things=tuple(things)))
    return again


def elsewhere(at: Float[Tensor, "scenes phrases 4"], scenes: Sequence[Scene]) -> Float[Tensor, "scenes phrases 4"]:
    """Each scene gets the boxes of the next one with as many things."""
    counts, moved = torch.tensor([len(scene.things) for scene in scenes]), at.clone()
    for count in counts.unique():
        same = (counts == count).nonzero().flatten()
        moved[same] = at[same.roll(-1)]
    return moved
