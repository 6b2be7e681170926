"""New scenes of which half show a companion, and what is asked about them besides a description."""

import random
from functools import cache

from labs.evaluation.exam import Exam, Item
from labs.systems.parts import companions, eyes
from labs.systems.parts.preferred import questions
from labs.systems.parts.statements import KINDS
from labs.world.scene import Scene

EXAM, PICTURES = 2000, 300  # data seed, beyond those of what is learned from, and scenes
ASKED = 60  # of them, about which short questions are asked


@cache
def examined() -> tuple[Scene, ...]:
    """The scenes, of combinations that training shows, but none of its scenes."""
    return companions.scenes(PICTURES, EXAM, 0.5)


@cache
def short() -> Exam:
    """Questions of every kind about some of the scenes."""
    scenes = examined()[:ASKED]
    rngs = [random.Random(f"short {number}") for number in range(ASKED)]
    items = [Item(number, "short", *turn) for number, scene in enumerate(scenes)
             for turn in questions(scene, rngs[number], len(KINDS))]  # fmt: skip
    return Exam([eyes.picture_of(scene) for scene in scenes], items)
