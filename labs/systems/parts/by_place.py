"""Which shape, which colour: asked about new scenes of what training showed, of one thing named by its place alone.

    What shape is the thing at the top left? -> star        What colour is the thing at the top left? -> blue

Held-out scenes show colours with shapes that they never had in training: a model that sees a colour and has learned
which shapes go with it is led away from the truth there. In new scenes of trained combinations it is not: who sees
nothing guesses one of eight, who sees the colour one of the seven shapes that go with it, all about equally frequent.
"""

import random
from functools import cache

from labs.systems.parts import early, eyes, lookout
from labs.systems.parts.lookout import EXAM, THINGS, Material
from labs.systems.parts.one_thing import question
from labs.systems.parts.talk import pair
from labs.world.scene import Scene
from labs.world.vocabulary import SHAPES

ASKED = 600  # scenes
KINDS = ("shape", "colour")
GUESSED = 1 / len(SHAPES)  # of shapes or of colours, by whoever does not see: there are eight of each


def scenes() -> tuple[Scene, ...]:
    """Of the split that is learned from, with as many things, but drawn with the seed of exams."""
    return eyes.scenes("train", ASKED, THINGS, EXAM)


@cache
def material(shared: bool) -> Material:
    """Each scene with a question of either kind about the same thing; seen as raw patches or as the eyes see it."""
    shown = scenes()
    about = [random.Random(f"by place {number}").choice(scene.things) for number, scene in enumerate(shown)]
    asked = [[question(thing, kind) for kind in KINDS] for thing in about]
    pairs = [[pair(one.text, one.answer) for one in some] for some in asked]
    seen = early.cut(shown) if shared else lookout.look(shown)
    return Material(shown, seen, pairs, [list(KINDS) for _ in shown])
