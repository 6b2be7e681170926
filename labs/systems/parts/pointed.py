"""What pointing is taught and asked about: scenes of three things of different names, where each of them is, and what
is not there at all.

    point       Point at the red circle.       05,03,14,12
    refer       What is at 05,03,14,12?        a red circle
    absent      Point at the blue circle.      no, a red circle       (SESAME: see, and say what is there instead)
"""

import random
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.parts import eyes
from labs.systems.parts.box_words import Notation, write_box
from labs.systems.parts.limit_tuning import Lesson
from labs.world import regions
from labs.world.picture import SIZE, draw
from labs.world.questions import KINDS
from labs.world.questions import ask as ask_about
from labs.world.scene import Scene, Thing
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

THINGS = 3
TRAIN = 2000  # scenes
MIXES = {
    "pointing": ("point",) * THINGS,  # what is asked about the three things of each scene
    "premises": ("point", "point", "absent"),
    "several": ("point", "refer", "earlier"),
}


class Absent(NamedTuple):
    """Something that a scene does not show, and the thing of its shape that it does, None where there is none."""

    colour: str
    shape: str
    instead: Thing | None


@cache
def scenes(split: str, count: int, seed: int = 0) -> tuple[Scene, ...]:
    """Of three things, no two of which have the same colour and shape."""
    drawn = eyes.scenes(split, 2 * count, (THINGS,), seed)
    found = [one for one in drawn if len({(thing.colour, thing.shape) for thing in one.things}) == THINGS]
    return tuple(found[:count])


@cache
def true_boxes(split: str, count: int, seed: int = 0) -> Float[Tensor, "scenes 3 4"]:
    """Where their things are, in pixels."""
    return torch.from_numpy(np.stack([regions.boxes(scene) for scene in scenes(split, count, seed)])).float()


@cache
def usual_boxes() -> dict[tuple[str, ...], Float[Tensor, "4"]]:
    """For each shape and size, and for any (), the mean box in training, as it lies in its cell."""
    found = defaultdict(list)
    for scene, boxes in zip(scenes("train", TRAIN), true_boxes("train", TRAIN), strict=True):
        for thing, box in zip(scene.things, boxes, strict=True):
            for kind in ((thing.shape, thing.size), ()):
                found[kind].append(box - _corner(thing))
    return {kind: torch.stack(each).mean(0) for kind, each in found.items()}


def in_words(thing: Thing, place_alone: bool = False) -> Float[Tensor, "4"]:
    """The box that words can tell, without a fault: the usual one in its cell, of its shape and size or of anything."""
    usual = usual_boxes()
    return usual.get(() if place_alone else (thing.shape, thing.size), usual[()]) + _corner(thing)


def _corner(thing: Thing) -> Float[Tensor, "4"]:
    """Of its cell, in pixels, twice."""
    return torch.tensor([thing.column, thing.row] * 2) * SIZE / 3


def request(colour: str, shape: str) -> str:
    """How one is asked to point."""
    return f"Point at the {colour} {shape}."


def absent(scene: Scene, rng: random.Random, unseen: bool = False) -> Absent:
    """Half of the time the colour of one thing with the shape of another; else any. Kept back pairs only if `unseen`.

    Whoever is corrected is told of the thing of that shape, if exactly one has it.
    """
    there = {(thing.colour, thing.shape) for thing in scene.things}
    never = there if unseen else there | HELD_OUT_PAIRS
    mixed = [(one.colour, other.shape) for one in scene.things for other in scene.things]
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    near = [pair for pair in mixed if pair not in never]
    colour, shape = rng.choice(near if near and rng.random() < 0.5 else [pair for pair in pairs if pair not in never])
    same = [thing for thing in scene.things if thing.shape == shape]
    return Absent(colour, shape, same[0] if len(same) == 1 else None)


def correction(false: Absent) -> str:
    """What is answered where something is asked for that is not there."""
    return f"no, {name(false.instead)}" if false.instead else "no"


def name_of(colour: str, shape: str) -> str:
    """ "a red circle", "an orange star"."""
    return f"a{'n' * (colour[0] in 'aeiou')} {colour} {shape}"


def name(thing: Thing | Absent) -> str:
    """The same of a thing."""
    return name_of(thing.colour, thing.shape)


def question_at(words: str) -> str:
    """How one is asked what is in a box."""
    return f"What is at {words}?"


@cache
def turns() -> tuple[tuple[int, int], ...]:
    """The training scene and the thing of each lesson, the three things of a scene in random order."""
    rng = random.Random("turns")
    return tuple((number, thing) for number in range(TRAIN) for thing in rng.sample(range(THINGS), THINGS))


@cache
def lessons(mix: str, notation: Notation = "numbers") -> tuple[Lesson, ...]:
    """Three lessons about each training scene, of the kinds that `MIXES` says: in every mix about the same things."""
    rng, shown, found = random.Random("pointing lessons"), scenes("train", TRAIN), []
    pictures, boxes = [draw(scene) for scene in shown], true_boxes("train", TRAIN)
    for turn, (number, place) in enumerate(turns()):
        words = write_box(boxes[number, place].tolist(), notation)
        make = _LESSONS[MIXES[mix][turn % THINGS]]
        found.append(Lesson(pictures[number], *make(shown[number], shown[number].things[place], words, rng)))
    return tuple(found)


def _absent(scene: Scene, thing: Thing, words: str, rng: random.Random) -> tuple[str, str]:
    false = absent(scene, rng)
    return request(false.colour, false.shape), correction(false)


def _earlier(scene: Scene, thing: Thing, words: str, rng: random.Random) -> tuple[str, str]:
    asked = [ask_about(scene, rng, kind) for kind in rng.sample(KINDS, len(KINDS))]
    one = next(one for one in asked if one)
    return one.text, one.answer


_LESSONS: dict[str, Callable[[Scene, Thing, str, random.Random], tuple[str, str]]] = {
    "point": lambda scene, thing, words, rng: (request(thing.colour, thing.shape), words),
    "refer": lambda scene, thing, words, rng: (question_at(words), name(thing)),
    "absent": _absent,
    "earlier": _earlier,
}
